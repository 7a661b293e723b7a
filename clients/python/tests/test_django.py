import io
import unittest

try:
    import django
except ImportError:
    raise unittest.SkipTest("django is not installed") from None
from django.conf import settings

if not settings.configured:
    settings.configure(
        DATABASES={"default": {"ENGINE": "django.db.backends.sqlite3", "NAME": ":memory:"}},
        INSTALLED_APPS=["django.contrib.sessions", "nudge.django"],
        MIDDLEWARE=["nudge.django.PollMiddleware", "django.contrib.sessions.middleware.SessionMiddleware"],
        SESSION_ENGINE="django.contrib.sessions.backends.signed_cookies",
        ROOT_URLCONF=__name__,
        ALLOWED_HOSTS=["*"],
        SECRET_KEY="of the tests",
        USE_TZ=True,
    )
    django.setup()

from django.core import checks
from django.core.management import CommandError, call_command
from django.db import connection, transaction
from django.http import JsonResponse
from django.test import Client as Browser
from django.test import TestCase, override_settings
from django.urls import path

import nudge.django
from nudge import outbox
from nudge.testing import FakeClient
from tests.test_client import Logged

calls = []


def changes(request):
    calls.append(request.path)
    if "login" in request.GET:
        request.session["user"] = request.GET["login"]
    return nudge.django.answered(JsonResponse({"user": request.session.get("user")}), {42: 124})


urlpatterns = [path("changes", changes)]


class WithFake(unittest.TestCase):
    def setUp(self):
        self.log = Logged()
        self.client = FakeClient(logger=self.log.logger)
        nudge.django.use(self.client)
        self.addCleanup(nudge.django.use, None)


class Changed(WithFake):
    def test_once_after_the_commit(self):
        with transaction.atomic():
            nudge.django.changed(42, 1)
            nudge.django.changed("42", 3)
            nudge.django.changed(42, 2)
            nudge.django.changed(43, 1)
            self.assertEqual(self.client.published, [])
        self.assertEqual(self.client.published, [("42", 3), ("43", 1)])

    def test_rolled_back(self):
        with self.assertRaises(RuntimeError), transaction.atomic():
            nudge.django.changed(42, 1)
            raise RuntimeError
        with transaction.atomic():
            pass
        self.assertEqual(self.client.published, [])

    def test_savepoint_rolled_back(self):
        with transaction.atomic():
            nudge.django.changed(42, 1)
            for version in (5, 6):
                with self.assertRaises(RuntimeError), transaction.atomic():
                    nudge.django.changed(42, version)
                    nudge.django.changed(44, 1)
                    raise RuntimeError
            with transaction.atomic():
                nudge.django.changed(43, 2)
        self.assertEqual(self.client.published, [("42", 1), ("43", 2)])

    def test_savepoint_rolled_back_last(self):
        with transaction.atomic():
            nudge.django.changed(42, 1)
            with self.assertRaises(RuntimeError), transaction.atomic():
                nudge.django.changed(42, 5)
                raise RuntimeError
        self.assertEqual(self.client.published, [("42", 1)])

    def test_within_other_hooks(self):
        def hook():
            nudge.django.changed(50, 1)
            with transaction.atomic():
                nudge.django.changed(51, 1)

        with transaction.atomic():
            nudge.django.changed(42, 1)
            transaction.on_commit(hook)
            nudge.django.changed(43, 1)
        self.assertEqual(sorted(self.client.published), [("42", 1), ("43", 1), ("50", 1), ("51", 1)])

    def test_without_a_transaction(self):
        nudge.django.changed(42, 1)
        self.assertEqual(self.client.published, [("42", 1)])

    def test_never_raises(self):
        self.client.fail("away")
        with transaction.atomic():
            nudge.django.changed(42, 1)
            nudge.django.changed("a b", 1)
        self.assertEqual(len(self.log.lines), 2)
        nudge.django.use(None)
        for options in ({}, {"redis": "nowhere"}, {"wrong": 1}):
            with override_settings(NUDGE=options), self.assertLogs("nudge"), transaction.atomic():
                nudge.django.changed(42, 1)


class InTestsOfTheApplication(TestCase):
    def test_captured_callbacks(self):
        client = FakeClient()
        nudge.django.use(client)
        self.addCleanup(nudge.django.use, None)
        nudge.django.changed(41, 1)
        with self.captureOnCommitCallbacks(execute=True):
            nudge.django.changed(42, 1)
            nudge.django.changed(42, 2)
        self.assertEqual(client.published, [("42", 2)])


class Settings(WithFake):
    def found(self, **changes):
        nudge.django.use(None)
        with override_settings(**changes):
            return {message.id: message.msg for message in checks.run_checks()}

    def test_checks(self):
        good = {"redis": "redis://127.0.0.1:1", "secret": "s" * 32}
        self.assertEqual(self.found(NUDGE=good), {})
        for wrong, text in (({}, "redis: is not given"), ({**good, "secret": "short"}, "secret: has 5 bytes"), ({**good, "prefx": "a"}, "prefx")):
            self.assertIn(text, self.found(NUDGE=wrong)["nudge.E001"])
        self.assertEqual(list(self.found(NUDGE=good, MIDDLEWARE=settings.MIDDLEWARE[::-1])), ["nudge.W001"])


class Outbox(WithFake):
    def test_migration_and_relay(self):
        call_command("migrate", verbosity=0)
        call_command("makemigrations", check=True, dry_run=True, verbosity=0)
        with transaction.atomic():
            outbox.add(connection, 42, 124)
        with self.assertRaises(RuntimeError), transaction.atomic():
            outbox.add(connection, 42, 125)
            raise RuntimeError
        self.client.fail("away")
        with self.assertRaisesRegex(CommandError, "^relay: publish 42@124: away; "):
            call_command("nudge_relay", once=True)
        self.client.fail(None)
        printed = io.StringIO()
        call_command("nudge_relay", once=True, stdout=printed)
        self.assertEqual((printed.getvalue(), self.client.published), ("rows: 1\n", [("42", 124)]))


class Polls(WithFake):
    def test_unchanged(self):
        calls.clear()
        self.client.publish(42, 124)
        browser = Browser()
        browser.get("/changes?login=ann")
        answer = browser.get("/changes?since=1")
        self.assertEqual((answer.json(), answer["Cache-Control"]), ({"user": "ann"}, "private, no-cache"))
        self.assertNotIn("X-Nudge-Version", answer)
        again = browser.get("/changes?since=1", HTTP_IF_NONE_MATCH=answer["ETag"])
        self.assertEqual((again.status_code, again.content, dict(again.cookies)), (304, b"", {}))
        self.assertEqual({k.lower(): v for k, v in again.items()}, {"etag": answer["ETag"], "cache-control": "private, no-cache"})
        self.assertEqual(len(calls), 2)
        self.assertEqual(Browser().get("/changes?since=1", HTTP_IF_NONE_MATCH=answer["ETag"]).json(), {"user": None})

    @override_settings(MIDDLEWARE=[*settings.MIDDLEWARE, "django.middleware.locale.LocaleMiddleware"], USE_I18N=True)
    def test_languages(self):
        self.client.publish(42, 124)
        browser = Browser()
        etag = browser.get("/changes", HTTP_ACCEPT_LANGUAGE="de")["ETag"]
        for language, status in (("de", 304), ("fr", 200)):
            self.assertEqual(browser.get("/changes", HTTP_IF_NONE_MATCH=etag, HTTP_ACCEPT_LANGUAGE=language).status_code, status)
        browser.cookies[settings.LANGUAGE_COOKIE_NAME] = "fr"
        self.assertEqual(browser.get("/changes", HTTP_IF_NONE_MATCH=etag, HTTP_ACCEPT_LANGUAGE="de").status_code, 200)

    def test_the_answer_of_a_login_is_for_the_new_session(self):
        self.client.publish(42, 124)
        browser = Browser()
        etag = browser.get("/changes?login=ann")["ETag"]
        self.assertEqual(browser.get("/changes", HTTP_IF_NONE_MATCH=etag).status_code, 304)
        browser.cookies.clear()
        self.assertEqual(browser.get("/changes", HTTP_IF_NONE_MATCH=etag).status_code, 200)


if __name__ == "__main__":
    unittest.main()
