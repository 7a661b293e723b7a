"""Stories of projects, which pages poll: the application in Django that django.md takes from polling to push."""

import os
from wsgiref.simple_server import make_server

import django
from django.conf import settings
from django.core.exceptions import BadRequest
from django.core.wsgi import get_wsgi_application
from django.db import connection, models, transaction
from django.http import HttpResponse, JsonResponse
from django.urls import path

settings.configure(
    DATABASES={"default": {"ENGINE": "django.db.backends.sqlite3", "NAME": "app.sqlite"}},
    ALLOWED_HOSTS=["127.0.0.1"],
    MIDDLEWARE=[
        "django.middleware.common.CommonMiddleware",
    ],
    ROOT_URLCONF=__name__,
)
django.setup()


class Project(models.Model):
    version = models.BigIntegerField(default=0)
    stories = models.JSONField(default=list)

    class Meta:
        app_label = "app"


def stories(request, id):  # polled
    project = Project.objects.get(pk=id)
    return JsonResponse({"version": project.version, "stories": project.stories})


def newest(request, id):  # polled
    project = Project.objects.get(pk=id)
    return JsonResponse({"version": project.version, "newest": project.stories[-1:]}, headers={"Cache-Control": "no-store"})


def add(request, id):
    with transaction.atomic():
        project = Project.objects.select_for_update().get(pk=id)
        project.version, project.stories = project.version + 1, [*project.stories, request.POST["title"]]
        project.save()
        if request.POST["title"] == "refused":
            raise BadRequest("refused")
    return HttpResponse(status=201)


urlpatterns = [
    path("projects/<int:id>/stories", lambda request, id: (add if request.method == "POST" else stories)(request, id)),
    path("projects/<int:id>/newest", newest),
]

with connection.schema_editor() as editor:
    editor.create_model(Project)
Project.objects.bulk_create(Project() for _ in range(8))
server = make_server("127.0.0.1", int(os.environ.get("PORT", "3000")), get_wsgi_application())
print(f"http://127.0.0.1:{server.server_port}", flush=True)
server.serve_forever()
