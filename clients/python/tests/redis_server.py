"""A redis-server for tests."""

import os
import shutil
import signal
import socket
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
        with socket.socket() as free:
            free.bind(("127.0.0.1", 0))
            self.port = free.getsockname()[1]
        self.url = f"redis://127.0.0.1:{self.port}/0"
        self._dir = tempfile.mkdtemp()
        self._command = [path, "--port", str(self.port), "--bind", "127.0.0.1", "--save", "", "--dir", self._dir, *flags]
        self.start()

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
