from typing import Any, List

from django.apps import AppConfig
from django.conf import settings
from django.core import checks

_POLLS, _SESSION = "nudge.django.PollMiddleware", "django.contrib.sessions.middleware.SessionMiddleware"


class NudgeConfig(AppConfig):
    name = "nudge.django"
    label = "nudge"
    verbose_name = "Nudge"
    default_auto_field = "django.db.models.BigAutoField"

    def ready(self) -> None:
        checks.register(check_settings)


def check_settings(**_: Any) -> List[checks.CheckMessage]:
    """For manage.py check: a wrong option is found at the start, and not in the log of the first commit."""
    from . import client

    found: List[checks.CheckMessage] = []
    try:
        client()
    except Exception as error:
        found.append(checks.Error(f"settings.NUDGE: {error}", id="nudge.E001"))
    middleware = list(settings.MIDDLEWARE)
    if _POLLS in middleware and _SESSION in middleware and middleware.index(_POLLS) > middleware.index(_SESSION):
        found.append(checks.Warning(f"settings.MIDDLEWARE: {_POLLS} comes after the session, so polls cost one; make it the first", id="nudge.W001"))
    return found
