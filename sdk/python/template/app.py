"""{{name}}: a hook for rustus."""

from rustus_hook import config, pre_create, reject


@pre_create
def decide(event):
    """Refuses what is called like a program, or is too large."""
    name = event.upload.metadata.get("filename", "")
    if name.lower().endswith((".exe", ".bat", ".msi")):
        return reject(415, "Programs are not accepted.")
    limit = config.get("max-size", 1_000_000_000)
    if event.upload.length is not None and event.upload.length > limit:
        return reject(413, f"At most {limit} bytes.")
