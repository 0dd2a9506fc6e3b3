"""Uploads a file with tuspy:

    python upload.py URL FILE [key=value ...] [--chunk BYTES]

Prints one line of JSON, {"ok":true,"url":...} or {"ok":false,"status":...,
"body":...}, and exits 0 or 1. Status and body are null where there was no
response. Nothing is retried: a test wants the first answer.
"""

import argparse
import json
import os
import sys

from tusclient.client import TusClient
from tusclient.exceptions import TusCommunicationError


def main() -> int:
    parser = argparse.ArgumentParser(description="Uploads a file with tuspy.")
    parser.add_argument("url")
    parser.add_argument("file")
    parser.add_argument("pairs", nargs="*", metavar="key=value")
    parser.add_argument("--chunk", type=int)
    arguments = parser.parse_intermixed_args()

    metadata = {"filename": os.path.basename(arguments.file)}
    for pair in arguments.pairs:
        key, _, value = pair.partition("=")
        metadata[key] = value
    result = upload(arguments.url, arguments.file, metadata, arguments.chunk)
    print(json.dumps(result))
    return 0 if result["ok"] else 1


def upload(url: str, file: str, metadata: dict, chunk: int | None) -> dict:
    options = {"chunk_size": chunk} if chunk else {}
    try:
        uploader = TusClient(url).uploader(file, metadata=metadata, **options)
        uploader.upload()
    except TusCommunicationError as error:
        body = error.response_content
        if isinstance(body, bytes):
            body = body.decode(errors="replace")
        if error.status_code is None:
            print(error, file=sys.stderr)
        return {"ok": False, "status": error.status_code, "body": body}
    return {"ok": True, "url": uploader.url}


if __name__ == "__main__":
    sys.exit(main())
