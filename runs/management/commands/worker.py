"""Starts one Celery worker as Crewsite needs it: with a pool of threads, and without gossip between workers."""

from __future__ import annotations

from typing import Any

from celery import current_app
from django.conf import settings
from django.core.management.base import BaseCommand


class Command(BaseCommand):
    help = "Run one worker process; start as many as there is work for."

    def handle(self, *args: Any, **options: Any) -> None:
        pool = ["--pool", "threads", "--concurrency", str(settings.WORKER_CONCURRENCY)]
        quiet = ["--without-gossip", "--without-mingle", "--without-heartbeat", "--loglevel", "WARNING"]
        current_app.worker_main(["--quiet", "worker", *pool, *quiet])
