"""The Celery app: a doorbell, no more. Its settings are the ``CELERY_*`` ones, its one task is the worker's."""

import os

from celery import Celery

os.environ.setdefault("DJANGO_SETTINGS_MODULE", "crewsite.settings")

app = Celery("crewsite")
app.config_from_object("django.conf:settings", namespace="CELERY")
app.autodiscover_tasks(["runs.worker"])
