"""The poll middleware for WSGI: Flask, Django, Pyramid, Bottle and others."""

from typing import Any, Callable, Dict, Iterable, List, Optional, Sequence, Tuple
from urllib.parse import quote

from .client import Client
from .polls import Polls, Request

_UNQUOTED = "/~!$&'()*+,;=:@-._"


class PollMiddleware:
    """app.wsgi_app = PollMiddleware(app.wsgi_app, client, identity=["signed:session"])

    Answers 304 to polls whose versions are those in Redis, before app is called. identity: see nudge.polls.Polls.
    """

    def __init__(self, app: Callable[..., Iterable[bytes]], client: Client, *, identity: Sequence[str]) -> None:
        self._app, self._polls = app, Polls(client, identity)

    def __call__(self, environ: Dict[str, Any], start_response: Callable[..., Any]) -> Iterable[bytes]:
        request = request_of(environ)
        unchanged = self._polls.unchanged(request)
        if unchanged is not None:
            start_response("304 Not Modified", unchanged)
            return []

        def start(status: str, headers: List[Tuple[str, str]], exc_info: Optional[Any] = None) -> Any:
            code = int(status[:3]) if status[:3].isdigit() else 0
            headers = self._polls.finish(request, code, headers)
            return start_response(status, headers) if exc_info is None else start_response(status, headers, exc_info)

        return self._app(environ, start)


def request_of(environ: Dict[str, Any]) -> Request:
    """The request of a WSGI environment."""

    def header(name: str) -> Optional[str]:
        return environ.get("HTTP_" + name.upper().replace("-", "_"))

    return Request(environ.get("REQUEST_METHOD", ""), _path(environ), header)


def _path(environ: Dict[str, Any]) -> str:
    sent = environ.get("RAW_URI") or environ.get("REQUEST_URI")  # of Gunicorn; of uWSGI and Apache
    if isinstance(sent, str) and sent.startswith("/"):
        return sent.partition("?")[0]
    decoded = environ.get("SCRIPT_NAME", "") + environ.get("PATH_INFO", "")
    try:
        return quote(decoded.encode("latin-1"), safe=_UNQUOTED)
    except UnicodeEncodeError:  # not as WSGI has it: Django under ASGI
        return quote(decoded, safe=_UNQUOTED)
