"""The queue on PostgreSQL as it is installed."""

from __future__ import annotations

import os
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import psycopg
import pytest

from runs.worker.postgres_broker import QUEUE, install_queues

ROOT = Path(__file__).resolve().parents[3]
RING = """
import django
django.setup()
from runs.worker.bell import ring_now
for run in ("one", "two"):
    assert ring_now(run)
"""


@pytest.fixture
def broker_url(postgres_url: str) -> Iterator[str]:
    """A broker on a database of its own."""
    with psycopg.connect(postgres_url, autocommit=True) as connection:
        connection.execute("CREATE DATABASE doorbell")
        try:
            yield "pgmq://" + postgres_url.split("://", 1)[1].rsplit("/", 1)[0] + "/doorbell"
        finally:
            connection.execute("DROP DATABASE doorbell WITH (FORCE)")


def persistence(broker_url: str) -> tuple[str, ...] | None:
    with psycopg.connect(broker_url.replace("pgmq://", "postgresql://")) as connection:
        return connection.execute("SELECT relpersistence FROM pg_class WHERE relname = %s", [f"q_{QUEUE}"]).fetchone()


def test_messages_are_not_written_to_the_log(broker_url: str) -> None:
    install_queues(broker_url)
    assert persistence(broker_url) == ("u",)


def test_it_may_be_installed_again(broker_url: str) -> None:
    install_queues(broker_url)
    install_queues(broker_url)
    assert persistence(broker_url) == ("u",)


def test_celery_rings_in_the_brokers_database_and_not_in_the_ledgers(broker_url: str, postgres_url: str) -> None:
    install_queues(broker_url)
    environment = os.environ | {"DATABASE_URL": postgres_url, "BROKER_URL": broker_url}
    subprocess.run([sys.executable, "-c", RING], cwd=ROOT, env=environment, check=True, timeout=60)
    with psycopg.connect(broker_url.replace("pgmq://", "postgresql://")) as connection:
        assert connection.execute(f"SELECT count(*) FROM pgmq.q_{QUEUE}").fetchone() == (2,)
    assert persistence(broker_url) == ("u",)
