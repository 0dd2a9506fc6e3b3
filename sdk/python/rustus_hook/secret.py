"""The secrets under ``[secrets]`` in the plugin's ``NAME.toml``."""

from __future__ import annotations

from . import generated
from .answers import Permanent

native: dict[str, str] = {}
"""What there is in a native test."""


def secret(name: str) -> str:
    """What stands behind ``name``. ``Permanent`` if the operator has not listed it.

    It is there while a hook answers, and not while the module is imported.
    """
    if generated.secrets is None:
        try:
            return native[name]
        except KeyError:
            raise Permanent(f"the secret `{name}` is not set") from None
    try:
        return generated.secrets.get(name)
    except generated.Err as error:
        raise Permanent(error.value.value) from None
