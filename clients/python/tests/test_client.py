import base64
import hashlib
import hmac
import json
import logging
import os
import re
import threading
import time
import unittest
import uuid
from pathlib import Path
from unittest import mock
from urllib.parse import unquote

import redis

import nudge
from nudge import store
from nudge.pause import Pause
from tests.redis_server import RedisServer

SECRET = "0123456789abcdef0123456789abcdef"
logging.getLogger("nudge").propagate = False


class Logged(logging.Handler):
    """A logger that keeps its lines."""

    def __init__(self):
        super().__init__()
        self.lines = []
        self.logger = logging.Logger("test")
        self.logger.addHandler(self)

    def emit(self, record):
        self.lines.append(record.getMessage())


class WithRedis(unittest.TestCase):
    flags = ()

    @classmethod
    def setUpClass(cls):
        cls.server = RedisServer(*cls.flags)
        cls.addClassCleanup(cls.server.close)
        cls.redis = redis.Redis.from_url(cls.server.url)
        patient = mock.patch.object(store, "POLL_TIMEOUT", 10)  # the machine may be busy
        patient.start()
        cls.addClassCleanup(patient.stop)

    def setUp(self):
        self.redis.flushall()
        self.log = Logged()
        self.client = nudge.Client(self.server.url, logger=self.log.logger, secret=SECRET, timeout=10)


class Publish(WithRedis):
    def heard(self, call, project="42"):
        """What subscribers of the project hear while call runs, and what it returns."""
        listener = self.redis.pubsub(ignore_subscribe_messages=True)
        self.addCleanup(listener.close)
        channel = f"nudge:{{{project}}}"
        listener.subscribe(channel)
        while not listener.subscribed or listener.get_message(timeout=0.01):
            pass
        result = call()
        self.redis.publish(channel, "end")
        heard = []
        while not heard or heard[-1] != b"end":
            message = listener.get_message(timeout=1)
            if message:
                heard.append(message["data"])
        return heard[:-1], result

    def test_stores_and_announces(self):
        self.assertEqual(self.heard(lambda: self.client.publish(42, 124)), ([b"124"], True))
        self.assertEqual(self.redis.get("nudge:{42}"), b"124")
        self.assertEqual(self.heard(lambda: self.client.publish("42", 124)), ([], False))
        self.assertFalse(self.client.publish(42, 123))
        self.assertEqual(self.log.lines, [])

    def test_what_else_there_is_to_say(self):
        heard, _ = self.heard(lambda: self.client.publish(42, 124, prev=123, writer="tab-é", data={"a": [1, "ü"]}))
        self.assertEqual(json.loads(heard[0]), {"version": 124, "prev": 123, "writer": "tab-é", "data": {"a": [1, "ü"]}})
        heard, _ = self.heard(lambda: self.client.publish(42, 3, reset=True))
        self.assertEqual(json.loads(heard[0]), {"version": 3, "reset": True})
        self.assertEqual(self.redis.get("nudge:{42}"), b"3")

    def test_extras_that_break_a_rule_are_left_out(self):
        for extra in ({"data": 1}, {"prev": -1}, {"prev": 1, "data": "x" * 9000}, {"writer": "x" * 129}, {"writer": "\ud800"}, {"prev": 1, "data": object()}):
            self.redis.flushall()
            self.assertTrue(self.client.publish(42, 124, **extra), extra)
            self.assertIn("publish 42@124 without what breaks a rule", self.log.lines[-1])
            with self.assertRaises(ValueError):
                self.client.publish_or_raise(42, 125, **extra)

    def test_large_numbers_and_ids(self):
        self.assertTrue(self.client.publish(42, 2**53 - 1))
        self.assertEqual(self.redis.get("nudge:{42}"), b"9007199254740991")
        someone = uuid.uuid4()
        self.assertTrue(self.client.publish(someone, 0))
        self.assertEqual(self.redis.get(f"nudge:{{{someone}}}"), b"0")
        self.assertTrue(self.client.publish("a" * 128, 1))

    def test_never_raises(self):
        for project, version in (("", 1), ("a b", 1), ("ü", 1), (True, 1), (None, 1), ("a" * 129, 1), ("42\n", 1), (42, -1), (42, 2**53), (42, 1.5), (42, "1"), (42, None), (42, True)):
            self.assertIs(self.client.publish(project, version), False)
            self.assertIn("pages find the change at their next poll", self.log.lines[-1])
            self.assertNotIn("\n", self.log.lines[-1])
            with self.assertRaises(ValueError):
                self.client.publish_or_raise(project, version)

    def test_many(self):
        self.client.publish(7, 5)
        self.assertEqual(self.client.publish_many([(42, 1), (7, 5), ("no good", 1), (9, 2), (9, 3)]), 3)
        self.assertEqual(len(self.log.lines), 1)
        self.assertEqual(self.redis.get("nudge:{9}"), b"3")
        self.assertEqual(self.client.publish_many((i, 1) for i in range(1000, 3500)), 2500)
        self.assertEqual(self.client.publish_many([]), 0)
        self.assertEqual(self.client.publish_many(None), 0)

    def test_redis_forgets_the_script(self):
        self.client.publish(42, 1)
        self.redis.script_flush()
        self.assertTrue(self.client.publish(42, 2))
        self.redis.script_flush()
        self.assertEqual(self.client.publish_many([(42, 3), (43, 1)]), 2)
        self.assertEqual(self.log.lines, [])

    def test_keys_expire(self):
        nudge.Client(self.server.url, expire=60).publish(42, 1)
        self.assertTrue(0 < self.redis.ttl("nudge:{42}") <= 60)

    def test_a_client_of_the_application(self):
        class Prefixed(redis.Redis):
            def execute_command(self, *args, **options):
                return super().execute_command(args[0], *("app:" + str(a) for a in args[1:]), **options)

        pool = redis.BlockingConnectionPool.from_url(self.server.url, decode_responses=True, max_connections=2)
        clients = (redis.Redis.from_url(self.server.url, decode_responses=True), Prefixed.from_url(self.server.url), redis.Redis(connection_pool=pool))
        for version, source in enumerate(clients, 1):
            client = nudge.Client(source, prefix="other")
            self.assertTrue(client.publish(42, version))
            self.assertEqual(client.store.get(["42", "43"]), [str(version).encode(), None])
        self.assertEqual(self.redis.keys(), [b"other:{42}"])

    def test_threads(self):
        announced = []

        def work(first):
            announced.extend(self.client.publish(42, v) for v in range(first, 201, 8))

        threads = [threading.Thread(target=work, args=(i,)) for i in range(1, 9)]
        for t in threads:
            t.start()
        for t in threads:
            t.join()
        self.assertEqual(self.redis.get("nudge:{42}"), b"200")
        self.assertEqual(len(announced), 200)
        self.assertEqual(self.log.lines, [])

    def test_forks(self):
        self.client.publish(42, 1)
        children = []
        for child in (1, 2):
            children.append(os.fork())
            if not children[-1]:
                all_told = all(self.client.publish(1000 * child + n, 2) for n in range(50))
                os._exit(0 if all_told else 1)
        told = [self.client.publish(n, 2) for n in range(50)]
        self.assertEqual([os.waitpid(child, 0)[1] for child in children], [0, 0])
        self.assertEqual(told, [True] * 50)
        self.assertEqual(self.log.lines, [])

    def test_rights(self):
        """Those of docs/publishing.md."""
        text = (Path(__file__).parents[3] / "docs/publishing.md").read_text()
        rights = re.search(r"ACL SETUSER publisher on >SECRET (.*)", text)[1].split()
        url = self.server.url.replace("//", "//publisher:SECRET@")
        for more, stored in ((["+mget"], [b"2"]), ([], None)):
            self.redis.execute_command("ACL", "SETUSER", "publisher", "reset", "on", ">SECRET", *rights, *more)
            client = nudge.Client(url, logger=self.log.logger, timeout=10)
            self.redis.flushall()
            self.redis.script_flush()
            self.assertTrue(client.publish(42, 2))
            if stored:
                self.assertEqual(client.store.get(["42"]), stored)
            else:
                with self.assertRaises(redis.exceptions.NoPermissionError) as raised:
                    client.store.get(["42"])
                self.assertIn("+mget", store.advice(raised.exception))
        self.assertEqual(self.log.lines, [])

    def test_a_key_of_another_type(self):
        self.redis.lpush("nudge:{42}", "x")
        self.assertTrue(self.client.publish(42, 1))


class Away(unittest.TestCase):
    def test_redis_restarts(self):
        server = RedisServer()
        self.addCleanup(server.close)
        log = Logged()
        client = nudge.Client(server.url, logger=log.logger, timeout=5)
        self.assertTrue(client.publish(42, 1))
        server.kill()
        server.start()
        self.assertTrue(client.publish(42, 2), log.lines)
        self.assertEqual(log.lines, [])

    def test_a_connection_that_breaks_is_tried_again_once(self):
        client = nudge.Client("redis://127.0.0.1:1", logger=Logged().logger)
        for failures, announced in (([redis.ConnectionError()], True), ([redis.ConnectionError()] * 2, False), ([redis.TimeoutError()], False)):
            client._pause = Pause()
            with mock.patch.object(client.store, "_run", side_effect=[*failures, [True], [True]]) as run:
                self.assertIs(client.publish(42, 1), announced)
                self.assertEqual(run.call_count, min(len(failures) + announced, 2))

    def test_calls_fail_at_once_for_a_second(self):
        server = RedisServer()
        self.addCleanup(server.close)
        log, now = Logged(), [100.0]
        client = nudge.Client(server.url, logger=log.logger)
        client._pause = Pause(clock=lambda: now[0])
        client.publish(42, 1)
        server.freeze()
        began = time.monotonic()
        for version in range(2, 102):
            self.assertFalse(client.publish(42, version))
        took = time.monotonic() - began
        self.assertLess(took, 50, "each call waited for Redis")  # 100 waits are 100 s
        self.assertEqual(len(log.lines), 100)
        self.assertRegex(log.lines[0], r"^publish 42@2 failed: Timeout.*; see whether Redis runs.*; pages find the change at their next poll$")
        self.assertIn("failed less than a second ago", log.lines[1])
        server.thaw()
        self.assertFalse(client.publish(42, 200))
        now[0] += 1
        self.assertTrue(client.publish(42, 200))
        self.assertTrue(client.publish(42, 201))

    def test_no_password_in_any_line(self):
        server = RedisServer("--requirepass", "hunter2hunter2")
        self.addCleanup(server.close)
        log = Logged()
        for password in ("wrong-passw0rd", "p%40ss-word"):
            client = nudge.Client(server.url.replace("//", f"//:{password}@"), logger=log.logger)
            client.publish(42, 1)
            client.publish_many([(42, 1), (43, 2)])
            self.assertEqual(client.store.hide(f"of {password} and {unquote(password)}"), "of … and …")
            with self.assertRaises(nudge.PublishError) as raised:
                client.publish_or_raise(42, 1)
            log.lines.append(str(raised.exception))
        self.assertEqual(len(log.lines), 6)
        for line in log.lines:
            self.assertNotRegex(line, "passw0rd|ss-word")
        self.assertIn("put user and password of Redis into the option redis", log.lines[0])
        self.assertTrue(nudge.Client(server.url.replace("//", "//:hunter2hunter2@")).publish(42, 1))

    def test_one_caller_tries_again(self):
        now = [0.0]
        pause = Pause(clock=lambda: now[0])
        self.assertTrue(pause.failed("away"))
        self.assertFalse(pause.failed("away"))
        self.assertFalse(pause.allows())
        now[0] = 1.0
        self.assertEqual([pause.allows() for _ in range(3)], [True, False, False])
        pause.succeeded()
        self.assertEqual([pause.allows() for _ in range(3)], [True, True, True])


class Options(unittest.TestCase):
    def test_wrong_ones(self):
        url = "redis://127.0.0.1:1/0"
        for name, options in (
            ("redis", {}),
            ("redis", {"redis": "127.0.0.1:6379"}),
            ("redis", {"redis": "redis://:pass/w@rd@127.0.0.1:x/0"}),
            ("redis", {"redis": 5}),
            ("redis", {"redis": redis.asyncio.Redis()}),
            ("prefix", {"redis": url, "prefix": "a{b}"}),
            ("expire", {"redis": url, "expire": -1}),
            ("expire", {"redis": url, "expire": 1.5}),
            ("timeout", {"redis": url, "timeout": 0}),
            ("slow", {"redis": url, "slow": "5m"}),
            ("secret", {"redis": url, "secret": "short"}),
            ("secret", {"redis": url, "secret": SECRET + "\n"}),
            ("secret", {"redis": url, "secret": "base64:" + SECRET[:-2] + "!!"}),
            ("secret", {"redis": url, "secret": 5}),
        ):
            with self.assertRaises(ValueError, msg=options) as raised:
                nudge.Client(**options)
            self.assertTrue(str(raised.exception).startswith(name + ": "), raised.exception)
            self.assertNotIn("pass/w", str(raised.exception))

    def test_the_script(self):
        self.assertEqual(store.SHA, hashlib.sha1(store.SCRIPT).hexdigest())


class Tokens(unittest.TestCase):
    def claims(self, token, secret=SECRET.encode()):
        head, body, mac = token.split(".")
        want = hmac.new(secret, f"{head}.{body}".encode(), hashlib.sha256).digest()
        self.assertEqual(base64.urlsafe_b64decode(mac + "="), want)
        return json.loads(base64.urlsafe_b64decode(body + "=="))

    def test_claims(self):
        client = nudge.Client("redis://127.0.0.1:1", secret=SECRET, issuer="app")
        claims = self.claims(client.token_for(7, [42, "team-*", "*"], ttl=60, publish=["42"], claims={"jti": "x"}))
        self.assertAlmostEqual(claims.pop("iat"), time.time(), delta=60)
        self.assertAlmostEqual(claims.pop("exp"), time.time() + 60, delta=60)
        self.assertEqual(claims, {"sub": "7", "subscribe": ["42", "team-*", "*"], "publish": ["42"], "iss": "app", "aud": "nudge", "jti": "x"})

    def test_secret_in_base64(self):
        key = bytes(range(224, 256))
        for text in (base64.b64encode(key), base64.urlsafe_b64encode(key).rstrip(b"=")):
            client = nudge.Client("redis://127.0.0.1:1", secret="base64:" + text.decode(), audience=None)
            self.assertNotIn("aud", self.claims(client.token_for("7", ["42"]), key))

    def test_wrong_arguments(self):
        client = nudge.Client("redis://127.0.0.1:1", secret=SECRET)
        for arguments in (("", ["42"]), (None, ["42"]), (True, ["42"]), (7, "42"), (7, ["a b"]), (7, ["**"]), (7, 42), (7, ["42"], 0), (7, ["42"], 1.5), (7, ["42"], 10**9), (7, ["42"], 60, "42"), (7, ["42"], 60, [], {"sub": "8"}), (7, ["42"], 60, [], {"x": object()})):
            with self.assertRaises(ValueError, msg=arguments):
                client.token_for(*arguments)
        with self.assertRaisesRegex(ValueError, "^secret: "):
            nudge.Client("redis://127.0.0.1:1").token_for(7, ["42"])


if __name__ == "__main__":
    unittest.main()
