"""How Celery reaches its broker: PostgreSQL itself by default, Redis or RabbitMQ by ``BROKER_URL``.

The broker is a doorbell: a publisher gives up within seconds, and the sweeper rings again.
"""

from __future__ import annotations

from typing import Any
from urllib.parse import urlsplit



def address(broker_url: str, *, database_url: str) -> str:
    """``pgmq://`` alone means the application's own database."""
    return f"pgmq://{database_url.split('://', 1)[1]}" if broker_url == "pgmq://" else broker_url


def transport_options(broker_url: str, *, patience_s: float) -> dict[str, Any]:
    """Those of kombu's transport for that address (``kombu/transport/pgmq.py``, ``redis.py``).

    A publisher connects once and does not try again; a worker tries for ever, by Celery's own settings.
    """
    scheme = urlsplit(broker_url).scheme
    once = {"max_retries": 0, "interval_start": 0, "interval_step": 0}
    if scheme == "pgmq":
        return once | {
            "conn_string": broker_url.replace("pgmq://", "postgresql://", 1),
            "init_extension": False,  # the queue is plain SQL here, installed by `manage.py prepare`
            "use_notify": True,
            "notify_throttle_interval_ms": 0,  # a swallowed notification would cost a whole polling interval
            "wait_time_seconds": 0,  # waiting is done by LISTEN and not by a polling query
            "visibility_timeout": 60,
            "pool_size": 4,
            "pool_timeout": patience_s,
        }
    if scheme in ("redis", "rediss"):
        return once | {
            "socket_connect_timeout": patience_s,
            "socket_timeout": patience_s,
            "socket_keepalive": True,
            "visibility_timeout": 3600,
        }
    return once


def install_queues(broker_url: str) -> None:
    """pgmq's tables and functions (plain SQL, no extension) in the broker's database, where they are not there yet."""
    import psycopg  # not at the top: the settings import this module
    from pgmq.install import get_embedded_install_sql

    with psycopg.connect(broker_url.replace("pgmq://", "postgresql://", 1)) as connection:
        if connection.execute("SELECT to_regnamespace('pgmq')").fetchone() == (None,):
            connection.execute(get_embedded_install_sql())
