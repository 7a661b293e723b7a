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
    INSTALLED_APPS=["nudge.django"], ALLOWED_HOSTS=["127.0.0.1"],
    MIDDLEWARE=["nudge.django.PollMiddleware"],  # the first of all
    NUDGE={"redis": os.environ["REDIS_URL"], "secret": os.environ["NUDGE_AUTH_SECRET"]},
    ROOT_URLCONF=__name__,
)
django.setup()
import nudge.django


class Project(models.Model):
    version = models.BigIntegerField(default=0)
    stories = models.JSONField(default=list)

    class Meta:
        app_label = "example"


def changes(request, id):
    project = Project.objects.get(pk=id)
    return nudge.django.answered(JsonResponse({"version": project.version, "stories": project.stories}), {id: project.version})


def add(request, id):
    with transaction.atomic():
        project = Project.objects.select_for_update().get(pk=id)
        project.version, project.stories = project.version + 1, [*project.stories, request.POST["title"]]
        project.save()
        nudge.django.changed(id, project.version)  # published after the commit
        if request.POST["title"] == "rolled back":
            raise django.core.exceptions.BadRequest("rolled back")
    return HttpResponse(status=201)


urlpatterns = [
    path("projects/<int:id>/changes", changes),
    path("projects/<int:id>/stories", add),
    path("nudge-token", lambda request: HttpResponse(nudge.django.client().token_for("ann", [1]))),
]

with connection.schema_editor() as editor:
    editor.create_model(Project)
Project.objects.create()
server = make_server("127.0.0.1", int(os.environ.get("PORT", "8000")), get_wsgi_application())
print(f"http://127.0.0.1:{server.server_port}", flush=True)
server.serve_forever()
