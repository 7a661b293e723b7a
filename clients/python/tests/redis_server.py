"""A redis-server for tests."""

import os
import random
import shutil
import signal
import subprocess
import tempfile
import unittest


class RedisServer:
    """A server on a free port of loopback. Tests are skipped without redis-server."""

    def __init__(self, *flags):
        path = shutil.which("redis-server")
        if path is None:
            if os.environ.get("NUDGE_TEST_REQUIRE"):
                raise RuntimeError("redis-server is not installed")
            raise unittest.SkipTest("redis-server is not installed")
        self._dir = tempfile.mkdtemp()
        for left in reversed(range(100)):
            port = random.randrange(30_000, 32_000)  # below those that systems hand out to connections
            self.url = f"redis://127.0.0.1:{port}/0"
            self._command = [path, "--port", str(port), "--bind", "127.0.0.1", "--save", "", "--dir", self._dir, *flags]
            try:
                return self.start()
            except RuntimeError:  # somebody has the port
                self.kill()
                if not left:
                    raise

    def start(self):
        self._process = subprocess.Popen(self._command, stdout=subprocess.PIPE, text=True)
        for line in self._process.stdout:
            if "Ready to accept connections" in line:
                return
        raise RuntimeError("redis-server did not start")

    def freeze(self):
        self._process.send_signal(signal.SIGSTOP)

    def thaw(self):
        self._process.send_signal(signal.SIGCONT)

    def kill(self):
        self._process.kill()
        self._process.wait()
        self._process.stdout.close()

    def close(self):
        self.kill()
        shutil.rmtree(self._dir, ignore_errors=True)
