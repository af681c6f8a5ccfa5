"""Names the app for Django."""

from django.apps import AppConfig


class AgentsConfig(AppConfig):
    name = "agents_app"
    default_auto_field = "django.db.models.BigAutoField"
