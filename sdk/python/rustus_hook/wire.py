"""Answers in the types that componentize-py generates from ``wit/``."""

from __future__ import annotations

from collections.abc import Mapping
from functools import cache
from typing import Any

from . import generated
from .answers import HookError, Permanent, Proceed, Reject, Retry

_NOTHING = Proceed()


def create_decision(answer: Any) -> Any:
    """An answer to ``pre_create``."""
    if answer is None:
        return _unchanged_creation()
    raw = generated.pre_create
    if isinstance(answer, Reject):
        return raw.CreateDecision_Reject(_rejection(answer))
    answer = _proceeds(answer, "pre_create", status=False, body=False)
    metadata = None
    if answer.metadata is not None:
        metadata = [
            generated.types.MetadataEntry(key, value.encode() if isinstance(value, str) else bytes(value))
            for key, value in answer.metadata.items()
        ]
    changes = raw.CreateChanges(metadata, answer.id, answer.path, _headers(answer.headers))
    return raw.CreateDecision_Proceed(changes)


def finish_decision(answer: Any) -> Any:
    """An answer to ``pre_finish``."""
    if answer is None:
        return _unchanged_finish()
    raw = generated.pre_finish
    if isinstance(answer, Reject):
        return raw.FinishDecision_Reject(_rejection(answer))
    answer = _proceeds(answer, "pre_finish", metadata=False, id=False, path=False)
    changes = raw.FinishChanges(answer.status, _headers(answer.headers), answer.body)
    return raw.FinishDecision_Proceed(changes)


def get_decision(answer: Any) -> Any:
    """An answer to ``pre_get``."""
    raw = generated.pre_get
    if isinstance(answer, Reject):
        return raw.GetDecision_Reject(_rejection(answer))
    _unchanged(answer, "pre_get")
    return raw.GetDecision_Proceed()


def terminate_decision(answer: Any) -> Any:
    """An answer to ``pre_terminate``."""
    raw = generated.pre_terminate
    if isinstance(answer, Reject):
        return raw.TerminateDecision_Reject(_rejection(answer))
    _unchanged(answer, "pre_terminate")
    return raw.TerminateDecision_Proceed()


def reaction(answer: Any) -> Any:
    """An answer to a notification."""
    raw = generated.notifications
    if isinstance(answer, Reject):
        return raw.Reaction_Stop(_rejection(answer))
    _unchanged(answer, "a notification")
    return raw.Reaction_Done()


def hook_error(error: HookError) -> Exception:
    """An error as the generated code wants it raised."""
    types, err = generated.types, generated.Err
    if isinstance(error, Retry):
        after = None if error.after is None else round(error.after * 1000)
        return err(types.HookError_Retry(after))
    if isinstance(error, Permanent):
        return err(types.HookError_Permanent(str(error)))
    return err(types.HookError_Other(str(error)))


def name(case: Any) -> str:
    """The name of an enum's case as everywhere in the server: ``post-create``."""
    return case.name.lower().replace("_", "-")


# Most answers change nothing: these are made once.
@cache
def _unchanged_creation() -> Any:
    return create_decision(_NOTHING)


@cache
def _unchanged_finish() -> Any:
    return finish_decision(_NOTHING)


def _proceeds(answer: Any, event: str, **allowed: bool) -> Proceed:
    if not isinstance(answer, Proceed):
        raise TypeError(f"{event} answers with proceed(), reject() or None, not {answer!r}")
    for field in allowed:
        if getattr(answer, field) is not None:
            raise TypeError(f"{event} can't change `{field}`")
    return answer


def _unchanged(answer: Any, event: str) -> None:
    if answer is not None and answer != _NOTHING:
        raise TypeError(f"{event} changes nothing: it answers with reject() or None, not {answer!r}")


def _rejection(answer: Reject) -> Any:
    return generated.types.Rejection(answer.status, _headers(answer.headers), answer.body)


def _headers(headers: Mapping[str, str]) -> list[Any]:
    return [generated.types.Header(key, value) for key, value in headers.items()]

