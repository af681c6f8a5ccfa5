"""The queue on PostgreSQL for installations without a broker of their own: pgmq's tables and functions, no
extension.
"""

from __future__ import annotations

import psycopg
from pgmq.install import get_embedded_install_sql

QUEUE = "runs"


def install_queues(broker_url: str) -> None:
    """Installs pgmq's SQL and the queue into the broker's database where they are not there yet."""
    url = broker_url.replace("pgmq://", "postgresql://", 1)
    with psycopg.connect(url) as connection:
        if connection.execute("SELECT to_regnamespace('pgmq')").fetchone() == (None,):
            connection.execute(get_embedded_install_sql())
        known = connection.execute("SELECT is_unlogged FROM pgmq.meta WHERE queue_name = %s", [QUEUE]).fetchone()
        if known is None:
            # Unlogged: a message may be lost, and so nobody has to wait until it is on the disk. Each is three commits.
            connection.execute("SELECT pgmq.create_unlogged(%s)", [QUEUE])
