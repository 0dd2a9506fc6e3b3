"""What componentize-py generates from ``wit/``. Without a component there is
nothing of it: all is None in a native test.

All of it is imported while the component is built: at run time there are no files
to import from.
"""

from importlib import import_module
from typing import Any


def _module(*names: str) -> Any:
    for name in names:
        try:
            return import_module(name)
        except ModuleNotFoundError:
            continue
    return None


exports = _module("wit_world.exports")
"""The interfaces that the world exports, as classes."""

# Called `types` unless the world has another interface of that name, such as that
# of wasi:http.
types = _module("wit_world.imports.rustus_hooks_types", "wit_world.imports.types")
config = _module("wit_world.imports.config")
log = _module("wit_world.imports.log")
request_headers = _module("wit_world.imports.request_headers")
secrets = _module("wit_world.imports.secrets")
pre_create = _module("wit_world.exports.pre_create")
pre_finish = _module("wit_world.exports.pre_finish")
pre_get = _module("wit_world.exports.pre_get")
pre_terminate = _module("wit_world.exports.pre_terminate")
notifications = _module("wit_world.exports.notifications")

outgoing_handler = _module("wit_world.imports.outgoing_handler")
http_types = _module("wit_world.imports.wasi_http_types")

Err = getattr(_module("componentize_py_types"), "Err", None)
"""How the generated code raises an error of the interface."""
