"""A pause after a failure: a thread must not wait for a dead Redis again and again."""

import os
import threading
import time
from typing import Callable


class Pause:
    """After a failure nobody asks Redis for a second, then one caller tries again. For any number of threads."""

    def __init__(self, length: float = 1.0, clock: Callable[[], float] = time.monotonic) -> None:
        self.length = length
        self.error = ""  # the last failure; "": the last call succeeded
        self._clock = clock
        self._until = 0.0
        self._fresh()

    def _fresh(self) -> None:
        self._pid, self._lock = os.getpid(), threading.Lock()

    def allows(self) -> bool:
        """Whether the caller may ask Redis now. It then calls succeeded or failed."""
        if not self.error:
            return True
        if self._pid != os.getpid():  # another thread may have held the lock during the fork
            self._fresh()
        with self._lock:
            now = self._clock()
            if now < self._until:
                return False
            self._until = now + self.length  # the others wait for this try
            return True

    def succeeded(self) -> None:
        self.error = ""

    def failed(self, error: str) -> bool:
        """Begins a pause, and tells whether the call before had succeeded."""
        first = not self.error
        self._until = self._clock() + self.length
        self.error = error
        return first
