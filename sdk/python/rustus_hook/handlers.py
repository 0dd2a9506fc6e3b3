"""Decorators that make functions the answers to events.

Each gives the module of its function the class that componentize-py looks for:
the world in ``wit/world.wit`` exports an interface such as ``pre-create``, and
the class ``PreCreate`` with a method ``decide`` is its answer.
"""

from __future__ import annotations

import sys
from collections.abc import Callable
from typing import Any, TypeVar

from . import generated, wire
from .answers import HookError, Proceed, Reject
from .events import Event, EventKind, Notification

Decide = Callable[[Event], "Proceed | Reject | None"]
Told = Callable[[Event], "Reject | None"]
Notified = Callable[[Notification, Event], "Reject | None"]
Delivered = Callable[[EventKind, Event], None]
Function = TypeVar("Function", bound=Callable[..., Any])


def pre_create(function: Decide) -> Decide:
    """Answers whether an upload may be created. It may change the metadata, id
    and path of the upload and add headers to the response."""
    return _decides(function, "PreCreate", wire.create_decision)


def pre_finish(function: Decide) -> Decide:
    """Answers whether an upload is accepted, now that all of it is stored. It may
    change status, headers and body of the response."""
    return _decides(function, "PreFinish", wire.finish_decision)


def pre_get(function: Decide) -> Decide:
    """Answers whether an upload may be read."""
    return _decides(function, "PreGet", wire.get_decision)


def pre_terminate(function: Decide) -> Decide:
    """Answers whether an upload may be removed."""
    return _decides(function, "PreTerminate", wire.terminate_decision)


def notifications(function: Notified) -> Notified:
    """Is told of everything that happened, with what it was."""
    for what in Notification:
        _told(function, what, lambda event, what=what: function(what, event))
    return function


def post_create(function: Told) -> Told:
    """Is told that an upload was created."""
    return _told(function, Notification.POST_CREATE, function)


def post_receive(function: Told) -> Told:
    """Is told that bytes came. To return ``reject(...)`` stops the upload."""
    return _told(function, Notification.POST_RECEIVE, function)


def post_finish(function: Told) -> Told:
    """Is told that an upload is finished."""
    return _told(function, Notification.POST_FINISH, function)


def post_terminate(function: Told) -> Told:
    """Is told that an upload was removed."""
    return _told(function, Notification.POST_TERMINATE, function)


def sink(function: Delivered) -> Delivered:
    """Is given every event, to pass it on."""

    def deliver(self: Any, kind: Any, event: Any) -> None:
        try:
            function(EventKind(wire.name(kind)), Event(event))
        except HookError as error:
            raise wire.hook_error(error) from error

    _export(function, "Sink", deliver=deliver)
    return function


def _decides(function: Function, interface: str, answer: Callable[[Any], Any]) -> Function:
    def decide(self: Any, event: Any) -> Any:
        try:
            return answer(function(Event(event)))
        except HookError as error:
            raise wire.hook_error(error) from error

    _export(function, interface, decide=decide)
    return function


_listeners: dict[str, Callable[[Event], Any]] = {}


def _told(function: Function, what: Notification, listener: Callable[[Event], Any]) -> Function:
    _listeners[what.value] = listener

    def notify(self: Any, what: Any, event: Any) -> Any:
        listener = _listeners.get(wire.name(what))
        try:
            return wire.reaction(listener(Event(event)) if listener else None)
        except HookError as error:
            raise wire.hook_error(error) from error

    _export(function, "Notifications", notify=notify)
    return function


def _export(function: Callable[..., Any], interface: str, **methods: Any) -> None:
    if generated.exports is None:
        # A native test: nothing is exported.
        return
    if not hasattr(generated.exports, interface):
        kebab = "".join(f"-{c.lower()}" if c.isupper() else c for c in interface).lstrip("-")
        raise SystemExit(
            f"{function.__name__} answers {kebab}, which wit/world.wit does not export: "
            f"add `export rustus:hooks/{kebab}@0.1.0;`"
        )
    setattr(sys.modules[function.__module__], interface, type(interface, (), methods))
