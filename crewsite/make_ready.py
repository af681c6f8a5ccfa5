"""Brings database and static files up to date where they are not, and prints the path of a sign-in link.

A process of its own, so that `make up` need not keep Django in memory. With ``--fresh`` nothing has changed on disk
since the last time, and only the database is looked at. Lines before the last are for the person who started it.
"""

from __future__ import annotations

import os
import sys
from contextlib import redirect_stdout
from io import StringIO
from urllib.parse import urlsplit

import django
from django.core.management import call_command
from django.db import OperationalError, connection
from django.db.migrations.executor import MigrationExecutor
from kombu import Connection

BROKER_PATIENCE_S = 3


def main(*, fresh: bool) -> int:
    os.environ.setdefault("DJANGO_SETTINGS_MODULE", "crewsite.settings")
    django.setup()
    from django.conf import settings

    try:
        with redirect_stdout(sys.stderr):  # what the commands tell belongs into the log
            if not fresh or migrations_wait():
                call_command("prepare", verbosity=0)
            if not fresh:
                call_command("collectstatic", interactive=False, clear=True, verbosity=0)
            path = call_command("signin_link", stdout=StringIO())  # a secret: not into the log
    except OperationalError as error:
        print(f"The database cannot be used: {error}", file=sys.stderr)
        return 1
    if silence := broker_silence(settings.CELERY_BROKER_URL):
        print(silence)
    print(path)
    return 0


def migrations_wait() -> bool:
    executor = MigrationExecutor(connection)
    return bool(executor.migration_plan(executor.loader.graph.leaf_nodes()))


def broker_silence(broker_url: str) -> str:
    """What to say of a broker that does not answer, or nothing. It is no reason not to start: runs wait for it."""
    if urlsplit(broker_url).scheme in ("pgmq", "memory"):
        return ""
    with Connection(broker_url, connect_timeout=BROKER_PATIENCE_S) as broker:
        try:
            broker.ensure_connection(max_retries=1, timeout=BROKER_PATIENCE_S)
        except broker.connection_errors as error:
            return f"The broker {broker.as_uri()} does not answer ({error}). Runs stay queued until it does."
    return ""


if __name__ == "__main__":
    sys.exit(main(fresh="--fresh" in sys.argv))
