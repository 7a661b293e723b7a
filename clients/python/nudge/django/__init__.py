"""Nudge for Django.

    # settings.py
    INSTALLED_APPS = [..., "nudge.django"]                              # for the outbox and manage.py nudge_relay
    MIDDLEWARE = ["nudge.django.PollMiddleware", ...]                   # first
    NUDGE = {"redis": "redis://127.0.0.1:6379/0", "secret": "…"}        # options of nudge.Client

    # where a project changes, inside the transaction
    nudge.django.changed(project.pk, project.version)
"""

import logging
import threading
from typing import Any, Callable, Dict, Optional

from django.conf import settings
from django.core.signals import setting_changed
from django.db import DEFAULT_DB_ALIAS, transaction
from django.http import HttpResponse

from .. import checks
from ..client import Client
from ..polls import Polls, answered
from ..wsgi import request_of

__all__ = ["PollMiddleware", "answered", "changed", "client", "use"]

_lock = threading.Lock()
_client: Optional[Client] = None


def client() -> Client:
    """The client that settings.NUDGE describes, made when it is first needed."""
    global _client
    with _lock:
        if _client is None:
            options = dict(getattr(settings, "NUDGE", {}))
            options.pop("identity", None)
            _client = Client(**options)
        return _client


def use(other: Optional[Client]) -> None:
    """Uses another client, such as nudge.testing.FakeClient; None: that of the settings again."""
    global _client
    with _lock:
        _client = other


def _changed_setting(*, setting: str, **_: Any) -> None:
    if setting == "NUDGE":
        use(None)


setting_changed.connect(_changed_setting)


def changed(project: checks.Project, version: int, using: str = DEFAULT_DB_ALIAS) -> None:
    """Publishes after the commit of the transaction on using; without a transaction at once.

    Each project is published once for a transaction, with its highest version. What is rolled back, by savepoint too, is
    forgotten. A failure is logged, and never raised.
    """
    connection = transaction.get_connection(using)
    if connection.get_autocommit() and not connection.in_atomic_block:
        _guarded(lambda: client().publish(project, version))
        return
    hooks = connection.run_on_commit
    flushes = (call for _, call, *_ in reversed(hooks) if isinstance(call, _Flush))
    pending = next(flushes, _Flush(_Pending())).pending  # that of this transaction: hooks of others are gone
    transaction.on_commit(lambda: pending.add(project, version), using=using)  # not called if its savepoint is rolled back
    transaction.on_commit(_Flush(pending), using=using)
    hooks[-1] = (set(), *hooks[-1][1:])  # belongs to no savepoint: called in any case, after all others of ours


class _Pending:
    """What is to be published when a transaction is committed. Django 3.2 has no robust=True, so nothing is raised."""

    def __init__(self) -> None:
        self.newest: Optional[_Flush] = None
        self._versions: Dict[str, int] = {}

    def add(self, project: checks.Project, version: int) -> None:
        try:
            name, number = checks.project_id(project), checks.version_number(version)
            self._versions[name] = max(number, self._versions.get(name, -1))
        except ValueError:
            _guarded(lambda: client().publish(project, version))  # logs it

    def flush(self) -> None:
        _guarded(lambda: client().publish_many(self._versions.items()))


class _Flush:
    """A hook after each change. Only the newest publishes."""

    def __init__(self, pending: _Pending) -> None:
        self.pending = pending
        pending.newest = self

    def __call__(self) -> None:
        if self.pending.newest is self:
            self.pending.flush()


def _guarded(call: Callable[[], object]) -> None:
    try:
        call()
    except Exception as error:  # such as a wrong option in settings.NUDGE: the change is committed all the same
        logging.getLogger("nudge").error("publish after a commit: %s; pages find the change at their next poll", error)


class PollMiddleware:
    """Answers 304 to polls whose versions are those in Redis, before session, ORM and view. It is to be the first.

    settings.NUDGE["identity"]: what tells callers apart; default: the session's cookie, the header Authorization, and the language if
    LocaleMiddleware chooses one.
    """

    def __init__(self, get_response: Callable[[Any], Any]) -> None:
        self._get_response = get_response
        kind = "signed:" if settings.SESSION_ENGINE.endswith("signed_cookies") else "cookie:"
        default = [kind + settings.SESSION_COOKIE_NAME, "header:authorization"]
        if "django.middleware.locale.LocaleMiddleware" in settings.MIDDLEWARE:
            default += ["header:accept-language", "cookie:" + settings.LANGUAGE_COOKIE_NAME]
        self._polls = Polls(client(), getattr(settings, "NUDGE", {}).get("identity", default))

    def __call__(self, request: Any) -> Any:
        asked = request_of(request.META)
        unchanged = self._polls.unchanged(asked)
        if unchanged is not None:
            response = HttpResponse(status=304)
            del response.headers["Content-Type"]
            for name, value in unchanged:
                response.headers[name] = value
            return response
        response = self._get_response(request)
        if "X-Nudge-Version" in response.headers:
            headers = list(response.headers.items())
            cookies = [("Set-Cookie", cookie.OutputString()) for cookie in response.cookies.values()]
            added = self._polls.finish(asked, response.status_code, headers + cookies)[len(headers) - 1 + len(cookies) :]
            del response.headers["X-Nudge-Version"]
            for name, value in added:
                response.headers[name] = value
        return response
