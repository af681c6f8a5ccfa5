"""Names the app for Django, has its database made whole after each ``migrate``, and says at its start where the log's
things of it are found, and what sweepers do for it."""

from django.apps import AppConfig
from django.db.models.signals import post_migrate


class RunsConfig(AppConfig):
    name = "runs"
    default_auto_field = "django.db.models.BigAutoField"

    def ready(self) -> None:
        from runs import log_links  # noqa: F401 - models are there only now
        from runs.ledger.rollups import writing
        from runs.worker import duties

        duties.add("runs.schedules.due.launch_due")
        post_migrate.connect(writing.install, sender=self)
