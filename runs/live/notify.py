"""Announces that a run or a batch changed: a PostgreSQL NOTIFY, delivered when the transaction commits."""

from __future__ import annotations

from collections.abc import Sequence
from uuid import UUID

from django.db import connection

CHANNEL = "crewsite_run"


def run_changed(run_id: UUID) -> None:
    """May be called often: PostgreSQL folds a transaction's equal notifications into one."""
    with connection.cursor() as cursor:
        cursor.execute("SELECT pg_notify(%s, %s)", [CHANNEL, str(run_id)])


def batch_changed(batch_id: UUID) -> None:
    """Its state, bounds or rows, or which runs it has. What its runs do, they announce themselves."""
    run_changed(batch_id)  # ids are never the same, so one channel does for both


def runs_changed(run_ids: Sequence[UUID]) -> None:
    """The same for many, in one statement."""
    with connection.cursor() as cursor:
        cursor.execute("SELECT pg_notify(%s, id::text) FROM unnest(%s::uuid[]) AS id", [CHANNEL, list(run_ids)])
