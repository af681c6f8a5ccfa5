"""Starts one Celery worker as Crewsite needs it: with a pool of threads, and without gossip between workers."""

from __future__ import annotations

import os
from typing import Any

from celery import current_app
from django.conf import settings
from django.core.management.base import BaseCommand


class Command(BaseCommand):
    help = "Run one worker process; start as many as there is work for."
    # Django's checks load all pages and the whole API, which takes seconds and which no worker needs. 'manage.py check'
    # looks at them, and the tests do.
    requires_system_checks: list[str] = []

    def handle(self, *args: Any, **options: Any) -> None:
        os.environ["CELERY_SKIP_CHECKS"] = "1"
        pool = ["--pool", "threads", "--concurrency", str(settings.WORKER_CONCURRENCY)]
        quiet = ["--without-gossip", "--without-mingle", "--without-heartbeat", "--loglevel", "WARNING"]
        current_app.worker_main(["--quiet", "worker", *pool, *quiet])
