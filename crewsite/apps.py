"""Sets Celery up with Django, so that every process that may ring the doorbell knows the broker."""

from django.apps import AppConfig


class CrewsiteConfig(AppConfig):
    name = "crewsite"

    def ready(self) -> None:
        from crewsite import celery  # noqa: F401 - it becomes the current app, which the tasks of all apps hang on
