"""Passes events on: to a topic of Kafka, an exchange of AMQP, or a service of gRPC.

There is no layer over these three in the SDK: they are what componentize-py makes of
``wit/``, so this runs in a component only.
"""

import json

from componentize_py_types import Err
from rustus_hook import Other, Permanent, config, sink
from wit_world.imports import amqp, grpc, kafka


@sink
def pass_on(kind, event):
    """Delivers to what ``to`` of the configuration names."""
    deliver = {"kafka": to_kafka, "amqp": to_amqp, "grpc": to_grpc}[config["to"]]
    try:
        deliver(kind, event)
    except Err as error:
        raise failed(error.value) from None


def to_kafka(kind, event):
    headers = [kafka.MessageHeader("event-id", event.id.encode())]
    kafka.send(kafka.Message("uploads", event.upload.id.encode(), headers, news(kind, event)))


def to_amqp(kind, event):
    amqp.publish(
        amqp.Message(
            exchange="uploads",
            routing_key=kind.value,
            content_type="application/json",
            content_encoding="utf-8",
            message_id=event.id,
            correlation_id=None,
            timestamp=int(event.time.timestamp()),
            headers="{}",
            body=news(kind, event),
        )
    )


def to_grpc(kind, event):
    # A message in Protocol Buffers: field 1 is the event's name.
    name = kind.value.encode()
    message = bytes([1 << 3 | 2, len(name)]) + name
    metadata = [grpc.MetadataField("event-id", event.id)]
    grpc.call("/proto.HookHandler/InvokeHook", metadata, message)


def news(kind, event):
    upload = event.upload
    return json.dumps({"event": kind.value, "id": upload.id, "size": upload.length}).encode()


def failed(error):
    """What nobody can mend by waiting is given up; all else is told again."""
    what = type(error).__name__
    final = what.endswith(("_Denied", "_Invalid", "_TooLarge"))
    return Permanent(what) if final else Other(what)
