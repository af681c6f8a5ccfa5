"""The queue on PostgreSQL for installations without a broker of their own: pgmq's tables and functions, no
extension.
"""

from __future__ import annotations

import psycopg
from pgmq.install import get_embedded_install_sql


def install_queues(broker_url: str) -> None:
    """Installs pgmq's SQL into the broker's database where it is not there yet."""
    url = broker_url.replace("pgmq://", "postgresql://", 1)
    with psycopg.connect(url) as connection:
        if connection.execute("SELECT to_regnamespace('pgmq')").fetchone() == (None,):
            connection.execute(get_embedded_install_sql())
