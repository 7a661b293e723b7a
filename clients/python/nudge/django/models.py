from django.db import models


class Outbox(models.Model):
    """A hint that is committed with the change. nudge.outbox.add(connection, project, version) adds one."""

    id = models.BigAutoField(primary_key=True)
    project = models.CharField(max_length=128)
    version = models.BigIntegerField()
    created_at = models.DateTimeField(auto_now_add=True)

    class Meta:
        db_table = "nudge_outbox"
        verbose_name_plural = "outbox"
