import contextlib
import io
import os
import sqlite3
import tempfile
import threading
import unittest

from nudge import outbox, relay
from nudge.testing import FakeClient
from tests.redis_server import RedisServer
from tests.test_client import Logged


class Outbox(unittest.TestCase):
    def setUp(self):
        handle, self.path = tempfile.mkstemp(suffix=".db")
        os.close(handle)
        self.addCleanup(os.unlink, self.path)
        self.db = sqlite3.connect(self.path)
        self.addCleanup(self.db.close)
        self.db.execute(outbox.schema("sqlite"))
        self.log = Logged()
        self.client = FakeClient(logger=self.log.logger)
        self.relay = relay.Relay(relay.connector(f"sqlite:///{self.path}"), self.client)
        self.addCleanup(self.relay.close)

    def rows(self):
        return self.db.execute("SELECT project, version FROM nudge_outbox ORDER BY id").fetchall()

    def test_with_the_transaction(self):
        outbox.add(self.db, 42, 1)
        self.db.rollback()
        outbox.add(self.db.cursor(), "42", 2)
        self.db.commit()
        self.assertEqual(self.rows(), [("42", 2)])
        self.assertEqual(self.relay.run_once(), 1)
        self.assertEqual(self.relay.run_once(), 0)
        self.assertEqual((self.client.published, self.rows()), ([("42", 2)], []))
        with self.assertRaises(ValueError):
            outbox.add(self.db, 42, -1)

    def test_the_highest_of_each_project(self):
        for i in range(250):
            outbox.add(self.db, i % 2, 250 - i)
        self.db.commit()
        self.assertEqual(self.relay.run_once(), 100)
        self.assertEqual(self.client.published, [("0", 250), ("1", 249)])
        self.assertEqual(self.relay.drain(), 150)

    def test_redis_is_away(self):
        outbox.add(self.db, 42, 1)
        self.db.commit()
        self.client.fail("away")
        self.assertEqual([self.relay.step() for _ in range(7)], [1, 2, 4, 8, 16, 30, 30])
        self.assertEqual((len(self.log.lines), self.rows()), (1, [("42", 1)]))
        self.assertIsNone(self.relay._connection)  # with what it has done so far
        self.client.fail(None)
        self.assertEqual(self.relay.step(), 1.0)
        self.assertEqual((len(self.log.lines), self.rows()), (2, []))

    def test_a_row_that_can_never_be_published(self):
        self.db.execute("INSERT INTO nudge_outbox (project, version, created_at) VALUES ('a b', 1, 0), ('42', 7, 0)")
        self.db.commit()
        self.assertEqual(self.relay.run_once(), 2)
        self.assertEqual((self.client.published, len(self.log.lines)), ([("42", 7)], 1))

    def test_run_stops(self):
        stop = threading.Event()
        stop.set()
        self.relay.run(stop)

    def test_command(self):
        server = RedisServer()
        self.addCleanup(server.close)
        outbox.add(self.db, 42, 7)
        self.db.commit()
        printed = io.StringIO()
        with contextlib.redirect_stdout(printed):
            self.assertEqual(relay.main(["--database", f"sqlite:///{self.path}", "--redis", server.url, "--once"]), 0)
        self.assertEqual((printed.getvalue(), self.rows()), ("rows: 1\n", []))

    def test_command_without_options(self):
        for arguments in ([], ["--database", "oracle://u:hunter2@h/x", "--redis", "redis://127.0.0.1:1"], ["--database", "sqlite:///x"], ["--database", "mysql://u:hun/ter2@h:x/y", "--redis", "redis://h"]):
            printed = io.StringIO()
            with contextlib.redirect_stderr(printed), self.assertRaises(SystemExit):
                relay.main(arguments)
            self.assertNotRegex(printed.getvalue(), "hun")


if __name__ == "__main__":
    unittest.main()
