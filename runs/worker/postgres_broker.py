"""PostgreSQL as Celery's broker, for installations without another: the queue's tables and functions, and Celery's way
to them. It is pgmq's SQL, without its extension."""

from __future__ import annotations

import time
from typing import Any

import psycopg
from kombu.transport import pgmq
from pgmq.install import get_embedded_install_sql

QUEUE = "runs"
TRUSTED_S = 5.0
"""A connection that stood this recently is used without asking. If it broke since, sending fails and the sweeper rings
again."""


def install_queues(broker_url: str) -> None:
    """Installs pgmq's SQL and the queue in the broker's database, if they are not there yet."""
    url = broker_url.replace("pgmq://", "postgresql://", 1)
    with psycopg.connect(url) as connection:
        if connection.execute("SELECT to_regnamespace('pgmq')").fetchone() == (None,):
            connection.execute(get_embedded_install_sql())
        queue = connection.execute("SELECT is_unlogged FROM pgmq.meta WHERE queue_name = %s", [QUEUE]).fetchone()
        if queue is None:
            # Unlogged: a message may be lost, so its three commits need not wait for the disk.
            connection.execute("SELECT pgmq.create_unlogged(%s)", [QUEUE])


class Transport(pgmq.Transport):
    """kombu's own asks for the list of queues before each send and each receive, which takes longer than either."""

    _stood_at = float("-inf")

    def verify_connection(self, connection: Any) -> bool:
        if time.monotonic() - self._stood_at < TRUSTED_S:
            return True
        stands: bool = super().verify_connection(connection)
        if stands:
            self._stood_at = time.monotonic()
        return stands
