"""Refuses uploads by their type and size."""

from rustus_hook import config, pre_create, reject


@pre_create
def decide(event):
    """Accepts the `types` of the configuration, up to `max-size` bytes."""
    upload = event.upload
    types = config.get("types", ["image/jpeg", "image/png"])
    if upload.metadata.get("filetype") not in types:
        return reject(415, f"Send one of: {', '.join(types)}.")
    limit = config.get("max-size", 10_000_000)
    if upload.length is None or upload.length > limit:
        return reject(413, f"At most {limit} bytes.")
