"""HTTP requests to the servers that the operator allows.

    from rustus_hook import http

    response = http.post("http://127.0.0.1:8000/done", b"{}", {"content-type": "application/json"})

The world in ``wit/world.wit`` imports ``wasi:http/outgoing-handler@0.2.0``, and
``NAME.toml`` names the server under ``[allow.http]``. Redirects are not followed.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any
from urllib.parse import urlsplit

from . import generated

# What one write of wasi:io takes.
_CHUNK = 4096


class HttpError(Exception):
    """There was no answer: the server is not allowed or not there, or took too long."""


@dataclass(frozen=True)
class Response:
    """What a server answered."""

    status: int
    headers: list[tuple[str, str]]
    body: bytes

    @property
    def is_success(self) -> bool:
        """Whether the status is one of 200 to 299."""
        return 200 <= self.status < 300


def get(url: str, headers: Mapping[str, str] | None = None) -> Response:
    """Asks for a resource."""
    return request("GET", url, b"", headers)


def post(url: str, body: bytes, headers: Mapping[str, str] | None = None) -> Response:
    """Sends a body."""
    return request("POST", url, body, headers)


def request(
    method: str, url: str, body: bytes = b"", headers: Mapping[str, str] | None = None
) -> Response:
    """Sends a request and reads the answer. Raises ``HttpError`` if there is none."""
    types = generated.http_types
    if types is None:
        raise HttpError("wit/world.wit does not import wasi:http/outgoing-handler@0.2.0")
    try:
        fields = types.Fields()
        for name, value in {"content-length": str(len(body)), **(headers or {})}.items():
            fields.append(name, value.encode())
        outgoing = _outgoing(fields, method, url)
        content = outgoing.body()
        coming = generated.outgoing_handler.handle(outgoing, None)
        _send(content, body)
        coming.subscribe().block()
        return _read(_answer(coming))
    except generated.Err as error:
        raise HttpError(f"{method} {_without_query(url)}: {_said(error.value)}") from None


def _outgoing(fields: Any, method: str, url: str) -> Any:
    types = generated.http_types
    parts = urlsplit(url)
    outgoing = types.OutgoingRequest(fields)
    outgoing.set_method(types.Method_Other(method))
    outgoing.set_scheme(types.Scheme_Https() if parts.scheme == "https" else types.Scheme_Http())
    outgoing.set_authority(parts.netloc)
    query = f"?{parts.query}" if parts.query else ""
    outgoing.set_path_with_query((parts.path or "/") + query)
    return outgoing


def _send(content: Any, body: bytes) -> None:
    # Where this breaks off, the answer says why.
    try:
        with content.write() as stream:
            for start in range(0, len(body), _CHUNK):
                stream.blocking_write_and_flush(body[start : start + _CHUNK])
        generated.http_types.OutgoingBody.finish(content, None)
    except generated.Err:
        return


def _answer(coming: Any) -> Any:
    # Two results: whether it was taken before, and whether there is an answer.
    result = coming.get()
    while not isinstance(result, generated.Err) and hasattr(result, "value"):
        result = result.value
    if isinstance(result, generated.Err):
        raise result
    return result


def _read(response: Any) -> Response:
    headers = [(name, value.decode(errors="replace")) for name, value in response.headers().entries()]
    body = b""
    with response.consume() as content, content.stream() as stream:
        while True:
            try:
                body += stream.blocking_read(64 * 1024)
            except generated.Err as error:
                if type(error.value).__name__ == "StreamError_Closed":
                    return Response(response.status(), headers, body)
                raise


def _said(error: Any) -> str:
    return type(error).__name__.removeprefix("ErrorCode_")


def _without_query(url: str) -> str:
    return url.split("?", 1)[0]
