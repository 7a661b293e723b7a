"""Redis. Only this file knows redis-py."""

import asyncio
import copy
import hashlib
import inspect
import threading
import weakref
from importlib import resources
from typing import Any, Dict, List, Optional, Protocol, Sequence, Tuple, Union
from urllib.parse import quote

import redis
import redis.asyncio
from redis.backoff import NoBackoff
from redis.retry import Retry

from .message import News

SCRIPT = (resources.files("nudge") / "publish.lua").read_bytes()
SHA = hashlib.sha1(SCRIPT).hexdigest()
POLL_TIMEOUT = 0.1  # seconds that a poll waits for Redis
Result = Union[bool, Exception]


class Store(Protocol):
    """Where versions are kept: Redis, or memory in the tests of an application."""

    def publish(self, news: Sequence[News]) -> List[Result]:
        """Runs the script for each: announced, stale, or what Redis said. Raises if Redis cannot be asked."""

    def get(self, projects: Sequence[str]) -> List[Optional[bytes]]:
        """What the keys hold. Waits 100 ms at most for each answer."""

    async def get_async(self, projects: Sequence[str]) -> List[Optional[bytes]]:
        """The same, in an event loop."""

    def hide(self, text: str) -> str:
        """The text without passwords."""

    def close(self) -> None:
        """Closes the connections."""


class RedisStore:
    """One server, the master that Sentinels name, or a Cluster, by redis-py.

    Its connections are its own, made as those of the client it is given: with bounded time-outs, no retries, and nothing that
    a subclass does to keys or answers (a key prefix would move the channel to where no gateway listens).
    """

    def __init__(self, source: Any, prefix: str, timeout: float, expire: int) -> None:
        self._source = _client(source)
        self._prefix, self._timeout, self._expire = prefix, timeout, str(expire).encode()
        self._quick = POLL_TIMEOUT
        self._clients: Dict[float, Any] = {}  # by time-out
        self._lock = threading.Lock()
        self._loops: "weakref.WeakKeyDictionary[asyncio.AbstractEventLoop, Any]" = weakref.WeakKeyDictionary()
        self._cluster = isinstance(self._source, redis.RedisCluster)
        self._password = _kwargs(self._source).get("password") or ""
        if not self._cluster:  # a Cluster's client connects when it is made
            self._bounded(timeout)
            self._bounded(self._quick)

    def publish(self, news: Sequence[News]) -> List[Result]:
        client = self._bounded(self._timeout)
        try:
            return self._scripted(client, news)
        except redis.TimeoutError:
            raise
        except redis.ConnectionError:  # the pool's connection was broken, so a new one may do; twice does no harm
            return self._scripted(client, news)

    def _scripted(self, client: Any, news: Sequence[News]) -> List[Result]:
        results = self._run(client, "EVALSHA", SHA, news)
        unknown, at = set(), []
        for i, result in enumerate(results):
            if isinstance(result, redis.exceptions.NoScriptError):
                unknown.add(news[i].project)
            if news[i].project in unknown:  # also what follows for this project: a reset must not come after later versions
                at.append(i)
        if at:  # Redis was restarted, or gets the script for the first time. EVAL needs no right to load scripts
            for i, result in zip(at, self._run(client, "EVAL", SCRIPT, [news[i] for i in at])):
                results[i] = result
        return results

    def _run(self, client: Any, command: str, code: Union[str, bytes], news: Sequence[News]) -> List[Result]:
        calls = [
            (command, code, 1, self._key(n.project), str(n.version).encode(), n.message, b"1" if n.reset else b"0", self._expire)
            for n in news
        ]
        answers: List[Any] = []
        if len(calls) == 1 or self._cluster:  # the pipeline of a Cluster takes no EVALSHA
            for call in calls:
                try:
                    answers.append(client.execute_command(*call))
                except redis.ResponseError as error:
                    answers.append(error)
        else:
            pipe = client.pipeline(transaction=False)
            for call in calls:
                pipe.execute_command(*call)
            answers = pipe.execute(raise_on_error=False)
        return [answer if isinstance(answer, Exception) else answer == 1 for answer in answers]

    def get(self, projects: Sequence[str]) -> List[Optional[bytes]]:
        client, keys = self._bounded(self._quick), [self._key(p) for p in projects]
        if self._cluster:
            return [client.get(key) for key in keys]
        return list(client.mget(keys))

    async def get_async(self, projects: Sequence[str]) -> List[Optional[bytes]]:
        client = self._in_loop()
        if client is None:
            return await asyncio.to_thread(self.get, projects)
        # A task of its own: if a request is cancelled while it waits, redis-py before 4.5.4 may leave the answer for the next
        # one to read (CVE-2023-28859).
        task = asyncio.ensure_future(client.mget([self._key(p) for p in projects]))
        done, _ = await asyncio.wait({task}, timeout=self._quick)
        if not done:
            task.add_done_callback(lambda t: t.cancelled() or t.exception())
            raise redis.TimeoutError(f"no answer within {self._quick * 1000:.0f} ms")
        return list(task.result())

    def hide(self, text: str) -> str:
        for form in {self._password, quote(self._password, safe="")} - {""}:
            text = text.replace(form, "…")
        return text

    def close(self) -> None:
        for client in self._clients.values():
            client.close() if self._cluster else client.connection_pool.disconnect()

    def _key(self, project: str) -> bytes:
        return f"{self._prefix}:{{{project}}}".encode()

    def _bounded(self, timeout: float) -> Any:
        client = self._clients.get(timeout)
        if client is None:
            with self._lock:
                client = self._clients.get(timeout) or _bounded(self._source, timeout)
                self._clients[timeout] = client
        return client

    def _in_loop(self) -> Any:
        """The client of this event loop, or None if there can be none."""
        loop = asyncio.get_running_loop()
        if loop not in self._loops:
            self._loops[loop] = None if self._cluster else _async(self._bounded(self._quick).connection_pool)
        return self._loops[loop]


def _client(source: Any) -> Any:
    """The redis-py client that an application gives, or one for its URL. No error shows the URL."""
    if isinstance(source, str):
        if not source.startswith(("redis://", "rediss://", "unix://")):
            raise ValueError("redis: the URL begins with none of redis://, rediss://, unix://; write one such as redis://127.0.0.1:6379/0")
        try:
            return redis.Redis.from_url(source)
        except Exception:
            raise ValueError(
                "redis: the URL cannot be read; write one such as redis://user:password@127.0.0.1:6379/0, with %XX for special characters in the password"
            ) from None
    if isinstance(source, redis.RedisCluster) or isinstance(getattr(source, "connection_pool", None), redis.ConnectionPool):
        return source
    raise ValueError(
        f"redis: {type(source).__name__} is neither a URL nor a redis-py client; pass a URL, a redis.Redis or a redis.RedisCluster (no asyncio client)"
    )


def _kwargs(client: Any) -> Dict[str, Any]:
    if isinstance(client, redis.RedisCluster):
        return dict(client.nodes_manager.connection_kwargs)
    return dict(client.connection_pool.connection_kwargs)


def _bounded(source: Any, timeout: float) -> Any:
    """A client as source, with connections of its own that wait for timeout at most."""
    kwargs = _kwargs(source)
    kwargs.update(socket_timeout=timeout, socket_connect_timeout=timeout, decode_responses=False)
    if isinstance(source, redis.RedisCluster):
        for name in ("host", "port", "redis_connect_func", "retry"):
            kwargs.pop(name, None)
        nodes = list(source.nodes_manager.startup_nodes.values())
        return redis.RedisCluster(startup_nodes=nodes, cluster_error_retry_attempts=1, **kwargs)
    kwargs.update(retry=Retry(NoBackoff(), 0), retry_on_error=[], retry_on_timeout=False)
    pool = copy.copy(source.connection_pool)
    pool.connection_kwargs = kwargs
    pool._fork_lock = threading.Lock()
    if "connection_pool" in kwargs:  # of Sentinels: a connection asks its pool for the master
        kwargs["connection_pool"] = weakref.proxy(pool)
    if hasattr(pool, "timeout"):  # of a pool that blocks
        pool.timeout = timeout
    pool.reset()
    return redis.Redis(connection_pool=pool)


def _async(pool: Any) -> Any:
    kind: Optional[type] = {
        redis.Connection: redis.asyncio.Connection,
        redis.SSLConnection: redis.asyncio.SSLConnection,
        redis.UnixDomainSocketConnection: redis.asyncio.UnixDomainSocketConnection,
    }.get(pool.connection_class)
    if kind is None:
        return None
    known = {name for c in kind.__mro__ for name in inspect.signature(c.__init__).parameters}  # type: ignore[misc]
    own = {"retry", "retry_on_error", "retry_on_timeout", "parser_class", "redis_connect_func", "connection_pool", "event_dispatcher"}
    kwargs = {name: value for name, value in pool.connection_kwargs.items() if name in known - own}
    return redis.asyncio.Redis(connection_pool=redis.asyncio.ConnectionPool(connection_class=kind, **kwargs))


def advice(error: Exception) -> str:
    """What to do about an error of Redis."""
    text = str(error)
    first: Tuple[str, ...] = tuple(text.split()[:1])
    if isinstance(error, redis.AuthenticationError) or first[:1] in (("NOAUTH",), ("WRONGPASS",)):
        return "put user and password of Redis into the option redis"
    if isinstance(error, redis.exceptions.NoPermissionError) or first == ("NOPERM",):
        return "give the Redis user the rights that docs/publishing.md lists, and +mget for polls"
    if isinstance(error, redis.exceptions.ReadOnlyError):
        return "name the master in the option redis, not a replica"
    if isinstance(error, (redis.ConnectionError, redis.TimeoutError, OSError)):
        return "see whether Redis runs, and whether the option redis names it"
    return "see the log of Redis"
