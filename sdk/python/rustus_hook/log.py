"""Lines in the server's log.

    from rustus_hook import log

    log.info("finished", upload=event.upload.id)

The server adds the plugin, its digest, the event and the upload. Never log
secrets, tokens or the content of files. In a native test the lines go to stderr.
"""

from __future__ import annotations

import sys
from typing import Any

from . import generated


def trace(message: str, **fields: Any) -> None:
    """Writes a line that only a search for a fault needs."""
    _write("trace", message, fields)


def debug(message: str, **fields: Any) -> None:
    """Writes a line for who develops."""
    _write("debug", message, fields)


def info(message: str, **fields: Any) -> None:
    """Writes a line that is good to know."""
    _write("info", message, fields)


def warn(message: str, **fields: Any) -> None:
    """Writes a line about what may become a fault."""
    _write("warn", message, fields)


def error(message: str, **fields: Any) -> None:
    """Writes a line about a fault."""
    _write("error", message, fields)


def _write(level: str, message: str, fields: dict[str, Any]) -> None:
    log = generated.log
    if log is None:
        print(level, message, *(f"{key}={value}" for key, value in fields.items()), file=sys.stderr)
        return
    pairs = [log.Field(key, str(value)) for key, value in fields.items()]
    log.write(log.Level[level.upper()], message, pairs)
