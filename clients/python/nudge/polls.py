"""Which polls need no application: the rules of the poll middleware. nudge.wsgi, nudge.asgi and nudge.django carry them."""

import re
import time
from email.utils import parsedate_to_datetime
from typing import Any, Callable, Dict, List, Mapping, NamedTuple, Optional, Sequence, Set, Tuple

from . import checks, validator
from .client import Client
from .pause import Pause
from .store import advice

HEADER = "X-Nudge-Version"
_IDENTITY = re.compile(r"(cookie|header|signed):[^\s=;,]+\Z")
_SIGNED = re.compile(r"[.:][\w-]+[.:][\w-]+\Z")  # time and signature, of itsdangerous and of Django
_HARMLESS = {"accept-encoding", "cookie", "origin"}  # in Vary: other bytes of the same answer; identity; CORS
CACHE_CONTROL = "private, no-cache"
Headers = List[Tuple[str, str]]  # values as the server has them, one character for each byte


def answered(response: Any, versions: Mapping[checks.Project, int]) -> Any:
    """Says which versions the answer has, and returns it. For responses of Django, Flask, Starlette: those with .headers."""
    response.headers[HEADER] = validator.versions_text(versions)
    return response


class Request(NamedTuple):
    """What the rules read of a request."""

    method: str
    path: str  # as the client sent it, without query
    header: Callable[[str], Optional[str]]  # the value of a header; of several, joined by ", "; cookies by "; "


class Polls:
    """The rules. client: its store has the versions, its secret signs.

    identity: what the application tells callers apart by: cookie:NAME, header:NAME, signed:NAME. Nobody gets the answer of
    somebody else. signed is a cookie that is signed anew in each answer, as Flask, Starlette and Django's signed_cookies do
    with the session: only its content counts, or no validator would live until the next poll.
    """

    def __init__(self, client: Client, identity: Sequence[str], clock: Callable[[], float] = time.time) -> None:
        if client.secret is None:
            raise ValueError("secret: is not given to the client; pass one, by which the middleware signs validators")
        if not isinstance(identity, (list, tuple)) or not all(
            isinstance(name, str) and _IDENTITY.match(name) for name in identity
        ):
            raise ValueError('identity: is no list of cookies and headers; write one such as ["cookie:sessionid", "header:authorization"]')
        self.client = client
        self.identity = [name.lower() if name.startswith("header:") else name for name in identity]
        self._secret, self._clock, self._pause = client.secret, clock, Pause()
        self._said: Set[str] = set()

    def unchanged(self, request: Request) -> Optional[Headers]:
        """The headers of a 304, or None: the request goes to the application. Never raises."""
        asked = self._asked(request)
        if asked is None:
            return None
        try:
            return self._fresh(asked, self.client.store.get(list(asked.versions)))
        except Exception as error:
            self._failed(error)
            return None

    async def unchanged_async(self, request: Request) -> Optional[Headers]:
        """The same, in an event loop."""
        asked = self._asked(request)
        if asked is None:
            return None
        try:
            return self._fresh(asked, await self.client.store.get_async(list(asked.versions)))
        except Exception as error:
            self._failed(error)
            return None

    def finish(self, request: Request, status: int, headers: Headers) -> Headers:
        """The headers of the application's answer as the client gets them: with the validator, without X-Nudge-Version."""
        kept = [(name, value) for name, value in headers if name.lower() != HEADER.lower()]
        if len(kept) == len(headers):
            return headers
        try:
            return kept + self._validator(request, status, headers)
        except Exception as error:
            self._once("the validator", "is left out: %s", error)
            return kept

    def _asked(self, request: Request) -> Optional[validator.Validator]:
        try:
            if request.method not in ("GET", "HEAD"):
                return None
            header = request.header("if-none-match")
            if not header or "nudge1." not in header:
                return None
            who = self._identity(request, {})
            if who is None:
                return None
            for found in validator.signed(self._secret, header, request.path, who):
                if -5 <= self._clock() - found.time <= self.client.slow:
                    return found if self._pause.allows() else None
        except Exception as error:
            self._once("a poll", "goes to the application: %s", error)
        return None

    def _fresh(self, asked: validator.Validator, stored: Sequence[Optional[bytes]]) -> Optional[Headers]:
        self._pause.succeeded()
        if len(stored) != len(asked.versions):
            return None
        for version, held in zip(asked.versions.values(), stored):
            if held != version.encode():
                return None
        return [("ETag", asked.etag), ("Cache-Control", CACHE_CONTROL)]

    def _failed(self, error: Exception) -> None:
        reason = self.client.store.hide(" ".join(str(error).split()).rstrip(".") or type(error).__name__)
        if self._pause.failed(reason):
            self.client.logger.warning("polls go to the application: %s; %s", reason, advice(error))

    def _validator(self, request: Request, status: int, headers: Headers) -> Headers:
        def values(name: str) -> List[str]:
            return [value for n, value in headers if n.lower() == name]

        versions = validator.parse_versions(",".join(values(HEADER.lower())))
        control = ",".join(values("cache-control")).lower()
        directives = {part.partition("=")[0].strip() for part in control.split(",")}
        if request.method != "GET" or status != 200 or "no-store" in directives:
            return []
        if versions is None:
            self._once(HEADER, "is not used: write it as 42=124, 43=9, with 64 projects at most")
            return []
        if directives & {"public", "s-maxage"}:
            self._once(HEADER, "is not used beside Cache-Control: public or s-maxage, which is for everybody; write private, no-cache")
            return []
        if values("etag"):
            self._once(HEADER, "is not used beside an ETag of the application; remove that, or move what sets it outside")
            return []
        vary = {name for name in re.split(r"[\s,]+", ",".join(values("vary")).lower()) if name} - _HARMLESS
        others = sorted(vary - {name.partition(":")[2] for name in self.identity if name.startswith("header:")})
        if "*" in others:
            return []
        if others:  # a browser sends the validator of JSON also when it navigates to the same path
            self._once(HEADER, f"is not used beside Vary: {', '.join(others)}; add header:{others[0]} to identity")
            return []
        who = self._identity(request, _set_cookies(values("set-cookie")))
        if who is None:
            return []
        added = [("ETag", validator.etag(self._secret, int(self._clock()), versions, request.path, who))]
        return added if control else added + [("Cache-Control", CACHE_CONTROL)]

    def _identity(self, request: Request, new: Mapping[str, str]) -> Optional[str]:
        """Who the caller is after the answer, which may set cookies. None: the request has two cookies of one name."""
        cookies: Dict[str, List[str]] = {}
        for part in (request.header("cookie") or "").split(";"):
            name, _, value = part.strip().partition("=")
            cookies.setdefault(name, []).append(value)
        all_values: List[Tuple[str, bytes]] = []
        for name in self.identity:
            kind, _, key = name.partition(":")
            if kind == "header":
                value = request.header(key) or ""
            elif key in new:
                value = new[key]
            elif len(cookies.get(key, [])) > 1:
                return None
            else:
                value = cookies.get(key, [""])[0]
            if kind == "signed":
                value = _SIGNED.sub("", value)
            all_values.append((name, value.encode("latin-1")))
        return validator.identity_hash(all_values)

    def _once(self, what: str, text: str, *args: object) -> None:
        if text not in self._said and len(self._said) < 100:
            self._said.add(text)
            self.client.logger.warning(f"{what} {text}", *args)


def _set_cookies(headers: Sequence[str]) -> Dict[str, str]:
    """What the browser has of each cookie after these Set-Cookie headers; "": none."""
    new: Dict[str, str] = {}
    for header in headers:
        first, *attributes = header.split(";")
        name, _, value = first.strip().partition("=")
        pairs = {key.strip().lower(): text.strip() for key, _, text in (a.partition("=") for a in attributes)}
        new[name.strip()] = "" if _ends(pairs) else value.strip()
    return new


def _ends(attributes: Mapping[str, str]) -> bool:
    """Whether a Set-Cookie with these attributes removes the cookie."""
    try:
        if "max-age" in attributes:
            return int(attributes["max-age"]) <= 0
        return "expires" in attributes and parsedate_to_datetime(attributes["expires"]).timestamp() <= time.time()
    except (TypeError, ValueError, OverflowError):
        return False
