"""Tells a web service of every finished upload."""

import json

from rustus_hook import Permanent, Retry, config, http, log, post_finish


@post_finish
def tell(event):
    """Posts what was uploaded to the `url` of the configuration."""
    news = {"id": event.upload.id, "size": event.upload.length, "metadata": event.upload.metadata}
    headers = {"content-type": "application/json", "idempotency-key": event.id}
    try:
        response = http.post(config["url"], json.dumps(news).encode(), headers)
    except http.HttpError as error:
        log.warn("no answer", error=error)
        raise Retry() from error
    if response.status >= 500:
        raise Retry(after=1)
    if not response.is_success:
        raise Permanent(f"the service answered {response.status}")
