from django.apps import AppConfig


class NudgeConfig(AppConfig):
    name = "nudge.django"
    label = "nudge"
    verbose_name = "Nudge"
    default_auto_field = "django.db.models.BigAutoField"
