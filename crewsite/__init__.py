"""Wiring: settings, URLs, the API object, Celery and the local launcher. No rules live here."""

from crewsite.celery import app as celery_app

__all__ = ["celery_app"]
