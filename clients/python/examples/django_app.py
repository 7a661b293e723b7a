"""A Django application that polls. It needs REDIS_URL and NUDGE_AUTH_SECRET."""

import os
from wsgiref.simple_server import make_server

import django
from django.conf import settings
from django.core.wsgi import get_wsgi_application
from django.db import connection, models, transaction
from django.http import HttpResponse, JsonResponse
from django.urls import path

settings.configure(
    DATABASES={"default": {"ENGINE": "django.db.backends.sqlite3", "NAME": os.environ.get("DATABASE", "example.db")}},
    INSTALLED_APPS=["nudge.django"],
    MIDDLEWARE=["nudge.django.PollMiddleware"],  # the first of all
    NUDGE={"redis": os.environ["REDIS_URL"], "secret": os.environ["NUDGE_AUTH_SECRET"]},
    ROOT_URLCONF=__name__,
    ALLOWED_HOSTS=["127.0.0.1"],
)
django.setup()
import nudge.django


class Project(models.Model):
    title = models.CharField(max_length=100)
    version = models.BigIntegerField(default=0)

    class Meta:
        app_label = "example"


def changes(request, id):
    project = Project.objects.get(pk=id)
    answer = JsonResponse({"version": project.version, "title": project.title})
    return nudge.django.answered(answer, {id: project.version})


def rename(request, id, title):
    with transaction.atomic():
        Project.objects.filter(pk=id).update(title=title, version=models.F("version") + 1)
        version = Project.objects.values_list("version", flat=True).get(pk=id)
        nudge.django.changed(id, version)  # published after the commit
    return JsonResponse({"version": version})


urlpatterns = [
    path("projects/<int:id>/changes", changes),
    path("projects/<int:id>/rename/<title>", rename),
    path("nudge-token", lambda request: HttpResponse(nudge.django.client().token_for("ann", [42]))),
]

if __name__ == "__main__":
    with connection.schema_editor() as editor:
        editor.create_model(Project)
    Project.objects.create(pk=42, title="first", version=1)
    server = make_server("127.0.0.1", int(os.environ.get("PORT", "8000")), get_wsgi_application())
    print(f"http://127.0.0.1:{server.server_port}", flush=True)
    server.serve_forever()
