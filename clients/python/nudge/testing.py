"""A client for the tests of an application, which never touches the network."""

from typing import Any, Dict, List, Optional, Sequence, Tuple

from .client import Client
from .message import News
from .store import Result, Store


class FakeClient(Client):
    """A Client that records what it announces:

        client = FakeClient()
        client.publish(42, 124)
        assert client.published == [("42", 124)]

    A version that is not greater than the one before is not announced, as with Redis. client.fail("text") makes it fail
    as if Redis were away, client.fail(None) ends that. Tokens and the poll middleware work as with the real one.
    """

    published: List[Tuple[str, int]]
    messages: List[bytes]

    def __init__(self, redis: Any = None, **options: Any) -> None:
        options.setdefault("secret", "a secret of the tests, of no use anywhere")
        self._memory = _Memory()
        super().__init__(redis, **options)
        self._pause.length = 0
        self.published, self.messages = self._memory.published, self._memory.messages

    def _open(self, redis: Any, prefix: str, timeout: float, expire: int) -> Store:
        return self._memory

    def fail(self, text: Optional[str] = "connection refused") -> None:
        """Lets all calls fail with this text; None: no longer."""
        self._memory.failure = text

    def clear(self) -> None:
        """Forgets what was published, and ends fail."""
        self._memory.published.clear()
        self._memory.messages.clear()
        self._memory.versions.clear()
        self._memory.failure = None


class _Memory:
    def __init__(self) -> None:
        self.versions: Dict[str, int] = {}
        self.published: List[Tuple[str, int]] = []
        self.messages: List[bytes] = []
        self.failure: Optional[str] = None

    def publish(self, news: Sequence[News]) -> List[Result]:
        self._check()
        return [self._advance(n) for n in news]

    def _advance(self, n: News) -> bool:
        if not n.reset and n.version <= self.versions.get(n.project, -1):
            return False
        self.versions[n.project] = n.version
        self.published.append((n.project, n.version))
        self.messages.append(n.message)
        return True

    def get(self, projects: Sequence[str]) -> List[Optional[bytes]]:
        self._check()
        return [str(self.versions[p]).encode() if p in self.versions else None for p in projects]

    async def get_async(self, projects: Sequence[str]) -> List[Optional[bytes]]:
        return self.get(projects)

    def hide(self, text: str) -> str:
        return text

    def close(self) -> None:
        pass

    def _check(self) -> None:
        if self.failure is not None:
            raise ConnectionError(self.failure)
