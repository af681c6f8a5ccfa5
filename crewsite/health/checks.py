"""Whether this process can do its work: each check by name, answered within two seconds whatever hangs.

Nothing here names an address, an account or a secret: whoever can reach the port may ask.
"""

from __future__ import annotations

import logging
import time
from concurrent.futures import Future
from dataclasses import asdict, dataclass
from functools import cache
from typing import Any

import psycopg
from django.conf import settings
from django.db.migrations.loader import MigrationLoader
from kombu import Connection

from crewsite.health.probe import Probe
from engine.text import counted
from runs.ledger.invariants import last_check
from runs.live.hub import connection_params
from runs.worker.presence import SEEN_WITHIN_S, count_seen

log = logging.getLogger(__name__)

ANSWER_WITHIN_S = 1.8
NIGHTLY_WITHIN_S = 36 * 3600
QUICKLY: dict[str, Any] = {
    "connect_timeout": 2,
    "tcp_user_timeout": 2000,
    "keepalives_idle": 2,
    "keepalives_interval": 1,
    "keepalives_count": 2,
    "options": "-c statement_timeout=1500",
    "autocommit": True,
}
"""How a check connects: on its own, because a pooled connection to a network that swallows packets hangs for long."""


@dataclass(frozen=True, slots=True)
class HealthCheck:
    """One check. If one that is not ``needed`` fails, the process still serves, but somebody should look."""

    name: str
    ok: bool
    why: str = ""
    needed: bool = True


def readiness() -> dict[str, Any]:
    """``{"ready": …, "checks": [{"name", "ok", "why", "needed"}]}``."""
    deadline = time.monotonic() + ANSWER_WITHIN_S
    looks = {name: probe.begin() for name, probe in PROBES.items()}
    checks = [check for name, look in looks.items() for check in _result(name, look, deadline)]
    return {"ready": all(check.ok for check in checks if check.needed), "checks": [asdict(check) for check in checks]}


def _result(name: str, look: Future[list[HealthCheck]], deadline: float) -> list[HealthCheck]:
    try:
        return look.result(max(0.0, deadline - time.monotonic()))
    except TimeoutError:
        return [HealthCheck(name, ok=False, why="It gives no answer in time.")]
    except Exception as error:  # drivers raise what they like, and whatever it is, the check has failed
        log.warning("Not ready: %s", name, exc_info=error)
        return [HealthCheck(name, ok=False, why=f"It cannot be reached ({type(error).__name__}).")]


def _look_at_database() -> list[HealthCheck]:
    with psycopg.connect(**connection_params() | QUICKLY) as connection, connection.cursor() as cursor:
        cursor.execute("SELECT 1")
        migrations = _migrations(cursor)
        if not migrations.ok:
            return [HealthCheck("database", ok=True), migrations]
        return [HealthCheck("database", ok=True), migrations, _workers(cursor), *_invariants(cursor)]


def _migrations(cursor: psycopg.Cursor[Any]) -> HealthCheck:
    try:
        applied = set(cursor.execute("SELECT app, name FROM django_migrations").fetchall())
    except psycopg.errors.UndefinedTable:
        applied = set()
    missing = len(_known_migrations() - applied)
    why = f"{missing} migration{'s' if missing > 1 else ''} of this code not applied: run 'manage.py prepare'."
    return HealthCheck("migrations", ok=not missing, why=why if missing else "")


@cache
def _known_migrations() -> frozenset[tuple[str, str]]:
    return frozenset(MigrationLoader(None, ignore_no_migrations=True).disk_migrations)


def _workers(cursor: psycopg.Cursor[Any]) -> HealthCheck:
    if count_seen(cursor):
        return HealthCheck("worker", ok=True, needed=False)
    why = f"No worker was seen within the last {SEEN_WITHIN_S} s: runs are kept in the queue until one is started."
    return HealthCheck("worker", ok=False, why=why, needed=False)


def _invariants(cursor: psycopg.Cursor[Any]) -> list[HealthCheck]:
    """What the last nightly check of the invariants found, if there was one; they are not checked here."""
    last = last_check(cursor)
    if last is None:
        return []
    broken = len(last.violations)
    why = f"{broken} of them are broken: 'manage.py check_invariants' names them." if broken else ""
    if last.age_s > NIGHTLY_WITHIN_S:
        why = f"They were last checked {counted(round(last.age_s / 3600), 'hour')} ago."
    return [HealthCheck("invariants", ok=not why, why=why, needed=False)]


def _look_at_broker() -> list[HealthCheck]:
    url: str = settings.CELERY_BROKER_URL
    if url.startswith("pgmq"):
        with psycopg.connect(url.replace("pgmq://", "postgresql://", 1), **QUICKLY) as connection:
            installed = connection.execute("SELECT to_regnamespace('pgmq') IS NOT NULL").fetchone() == (True,)
        why = "" if installed else "Its queue is missing: run 'manage.py prepare'."
        return [HealthCheck("broker", ok=installed, why=why)]
    options = settings.CELERY_BROKER_TRANSPORT_OPTIONS
    with Connection(url, connect_timeout=1, transport_options=options) as connection:
        connection.ensure_connection(max_retries=1, interval_start=0, interval_step=0, timeout=1)
    return [HealthCheck("broker", ok=True)]


PROBES = {"database": Probe(_look_at_database), "broker": Probe(_look_at_broker)}
