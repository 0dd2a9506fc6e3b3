"""A Celery application that tells what its tasks got: one task for each event."""

import json
import os

import celery

app = celery.Celery("celery_hooks", broker=os.environ["BROKER_URL"])
app.conf.update(
    # The worker of a test has the broker to itself, or a queue of its own.
    task_default_queue=os.environ.get("QUEUE", "celery"),
    broker_connection_retry_on_startup=True,
)

EVENTS = [
    "pre-create",
    "post-create",
    "post-receive",
    "pre-finish",
    "post-finish",
    "pre-get",
    "pre-terminate",
    "post-terminate",
]


def add_task(event: str) -> None:
    @app.task(name=f"rustus.{event}", bind=True)
    def task(self, data):
        told = {"event": event, "id": self.request.id, "data": data}
        print("TASK " + json.dumps(told), flush=True)


for name in EVENTS:
    add_task(name)
