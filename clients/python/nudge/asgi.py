"""The poll middleware for ASGI: Starlette, FastAPI, Quart, Django and others."""

from typing import Any, Awaitable, Callable, Dict, Optional, Sequence
from urllib.parse import quote

from .client import Client
from .polls import Polls, Request

Scope = Dict[str, Any]
Call = Callable[..., Awaitable[Any]]


class PollMiddleware:
    """app.add_middleware(PollMiddleware, client=client, identity=["signed:session"])

    Answers 304 to polls whose versions are those in Redis, before app is called. It asks Redis by connections of the event
    loop. identity: see nudge.polls.Polls.
    """

    def __init__(self, app: Call, client: Client, *, identity: Sequence[str]) -> None:
        self._app, self._polls = app, Polls(client, identity)

    async def __call__(self, scope: Scope, receive: Call, send: Call) -> None:
        if scope["type"] != "http":
            await self._app(scope, receive, send)
            return
        request = _request_of(scope)
        unchanged = await self._polls.unchanged_async(request)
        if unchanged is not None:
            headers = [(name.lower().encode(), value.encode("latin-1")) for name, value in unchanged]
            await send({"type": "http.response.start", "status": 304, "headers": headers})
            await send({"type": "http.response.body", "body": b""})
            return

        async def finish(message: Dict[str, Any]) -> None:
            if message["type"] == "http.response.start":
                headers = [(n.decode("latin-1"), v.decode("latin-1")) for n, v in message.get("headers", [])]
                headers = self._polls.finish(request, message["status"], headers)
                message = {**message, "headers": [(n.lower().encode("latin-1"), v.encode("latin-1")) for n, v in headers]}
            await send(message)

        await self._app(scope, receive, finish)


def _request_of(scope: Scope) -> Request:
    def header(name: str) -> Optional[str]:
        wanted = name.encode("latin-1")
        values = [value.decode("latin-1") for key, value in scope["headers"] if key.lower() == wanted]
        return ("; " if name == "cookie" else ", ").join(values) if values else None

    raw = scope.get("raw_path")
    path = raw.decode("latin-1").partition("?")[0] if raw else quote(scope["path"], safe="/~!$&'()*+,;=:@-._")
    return Request(scope["method"], path, header)
