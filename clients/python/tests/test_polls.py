import asyncio
import json
import unittest
from pathlib import Path
from unittest import mock
from wsgiref.util import setup_testing_defaults

import redis

import nudge
from nudge import asgi, store, validator, wsgi
from nudge.polls import Polls, Request
from nudge.testing import FakeClient
from tests.test_client import SECRET, Logged, WithRedis

IDENTITY = ["cookie:sid", "header:Authorization"]


class Rules(unittest.TestCase):
    """The rules, with a store in memory and a clock of the test's own."""

    def setUp(self):
        self.log = Logged()
        self.client = FakeClient(secret=SECRET, logger=self.log.logger)
        self.now = 1790000000.0
        self.polls = Polls(self.client, IDENTITY, clock=lambda: self.now)
        self.client.publish_many([(42, 124), (43, 9)])

    def request(self, method="GET", path="/p", **headers):
        headers = {name.replace("_", "-"): value for name, value in headers.items()}
        return Request(method, path, headers.get)

    def etag(self, request=None, status=200, headers=()):
        headers = [("X-Nudge-Version", "42=124, 43=9"), *headers]
        finished = self.polls.finish(request or self.request(cookie="sid=ann"), status, headers)
        self.assertNotIn("X-Nudge-Version", dict(finished))
        return dict(finished).get("ETag")

    def passes(self, etag, **request):
        request.setdefault("cookie", "sid=ann")
        return self.polls.unchanged(self.request(if_none_match=etag, **request)) is None

    def test_unchanged(self):
        etag = self.etag()
        self.assertRegex(etag, r'^W/"nudge1\.1790000000\.[\w-]+\.[\w-]{22}"$')
        for sent in (etag, etag[2:], etag.replace('"', "").replace("W/", ""), f'"x", {etag[:-1]}-gzip", "y"', etag[:-1] + ';br"', f'W/"nudge1.1.QQ.{"A" * 22}", {etag}'):
            answer = self.polls.unchanged(self.request(if_none_match=sent, cookie="a=b; sid=ann"))
            self.assertEqual(answer, [("ETag", etag), ("Cache-Control", "private, no-cache")], sent)
        self.assertFalse(self.passes(etag, method="HEAD"))

    def test_others_go_through(self):
        etag = self.etag()
        for request in ({"method": "POST"}, {"path": "/q"}, {"cookie": "sid=bob"}, {"cookie": ""}, {"cookie": "sid=ann; sid=bob"}, {"authorization": "Bearer x"}):
            self.assertTrue(self.passes(etag, **request), request)
        self.assertTrue(self.passes(etag.replace("nudge1.1790000000", "nudge1.1790000001")))
        self.assertTrue(self.passes('"of the application"'))
        self.assertTrue(self.passes("nudge1." * 1000))

    def test_age(self):
        etag = self.etag()
        for age, passes in ((300, False), (300.5, True), (-5, False), (-5.5, True), (10**9, True)):
            self.now = 1790000000.0 + age
            self.assertEqual(self.passes(etag), passes, age)

    def test_versions(self):
        etag = self.etag()
        self.client.publish(43, 10)
        self.assertTrue(self.passes(etag))
        self.client.publish(43, 9, reset=True)
        self.assertFalse(self.passes(etag))
        self.client.publish(43, 8, reset=True)
        self.assertTrue(self.passes(etag))
        self.client.clear()
        self.assertTrue(self.passes(etag))

    def test_redis_fails(self):
        etag = self.etag()
        self.client.fail("away")
        self.assertTrue(self.passes(etag))
        self.client.fail(None)
        self.assertTrue(self.passes(etag))  # within the pause
        self.assertEqual(len(self.log.lines), 1)
        self.polls._pause._until = 0
        self.assertFalse(self.passes(etag))

    def test_answers_without_validator(self):
        for request, status, headers in (
            (None, 201, ()),
            (self.request("HEAD"), 200, ()),
            (self.request("POST"), 200, ()),
            (None, 200, [("ETag", '"a"')]),
            (None, 200, [("cache-control", "no-store")]),
            (None, 200, [("Cache-Control", "public, max-age=5")]),
            (None, 200, [("Cache-Control", "s-maxage=5")]),
            (None, 200, [("Vary", "Accept-Encoding, Accept")]),
            (None, 200, [("Vary", "*")]),
            (None, 200, [("X-Nudge-Version", "no version")]),
            (None, 200, [("X-Nudge-Version", "42=125")]),
            (None, 200, [("x-nudge-version", ",".join(f"a{i}=1" for i in range(63)))]),
        ):
            self.assertIn(self.etag(request, status, headers), (None, '"a"'), headers)
        self.assertEqual(len(self.log.lines), 4)  # each once
        self.assertEqual(self.polls.finish(self.request(), 200, [("A", "b")]), [("A", "b")])
        kept = self.polls.finish(self.request(), 200, [("X-Nudge-Version", "42=1"), ("Cache-Control", "max-age=0")])
        self.assertEqual([name for name, _ in kept], ["Cache-Control", "ETag"])

    def test_vary(self):
        self.assertFalse(self.passes(self.etag(headers=[("Vary", "Cookie, Origin"), ("vary", "Accept-Encoding,authorization")])))

    def test_an_answer_that_sets_the_cookie(self):
        etag = self.etag(headers=[("Set-Cookie", "sid=bob; Path=/; HttpOnly"), ("Set-Cookie", "other=1")])
        self.assertTrue(self.passes(etag))
        self.assertFalse(self.passes(etag, cookie="sid=bob"))
        for ends in ("Max-Age=0", "expires=Thu, 01 Jan 1970 00:00:00 GMT"):
            etag = self.etag(headers=[("Set-Cookie", 'sid=""; ' + ends)])
            self.assertTrue(self.passes(etag))
            self.assertFalse(self.passes(etag, cookie=""))

    def test_a_cookie_that_is_signed_anew(self):
        self.polls = Polls(self.client, ["signed:sid"], clock=lambda: self.now)
        for before, after, other in (
            ("eyJ1IjoxfQ.aaaaaa.s-g_1", "eyJ1IjoxfQ.aaaaab.s-g_2", "eyJ1IjoyfQ.aaaaab.s-g_3"),
            (".eJx1IjoxfQ.aaaaaa.sig1", ".eJx1IjoxfQ.aaaaab.sig2", ".eJx1Ijox.aaaaab.sig2"),
            ("eyJ1IjoxfQ==.aaaaaa.sig1", "eyJ1IjoxfQ==.aaaaab.sig2", ""),
            ("eyJ1IjoxfQ:1oXYZ:sig1", "eyJ1IjoxfQ:1oXYa:sig2", "eyJ1IjoyfQ:1oXYa:sig2"),
        ):
            etag = self.etag(self.request(cookie="sid=" + before), headers=[("Set-Cookie", f"sid={after}; path=/")])
            self.assertFalse(self.passes(etag, cookie="sid=" + before))
            self.assertFalse(self.passes(etag, cookie="sid=" + after))
            self.assertTrue(self.passes(etag, cookie="sid=" + other))

    def test_identity_is_checked(self):
        for wrong in (None, "cookie:sid", ["sid"], ["cookie:"], ["cookie:a b"], [5]):
            with self.assertRaisesRegex(ValueError, "^identity: "):
                Polls(self.client, wrong)

    def test_nothing_breaks_a_request(self):
        def header(name):
            raise RuntimeError("of the server")

        self.assertIsNone(self.polls.unchanged(Request("GET", "/", header)))
        self.assertEqual(self.polls.finish(Request("GET", "/", header), 200, [("X-Nudge-Version", "42=1")]), [])

    def test_answered(self):
        class Response:
            headers = {}

        response = nudge.answered(Response(), {"b": 2, 42: 124})
        self.assertEqual(response.headers, {"X-Nudge-Version": "42=124,b=2"})


class Carriers(WithRedis):
    def setUp(self):
        super().setUp()
        self.calls = 0
        self.client.publish(42, 124)

    def app(self, environ, start_response):
        self.calls += 1
        start_response("200 OK", [("X-Nudge-Version", "42=124"), ("Content-Type", "text/plain")])
        return [b"changes"]

    def get(self, app, **headers):
        environ = {"PATH_INFO": "/projects/\u00fc", "HTTP_COOKIE": "sid=ann", **headers}
        setup_testing_defaults(environ)
        answer = []
        body = b"".join(app(environ, lambda status, headers, exc_info=None: answer.append((status, dict(headers)))))
        return (*answer[0], body)

    def test_wsgi(self):
        app = wsgi.PollMiddleware(self.app, self.client, identity=IDENTITY)
        status, headers, body = self.get(app)
        self.assertEqual((status, headers["Cache-Control"], body), ("200 OK", "private, no-cache", b"changes"))
        again = self.get(app, HTTP_IF_NONE_MATCH=headers["ETag"])
        self.assertEqual(again, ("304 Not Modified", {"ETag": headers["ETag"], "Cache-Control": "private, no-cache"}, b""))
        self.assertEqual(self.calls, 1)
        self.client.publish(42, 125)
        self.assertEqual(self.get(app, HTTP_IF_NONE_MATCH=headers["ETag"])[0], "200 OK")

    def test_wsgi_path(self):
        for environ, path in (({"RAW_URI": "/a%20b?x=1"}, "/a%20b"), ({"REQUEST_URI": "/a~%7E"}, "/a~%7E"), ({"SCRIPT_NAME": "/s", "PATH_INFO": "/\xc3\xbc b~"}, "/s/%C3%BC%20b~"), ({"PATH_INFO": "/€"}, "/%E2%82%AC")):
            self.assertEqual(wsgi.request_of(environ).path, path)

    def test_asgi(self):
        async def app(scope, receive, send):
            self.calls += 1
            await send({"type": "http.response.start", "status": 200, "headers": [(b"x-nudge-version", b"42=124")]})
            await send({"type": "http.response.body", "body": b"changes"})

        polls = asgi.PollMiddleware(app, self.client, identity=IDENTITY)

        async def get(**headers):
            sent = []

            async def send(message):
                sent.append(message)

            lines = [(name.replace("_", "-").encode(), value.encode()) for name, value in headers.items()]
            await polls({"type": "http", "method": "GET", "path": "/p", "raw_path": b"/p?x", "headers": lines}, None, send)
            return sent[0]["status"], dict(sent[0]["headers"]), sent[1]["body"]

        async def poll():
            status, headers, body = await get(cookie="sid=ann")
            etag = headers[b"etag"].decode()
            self.assertEqual((status, body, b"x-nudge-version" in headers), (200, b"changes", False))
            many = await asyncio.gather(*(get(cookie="sid=ann", if_none_match=etag) for _ in range(20)))
            self.assertEqual(many, [(304, {b"etag": etag.encode(), b"cache-control": b"private, no-cache"}, b"")] * 20)
            self.assertEqual((await get(cookie="sid=bob", if_none_match=etag))[0], 200)
            self.client.publish(42, self.calls + 200)
            self.assertEqual((await get(cookie="sid=ann", if_none_match=etag))[0], 200)
            for client in list(self.client.store._loops.values()):
                await client.connection_pool.disconnect()

        for _ in range(2):  # the second time in another event loop
            self.redis.flushall()
            self.client.publish(42, 124)
            asyncio.run(poll())

    def test_requests_that_are_cancelled(self):
        """Their answers must not be read by others."""
        self.client.publish_many((n, n) for n in range(100, 200))

        async def read(n):
            return await self.client.store.get_async([str(n)])

        async def run():
            for n in range(100, 200):
                first = asyncio.ensure_future(read(n))
                for _ in range(n % 8):
                    await asyncio.sleep(0)
                first.cancel()
                self.assertEqual(await read(299 - n), [str(299 - n).encode()])
            await asyncio.gather(*(t for t in asyncio.all_tasks() if t is not asyncio.current_task()))
            for client in list(self.client.store._loops.values()):
                await client.connection_pool.disconnect()

        asyncio.run(run())

    def frozen(self, log):
        """A client as applications have it, while Redis does not answer."""
        self.server.freeze()
        self.addCleanup(self.server.thaw)
        with mock.patch.object(store, "POLL_TIMEOUT", 0.1):
            return nudge.Client(self.server.url, secret=SECRET, logger=log.logger)

    def test_redis_is_frozen_in_an_event_loop(self):
        async def run(client):
            with self.assertRaises(redis.TimeoutError):
                await client.store.get_async(["42"])
            self.server.thaw()
            await asyncio.gather(*(t for t in asyncio.all_tasks() if t is not asyncio.current_task()), return_exceptions=True)
            for c in list(client.store._loops.values()):
                await c.connection_pool.disconnect()

        asyncio.run(run(self.frozen(Logged())))

    def test_redis_is_frozen(self):
        app = wsgi.PollMiddleware(self.app, self.client, identity=IDENTITY)
        etag = self.get(app)[1]["ETag"]
        self.assertEqual(self.get(app, HTTP_IF_NONE_MATCH=etag)[0], "304 Not Modified")
        log = Logged()
        app = wsgi.PollMiddleware(self.app, self.frozen(log), identity=IDENTITY)
        for _ in range(5):
            self.assertEqual(self.get(app, HTTP_IF_NONE_MATCH=etag)[0], "200 OK")
        self.assertEqual(len(log.lines), 1)
        self.assertRegex(log.lines[0], "^polls go to the application: Timeout")


class Vectors(unittest.TestCase):
    """What the packages of all languages make of the same."""

    def test_all(self):
        vectors = json.loads((Path(__file__).parents[2] / "conformance/vectors.json").read_text())
        secret = vectors["secret"].encode()
        for v in vectors["validators"]:
            versions = {project: str(version) for project, version in v["versions"].items()}
            identity = validator.identity_hash([(name, value.encode()) for name, value in v["identity"].items()])
            self.assertEqual(validator.etag(secret, v["time"], versions, v["path"], identity), v["etag"])
            found = list(validator.signed(secret, v["etag"], v["path"], identity))
            self.assertEqual(found, [validator.Validator(v["time"], versions, v["etag"])])


if __name__ == "__main__":
    unittest.main()
