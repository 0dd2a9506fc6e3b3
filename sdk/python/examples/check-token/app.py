"""Lets only those upload who have a token, and writes whose upload it is."""

import hashlib
import hmac

from rustus_hook import config, pre_create, proceed, reject

CHALLENGE = {"www-authenticate": "Bearer"}


@pre_create
def decide(event):
    """Looks the token up among those of the configuration, which are hashed."""
    scheme, _, token = (event.request.header("authorization") or "").partition(" ")
    if scheme.lower() != "bearer" or not token:
        return reject(401, "Send a token.", CHALLENGE)
    given = hashlib.sha256(token.encode()).hexdigest()
    for owner, digest in config.get("owners", {}).items():
        if hmac.compare_digest(given, digest):
            # What the client itself wrote as owner is replaced.
            return proceed(metadata={**event.upload.metadata_bytes, "owner": owner})
    return reject(401, "The token is not known.", CHALLENGE)
