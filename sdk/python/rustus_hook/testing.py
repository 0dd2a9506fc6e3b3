"""Events and configuration for tests that run natively.

    from rustus_hook import reject, testing

    def test_programs_are_refused():
        assert no_programs(testing.event({"filename": "a.exe"})).status == 415
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from types import SimpleNamespace
from typing import Any

from .configuration import config as _config
from .events import Event
from .secret import native as _secrets


def event(
    metadata: Mapping[str, str | bytes] | None = None,
    *,
    length: int | None = 5,
    offset: int = 0,
    headers: Mapping[str, str] | Iterable[tuple[str, str]] = (),
    method: str = "POST",
    uri: str = "/files",
) -> Event:
    """An event about an upload with this metadata, caused by a ``POST``.

    A header field that is sent several times stands in a list of pairs as often.
    """
    time = SimpleNamespace(seconds=1_700_000_000, nanoseconds=0)
    upload = SimpleNamespace(
        id="24e533e02ec3bc40c387f1a0e460e216",
        offset=offset,
        length=length,
        metadata=[
            SimpleNamespace(key=key, value=value.encode() if isinstance(value, str) else value)
            for key, value in (metadata or {}).items()
        ],
        kind=None,
        storage="file_storage",
        path=None,
        created_at=time,
    )
    request = SimpleNamespace(
        method=method,
        uri=uri,
        remote_address="127.0.0.1",
        headers=[
            SimpleNamespace(name=name.lower(), value=value)
            for name, value in (headers.items() if isinstance(headers, Mapping) else headers)
        ],
    )
    raw = SimpleNamespace(
        id="018bcfe5-6800-7000-8000-000000000000", time=time, upload=upload, request=request
    )
    return Event(raw)


def config(table: Mapping[str, Any]) -> None:
    """Sets what ``rustus_hook.config`` holds."""
    _config._table = dict(table)


def secrets(values: Mapping[str, str]) -> None:
    """Sets what ``rustus_hook.secret`` gives."""
    _secrets.clear()
    _secrets.update(values)
