"""The queue on PostgreSQL as it is installed."""

from __future__ import annotations

from collections.abc import Iterator

import psycopg
import pytest
from kombu import Connection

from runs.doorbell import QUEUE, install_queues


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


def test_celerys_transport_takes_the_queue_as_it_is(broker_url: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("DATABASE_URL", raising=False)  # pgmq's client would prefer it to the broker's URL
    install_queues(broker_url)
    with Connection(broker_url, transport_options={"init_extension": False}) as connection:
        queue = connection.SimpleQueue(QUEUE)
        queue.put({"run": "one"})
        message = queue.get(timeout=5)
        message.ack()
        assert message.payload == {"run": "one"}
        queue.close()
    assert persistence(broker_url) == ("u",)
