"""What a hook answers: go on, go on with changes, refuse, or no answer at all."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field


@dataclass(frozen=True)
class Reject:
    """The request is not carried out; the client is answered this."""

    status: int
    body: str = ""
    headers: Mapping[str, str] = field(default_factory=dict)


@dataclass(frozen=True)
class Proceed:
    """The request goes on with what is not None here."""

    metadata: Mapping[str, str | bytes] | None = None
    id: str | None = None
    path: str | None = None
    status: int | None = None
    headers: Mapping[str, str] = field(default_factory=dict)
    body: str | None = None


def reject(status: int, body: str = "", headers: Mapping[str, str] | None = None) -> Reject:
    """Refuses the request with a status of 400 to 599.

    Without a ``content-type`` the body is sent as plain text. As the answer to
    ``post_receive`` it stops the upload.
    """
    return Reject(status, body, dict(headers or {}))


def proceed(
    *,
    metadata: Mapping[str, str | bytes] | None = None,
    id: str | None = None,
    path: str | None = None,
    status: int | None = None,
    headers: Mapping[str, str] | None = None,
    body: str | None = None,
) -> Proceed:
    """Lets the request go on with changes.

    ``pre_create`` may replace the ``metadata``, choose ``id`` and ``path`` and
    add ``headers`` to the response. ``pre_finish`` may set ``status``,
    ``headers`` and ``body`` of the response. The others change nothing.
    """
    return Proceed(metadata, id, path, status, dict(headers or {}), body)


class HookError(Exception):
    """The hook could not answer. The client gets 503 and never sees the text."""


class Retry(HookError):
    """It may work later, after so many seconds if that is known."""

    def __init__(self, after: float | None = None) -> None:
        super().__init__("later" if after is None else f"in {after} s")
        self.after = after


class Permanent(HookError):
    """It will not work, however often it is tried."""


class Other(HookError):
    """Anything else."""
