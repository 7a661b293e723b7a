"""The client of an application: publishes after commits, signs tokens."""

import logging
import time
from typing import Any, Iterable, List, Mapping, Optional, Sequence, Tuple, Union

from . import checks, tokens
from .message import News, news
from .pause import Pause
from .store import RedisStore, Result, Store, advice


class PublishError(Exception):
    """Redis did not store a version. The text says why, and what to do."""


class Client:
    """One client for all threads of a process, and for the processes that it forks. Making it connects to nothing.

    redis: a URL, or the redis.Redis or redis.RedisCluster of the application, whose address and credentials it takes.
    prefix: redis.prefix of the gateways. expire: seconds until keys expire, 0: never. timeout: seconds for a connection and for
    an answer. logger: where failures are logged. secret, issuer, audience: auth.* of the gateways, for token_for and the poll
    middleware. slow: poll.slow of the gateways in seconds. A wrong option raises ValueError, which names option and fix.
    """

    def __init__(
        self,
        redis: Any = None,
        *,
        prefix: str = "nudge",
        expire: int = 0,
        timeout: float = 1.0,
        logger: Optional[logging.Logger] = None,
        secret: Union[str, bytes, None] = None,
        issuer: Optional[str] = None,
        audience: Optional[str] = "nudge",
        slow: float = 300,
    ) -> None:
        checks.key_prefix(prefix)
        if expire != 0 or isinstance(expire, bool):
            checks.seconds("expire", expire, True, 0)
        checks.seconds("timeout", timeout, False, 0)
        self.slow = checks.seconds("slow", slow, False, 0)
        self.secret = checks.secret_bytes(secret)
        self.logger = logger or logging.getLogger("nudge")
        self._issuer, self._audience = issuer, audience
        self.store: Store = self._open(redis, prefix, timeout, expire)
        self._pause = Pause()

    def _open(self, redis: Any, prefix: str, timeout: float, expire: int) -> Store:
        if redis is None:
            raise ValueError("redis: is not given; pass a URL such as redis://127.0.0.1:6379/0, or a redis-py client")
        return RedisStore(redis, prefix, timeout, expire)

    def publish(
        self,
        project: checks.Project,
        version: int,
        prev: Optional[int] = None,
        writer: Optional[str] = None,
        data: Any = None,
        reset: bool = False,
        traceparent: Optional[str] = None,
    ) -> bool:
        """Publishes that a project is now at a version. Call it after the commit.

        True: stored and announced. False: Redis has the same version or a newer one, or it failed. It never raises: a failure
        is one line in the log, and pages find the change at their next poll. After a failure, calls fail at once for a second.
        An extra that breaks a rule is left out, with a line in the log.
        """
        try:
            said, dropped = news(project, version, prev, writer, data, reset, traceparent)
            for problem in dropped:
                self.logger.warning("publish %s@%s without what breaks a rule: %s", said.project, said.version, problem)
            return self._announce([said]) == 1
        except Exception as error:
            self._log(f"{_short(project)}@{_short(version)}", error)
            return False

    def publish_many(self, versions: Iterable[Tuple[checks.Project, int]]) -> int:
        """Publishes (project, version) pairs in one round trip, and returns how many were announced. It never raises."""
        try:
            checked: List[News] = []
            for project, version in versions:
                try:
                    checked.append(news(project, version)[0])
                except ValueError as error:
                    self._log(f"{_short(project)}@{_short(version)}", error)
        except Exception as error:
            self._log("of several", error)
            return 0
        return sum(self._part(checked[i : i + 1000]) for i in range(0, len(checked), 1000))

    def _part(self, part: Sequence[News]) -> int:
        try:
            return self._announce(part)
        except Exception as error:
            names = ", ".join(f"{n.project}@{n.version}" for n in part[:10])
            self._log(names + (f" and {len(part) - 10} more" if len(part) > 10 else ""), error)
            return 0

    def publish_or_raise(
        self,
        project: checks.Project,
        version: int,
        prev: Optional[int] = None,
        writer: Optional[str] = None,
        data: Any = None,
        reset: bool = False,
        traceparent: Optional[str] = None,
    ) -> bool:
        """As publish, for scripts and relays: raises PublishError if Redis failed, and ValueError for what breaks a rule.

        It asks Redis each time, also within the second after a failure.
        """
        said, dropped = news(project, version, prev, writer, data, reset, traceparent)
        if dropped:
            raise ValueError(dropped[0])
        try:
            return self._ask([said])[0] is True
        except Exception as error:
            raise PublishError(f"publish {said.project}@{said.version}: {self._reason(error)}; {advice(error)}") from None

    def token_for(
        self,
        user: checks.Project,
        projects: Sequence[checks.Project],
        ttl: int = 3600,
        publish: Sequence[checks.Project] = (),
        claims: Optional[Mapping[str, Any]] = None,
    ) -> str:
        """A token (JWT, HS256) with which the pages of a user may watch projects: ids, and prefixes such as team-*.

        ttl: seconds until it expires. publish: what its bearer may publish over HTTP; never for browsers. claims: more claims.
        Raises ValueError for a wrong argument.
        """
        if self.secret is None:
            raise ValueError("secret: is not given to the client; pass auth.secret of the gateways")
        body = tokens.claims_of(user, projects, ttl, publish, claims or {}, int(time.time()), self._issuer, self._audience)
        return tokens.sign(self.secret, body)

    def close(self) -> None:
        """Closes the connections. The client connects again if it is used."""
        self.store.close()

    def _announce(self, part: Sequence[News]) -> int:
        """Publishes with the pause, and logs what Redis refused. Returns how many were announced; raises if Redis failed."""
        if not part:
            return 0
        if not self._pause.allows():
            raise PublishError(f"Redis failed less than a second ago: {self._pause.error}")
        results = self._ask(part, raises=False)
        refused = [(n, r) for n, r in zip(part, results) if isinstance(r, Exception)]
        for n, error in refused[:10]:
            self._log(f"{n.project}@{n.version}", error)
        if len(refused) > 10:
            self._log(f"of {len(refused) - 10} more projects", refused[10][1])
        return sum(1 for r in results if r is True)

    def _ask(self, part: Sequence[News], raises: bool = True) -> List[Any]:
        try:
            results: List[Result] = self.store.publish(part)
        except Exception as error:
            self._pause.failed(self._reason(error))
            raise
        self._pause.succeeded()
        for result in results:
            if raises and isinstance(result, Exception):
                raise result
        return results

    def _reason(self, error: Exception) -> str:
        return self.store.hide(" ".join(str(error).split()).rstrip(".") or type(error).__name__)

    def _log(self, what: str, error: Exception) -> None:
        try:
            fix = "" if isinstance(error, (ValueError, PublishError)) else "; " + advice(error)
            self.logger.warning("publish %s failed: %s%s; pages find the change at their next poll", what, self._reason(error), fix)
        except Exception:  # a handler of the application: the change is committed all the same
            pass


def _short(value: object) -> str:
    try:
        return checks.shown(value) if not isinstance(value, str) or not value.isprintable() else value[:100]
    except Exception:
        return "?"
