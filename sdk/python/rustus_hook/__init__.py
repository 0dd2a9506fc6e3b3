"""Write upload hooks for the rustus server in Python.

A hook is a function of a few lines. A decorator says which event it answers;
componentize-py makes a component of it that the server loads:

    from rustus_hook import pre_create, reject

    @pre_create
    def no_programs(event):
        if event.upload.metadata.get("filename", "").endswith(".exe"):
            return reject(415, "Programs are not accepted.")

A function that returns nothing lets the request go on. One that returns
``reject(...)`` refuses it, one that returns ``proceed(...)`` changes something.
``Retry``, ``Permanent`` and ``Other`` are raised where there is no answer. Any
other exception is a crash: the client gets 503, and the traceback goes to the
server's log.

The functions run natively as well, which is how they are tested: see
``rustus_hook.testing``.
"""

from .answers import (
    HookError,
    Other,
    Permanent,
    Proceed,
    Reject,
    Retry,
    proceed,
    reject,
)
from .configuration import config
from .events import Event, EventKind, Notification, Request, Upload
from .handlers import (
    notifications,
    post_create,
    post_finish,
    post_receive,
    post_terminate,
    pre_create,
    pre_finish,
    pre_get,
    pre_terminate,
    sink,
)
from .secret import secret

__all__ = [
    "Event",
    "EventKind",
    "HookError",
    "Notification",
    "Other",
    "Permanent",
    "Proceed",
    "Reject",
    "Request",
    "Retry",
    "Upload",
    "config",
    "notifications",
    "post_create",
    "post_finish",
    "post_receive",
    "post_terminate",
    "pre_create",
    "pre_finish",
    "pre_get",
    "pre_terminate",
    "proceed",
    "reject",
    "secret",
    "sink",
]
