"""An HTTP hook with FastAPI: it tells the event's name and wants a token."""

from typing import Annotated

from fastapi import FastAPI, Header, HTTPException

app = FastAPI()


@app.post("/hooks")
def hook(
    authorization: Annotated[str | None, Header()] = None,
    hook_name: Annotated[str | None, Header()] = None,
) -> None:
    print(f"Received: {hook_name}")
    if authorization != "Bearer jwt":
        raise HTTPException(401)
