"""What happened: the upload as it stands and the request that caused it."""

from __future__ import annotations

from datetime import datetime, timedelta, timezone
from enum import Enum
from functools import cached_property
from typing import Any

from . import generated

_EPOCH = datetime(1970, 1, 1, tzinfo=timezone.utc)


class Notification(str, Enum):
    """What a hook is told of."""

    POST_CREATE = "post-create"
    POST_RECEIVE = "post-receive"
    POST_FINISH = "post-finish"
    POST_TERMINATE = "post-terminate"


class EventKind(str, Enum):
    """What a sink is told of."""

    PRE_CREATE = "pre-create"
    POST_CREATE = "post-create"
    POST_RECEIVE = "post-receive"
    PRE_FINISH = "pre-finish"
    POST_FINISH = "post-finish"
    PRE_GET = "pre-get"
    PRE_TERMINATE = "pre-terminate"
    POST_TERMINATE = "post-terminate"


class Event:
    """One moment in the life of an upload."""

    def __init__(self, raw: Any) -> None:
        # Most hooks look at one part: what they do not look at costs nothing.
        self._raw = raw

    @property
    def id(self) -> str:
        """Unique, ordered by time, the same when it is told again."""
        return self._raw.id

    @cached_property
    def upload(self) -> Upload:
        """The upload as it stood."""
        return Upload(self._raw.upload)

    @cached_property
    def request(self) -> Request:
        """The request that caused it."""
        return Request(self._raw.request)

    @property
    def time(self) -> datetime:
        """When it happened, in UTC, to the microsecond."""
        return _moment(self._raw.time)


class Upload:
    """An upload as it stood when the event happened."""

    def __init__(self, raw: Any) -> None:
        self._raw = raw
        self.id: str = raw.id
        """The last part of its URL."""
        self.offset: int = raw.offset
        """How many bytes are stored."""
        self.length: int | None = raw.length
        """How many bytes there will be, if the client has said it."""
        self.storage: str = raw.storage
        """The name of the storage, such as ``file_storage``."""
        self.path: str | None = raw.path
        """Where the storage keeps the bytes; None in ``pre_create``."""

    @cached_property
    def metadata(self) -> dict[str, str]:
        """The metadata whose values are UTF-8, in the client's order."""
        text = {}
        for entry in self._raw.metadata:
            try:
                text[entry.key] = entry.value.decode()
            except UnicodeDecodeError:
                continue
        return text

    @cached_property
    def metadata_bytes(self) -> dict[str, bytes]:
        """All of the metadata, as bytes, in the client's order."""
        return {entry.key: entry.value for entry in self._raw.metadata}

    @property
    def is_complete(self) -> bool:
        """Whether all bytes are stored."""
        return self.length == self.offset

    @property
    def is_partial(self) -> bool:
        """Whether it is a part of an upload to come."""
        return type(self._raw.kind).__name__ == "UploadKind_Partial"

    @property
    def parts(self) -> list[str] | None:
        """The ids of the uploads that it is made of; None if it is not."""
        kind = self._raw.kind
        return list(kind.value) if type(kind).__name__ == "UploadKind_Final" else None

    @property
    def created_at(self) -> datetime:
        """When it was created, in UTC."""
        return _moment(self._raw.created_at)


class Request:
    """The request that caused an event.

    Its header fields are asked of the server when they are wanted, and it knows
    those of the event that is being answered: a request that was put away gives
    those of the event at hand, not its own.
    """

    def __init__(self, raw: Any) -> None:
        self._raw = raw
        self.method: str = raw.method
        self.uri: str = raw.uri
        """Path and query as the client sent them."""
        self.remote_address: str | None = raw.remote_address
        """The client's address without port, if it is known."""

    @property
    def headers(self) -> list[tuple[str, str]]:
        """All header fields, with their names in lower case. Never log them."""
        host = generated.request_headers
        # In a native test there are those that `testing.event` was given.
        fields = self._raw.headers if host is None else host.all()
        return [(field.name, field.value) for field in fields]

    def header(self, name: str) -> str | None:
        """The first header field of this name, in any case."""
        values = self.header_values(name)
        return values[0] if values else None

    def header_values(self, name: str) -> list[str]:
        """All header fields of this name, in any case, in their order."""
        host = generated.request_headers
        if host is None:
            return [value for listed, value in self.headers if listed == name.lower()]
        return host.get(name)


def _moment(raw: Any) -> datetime:
    return _EPOCH + timedelta(seconds=raw.seconds, microseconds=raw.nanoseconds // 1000)
