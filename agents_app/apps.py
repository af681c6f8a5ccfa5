"""Names the app for Django, and says at its start where the log's things of it are found."""

from django.apps import AppConfig


class AgentsConfig(AppConfig):
    name = "agents_app"
    default_auto_field = "django.db.models.BigAutoField"

    def ready(self) -> None:
        from agents_app import log_links  # noqa: F401 - models are there only now
