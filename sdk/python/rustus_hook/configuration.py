"""The ``[config]`` table of the plugin's ``NAME.toml``."""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping
from typing import Any

from . import generated
from .answers import Permanent


class Config(Mapping[str, Any]):
    """A dictionary of what the operator wrote.

    It is there while a hook answers, and not while the module is imported: that
    happens once, when the component is built.
    """

    def __init__(self) -> None:
        self._table: dict[str, Any] | None = None

    def _all(self) -> dict[str, Any]:
        if self._table is None:
            # In a native test there is what `testing.config` sets.
            self._table = json.loads(generated.config.all()) if generated.config else {}
        return self._table

    def __getitem__(self, key: str) -> Any:
        try:
            return self._all()[key]
        except KeyError:
            raise Permanent(f"NAME.toml has no `{key}` under [config]") from None

    def get(self, key: str, default: Any = None) -> Any:
        """What stands under ``key``, or ``default``."""
        return self._all().get(key, default)

    def __contains__(self, key: object) -> bool:
        return key in self._all()

    def __iter__(self) -> Iterator[str]:
        return iter(self._all())

    def __len__(self) -> int:
        return len(self._all())


config = Config()
