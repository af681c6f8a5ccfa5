"""Alive and ready, as machines ask: each check by name, in time whatever hangs, and no address in any answer."""

from __future__ import annotations

import os
import socket
import subprocess
import sys
import threading
import time
from collections.abc import Iterator
from datetime import timedelta
from typing import Any

import httpx
import pytest
from django.db import connection
from django.test import Client
from django.utils import timezone

from crewsite.health import checks
from crewsite.health.probe import Probe
from runs.models import InvariantCheck, WorkerSeen
from tests.application import ROOT, free_port
from tests.crewsite.conftest import Watched

SLOW_S = 10
"""What a busy machine may add; a check that hangs would take longer still."""


@pytest.fixture(autouse=True)
def looked_at_anew(monkeypatch: pytest.MonkeyPatch) -> None:
    looks = {"database": checks._look_at_database, "broker": checks._look_at_broker}
    monkeypatch.setattr(checks, "PROBES", {name: Probe(look) for name, look in looks.items()})


def asked() -> tuple[int, dict[str, dict[str, Any]]]:
    answer = Client().get("/health/ready")
    assert answer.json()["ready"] is (answer.status_code == 200)
    return answer.status_code, {check["name"]: check for check in answer.json()["checks"]}


def test_a_running_application_is_alive_and_ready_with_its_worker(watched: Watched) -> None:
    assert watched.web("/health/live").json() == {"live": True}
    deadline = time.monotonic() + 30
    while not (checks := ready(watched))["worker"]["ok"] and time.monotonic() < deadline:
        time.sleep(0.5)
    checks.pop("invariants", None)  # there once the worker has looked, which it does when it begins
    assert {name: check["ok"] for name, check in checks.items()} == dict.fromkeys(
        ("database", "migrations", "worker", "broker"), True
    )


def ready(watched: Watched) -> dict[str, Any]:
    answer = watched.web("/health/ready")
    assert answer.status_code == 200, answer.text
    return {check["name"]: check for check in answer.json()["checks"]}


@pytest.mark.django_db(transaction=True)
def test_without_a_worker_it_is_ready_and_says_so() -> None:
    status, checks = asked()
    assert status == 200
    assert checks["database"]["ok"]
    assert not checks["worker"]["ok"]
    assert not checks["worker"]["needed"]
    assert "No worker was seen" in checks["worker"]["why"]


@pytest.mark.django_db(transaction=True)
@pytest.mark.parametrize(("age_s", "is_seen"), [(1, True), (45, False)])
def test_a_worker_counts_for_half_a_minute(age_s: int, is_seen: bool) -> None:
    WorkerSeen.objects.create(name="host:1", seen_at=timezone.now() - timedelta(seconds=age_s))
    assert asked()[1]["worker"]["ok"] is is_seen


@pytest.mark.django_db(transaction=True)
def test_a_database_that_is_older_than_the_code_is_not_ready() -> None:
    with connection.cursor() as cursor:
        cursor.execute("UPDATE django_migrations SET name = 'x' WHERE app = 'runs' AND name = '0001_initial'")
        try:
            status, checks = asked()
        finally:
            cursor.execute("UPDATE django_migrations SET name = '0001_initial' WHERE app = 'runs' AND name = 'x'")
    assert status == 503
    assert checks["database"]["ok"]
    assert checks["migrations"]["why"] == "1 migration of this code not applied: run 'manage.py prepare'."


@pytest.mark.django_db(transaction=True)
@pytest.mark.parametrize(
    ("days", "violations", "why"),
    [
        (0, [], ""),
        (0, [{"name": "x"}], "1 of them are broken: 'manage.py check_invariants' names them."),
        (3, [], "They were last checked 72 hours ago."),
    ],
)
def test_what_the_nightly_look_found_is_told_but_takes_no_traffic_away(
    days: int, violations: list[dict[str, str]], why: str
) -> None:
    then = timezone.now() - timedelta(days=days)
    InvariantCheck.objects.create(day=then.date(), checked_at=then, took_ms=5, violations=violations)
    status, checks = asked()
    assert status == 200
    assert checks["invariants"] == {"name": "invariants", "ok": not why, "why": why, "needed": False}


@pytest.mark.django_db(transaction=True)
@pytest.mark.parametrize("url", ["redis://:hidden@127.0.0.1:{}/0", "amqp://me:hidden@127.0.0.1:{}//"])
def test_a_broker_that_is_away_is_not_ready(settings: Any, url: str) -> None:
    port = free_port()
    settings.CELERY_BROKER_URL = url.format(port)
    settings.CELERY_BROKER_TRANSPORT_OPTIONS = {}
    answer = Client().get("/health/ready")
    assert answer.status_code == 503
    broker = next(check for check in answer.json()["checks"] if check["name"] == "broker")
    assert not broker["ok"]
    assert "hidden" not in answer.content.decode()
    assert str(port) not in answer.content.decode()


@pytest.mark.django_db(transaction=True)
def test_machines_may_ask_by_an_address_that_is_not_one_of_its_names(settings: Any) -> None:
    settings.ALLOWED_HOSTS = ["crews.example.com"]
    client = Client(headers={"host": "10.0.0.7:8000"})
    assert client.get("/health/live").status_code == 200
    assert client.get("/health/ready").status_code == 200
    assert client.get("/signin/").status_code == 400
    assert client.post("/health/live").status_code == 405


def test_many_who_ask_share_one_look(monkeypatch: pytest.MonkeyPatch) -> None:
    goes_on, looks = threading.Event(), []

    def hang() -> list[checks.HealthCheck]:
        looks.append(1)
        goes_on.wait(SLOW_S)
        return []

    monkeypatch.setattr(checks, "PROBES", {"database": Probe(hang)})
    monkeypatch.setattr(checks, "ANSWER_WITHIN_S", 0.05)
    answers = [checks.readiness() for _ in range(5)]
    goes_on.set()
    assert looks == [1]
    assert all(not answer["ready"] for answer in answers)
    assert answers[0]["checks"][0]["why"] == "It gives no answer in time."


@pytest.fixture
def silent() -> Iterator[int]:
    """The port of a server that takes connections and never says a word."""
    with socket.socket() as server:
        server.bind(("127.0.0.1", 0))
        server.listen(50)
        yield server.getsockname()[1]


@pytest.fixture
def web(silent: int) -> Iterator[str]:
    """A web process whose database and broker hang; its address."""
    port = free_port()
    command = [sys.executable, "-m", "crewsite.serving"]
    environment = os.environ | {
        "DATABASE_URL": f"postgresql://crewsite:hidden@127.0.0.1:{silent}/crewsite",
        "BROKER_URL": f"redis://:hidden@127.0.0.1:{silent}/0",
        "CREWSITE_PROCESS": "web",
        "PORT": str(port),
    }
    process = subprocess.Popen(command, cwd=ROOT, env=environment, stderr=subprocess.DEVNULL)
    try:
        yield f"http://127.0.0.1:{port}"
    finally:
        process.terminate()
        process.wait(30)


def until_it_listens(url: str) -> httpx.Response:
    deadline = time.monotonic() + 60
    while True:
        try:
            return httpx.get(url, timeout=SLOW_S)
        except httpx.TransportError:
            if time.monotonic() > deadline:
                raise
            time.sleep(0.2)


def test_a_process_whose_database_and_broker_hang_lives_and_says_in_time_that_it_is_not_ready(web: str) -> None:
    assert until_it_listens(f"{web}/health/live").json() == {"live": True}
    began = time.monotonic()
    answer = httpx.get(f"{web}/health/ready", timeout=60)
    assert time.monotonic() - began < SLOW_S
    assert answer.status_code == 503
    assert {check["name"] for check in answer.json()["checks"] if not check["ok"]} == {"database", "broker"}
    assert "hidden" not in answer.text
    assert "127.0.0.1" not in answer.text
    began = time.monotonic()
    metrics = httpx.get(f"{web}/metrics", timeout=60)
    assert time.monotonic() - began < SLOW_S
    assert "crewsite_database_up 0.0" in metrics.text
    assert "process_resident_memory_bytes" in metrics.text
