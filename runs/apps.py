"""Names the app for Django, and has its database made whole after each ``migrate``."""

from django.apps import AppConfig
from django.db.models.signals import post_migrate


class RunsConfig(AppConfig):
    name = "runs"
    default_auto_field = "django.db.models.BigAutoField"

    def ready(self) -> None:
        from runs.ledger.rollups import writing

        post_migrate.connect(writing.install, sender=self)
