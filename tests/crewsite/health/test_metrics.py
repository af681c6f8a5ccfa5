"""What a scraper reads: the web's and the worker's own counts, the database's figures, few series, no names."""

from __future__ import annotations

import time
from datetime import timedelta
from typing import Any

import httpx
import pytest
from celery import current_app
from django.test import Client
from django.utils import timezone
from prometheus_client.parser import text_string_to_metric_families

from crewsite.health import views
from crewsite.health.probe import Probe
from engine.record.journal import CallIntent, CallKind, CallOutcome, CallStatus
from runs.models import Bill, Run, WorkerSeen
from runs.operations import gauges
from runs.telemetry import metrics
from runs.worker import bell
from tests.cast import Cast, make_cast
from tests.crewsite.conftest import SCRAPER, Watched
from tests.runs.workers import launched, task

LABELS = {"state", "kind", "provider", "status", "reason", "for", "quantile", "method", "le", "name"}
SOURCE = """
from crewai import Agent, Crew, Task
agent = Agent(role="MARKROLE", goal="MARKGOAL", backstory="b", llm="gpt-4o-mini")
crew = Crew(agents=[agent], tasks=[Task(description="MARKPROMPT", expected_output="x", agent=agent)])
"""


@pytest.fixture
def cast(transactional_db: None, monkeypatch: pytest.MonkeyPatch) -> Cast:
    monkeypatch.setattr(views, "DATABASE", Probe(gauges.text))
    return make_cast()


def samples(text: str) -> dict[tuple[str, ...], float]:
    """``("crewsite_runs", "queued")`` to its value: names with the values of their labels."""
    families = text_string_to_metric_families(text)
    found = [sample for family in families for sample in family.samples if sample.name.startswith("crewsite_")]
    assert {label for sample in found for label in sample.labels} <= LABELS
    return {(sample.name, *sample.labels.values()): sample.value for sample in found}


def scraped() -> dict[tuple[str, ...], float]:
    answer = Client().get("/metrics")
    assert answer.status_code == 200
    return samples(answer.content.decode())


def test_a_run_is_counted_where_it_happens_and_no_name_or_text_becomes_a_series(watched: Watched) -> None:
    crew = watched.post("/crews/import", source=SOURCE, name="MARKCREW")["crew"]["slug"]
    run = watched.post(f"/crews/{crew}/runs", inputs={})["id"]
    deadline = time.monotonic() + 60
    while watched.api.get(f"/runs/{run}").json()["status"] != "succeeded" and time.monotonic() < deadline:
        time.sleep(0.2)
    authorized = {"Authorization": f"Bearer {SCRAPER}"}
    web, worker = watched.web("/metrics", **authorized).text, httpx.get(watched.worker_metrics, timeout=30).text

    of_web, of_worker = samples(web), samples(worker)
    assert of_web["crewsite_launches_total",] >= 1
    assert of_web["crewsite_database_up",] == 1
    assert of_web["crewsite_workers",] == 1
    assert of_web["crewsite_queue_wait_seconds", "0.5"] > 0
    assert of_worker["crewsite_claims_total",] >= 1
    assert of_worker["crewsite_run_ends_total", "succeeded"] >= 1
    assert of_worker["crewsite_calls_total", "model", "simulated", "ok"] >= 1
    assert of_worker["crewsite_call_seconds_count", "model", "simulated"] >= 1
    assert of_worker["crewsite_commit_operations_sum",] >= of_worker["crewsite_commit_operations_count",] > 0
    for text in (web, worker):
        assert "MARK" not in text
        assert "my-team" not in text.lower()
        assert run not in text


def test_who_has_no_token_is_told_that_there_is_nothing(watched: Watched) -> None:
    for headers in ({}, {"Authorization": "Bearer wrong"}, {"Authorization": SCRAPER}):
        answer = watched.web("/metrics", **headers)
        assert answer.status_code == 404
        assert "crewsite_" not in answer.text


def test_without_a_token_metrics_are_open_under_make_up_alone(cast: Cast, settings: Any) -> None:
    assert Client().get("/metrics").status_code == 200
    settings.LOCAL = False
    assert Client().get("/metrics").status_code == 404


def test_the_database_figures_are_the_whole_installations(cast: Cast) -> None:
    launched(cast.runner, task("a"))
    waiting = launched(cast.stranger, task("a"))
    old = launched(cast.stranger, task("a"))
    Run.objects.filter(pk=waiting.pk).update(state="waiting", waiting_for="person")
    Run.objects.filter(pk=old.pk).update(created_at=timezone.now() - timedelta(seconds=90))
    WorkerSeen.objects.create(name="host:1", capacity=8, holding=3)
    WorkerSeen.objects.create(name="host:2", capacity=8, seen_at=timezone.now() - timedelta(minutes=5))
    month = timezone.now().date().replace(day=1)
    Bill.objects.create(team=cast.team, month=month, spent_nusd=1_500_000_000, reserved_nusd=250_000_000)
    Bill.objects.create(team=cast.stranger.team, month=month, spent_nusd=500_000_000)
    found = scraped()
    assert found["crewsite_runs", "queued"] == 2
    assert found["crewsite_runs_waiting", "person"] == 1
    assert 85 < found["crewsite_queue_oldest_seconds",] < 600
    assert found["crewsite_runs_stuck", "idle"] == 1
    assert (found["crewsite_workers",], found["crewsite_workers_capacity",], found["crewsite_workers_holding",]) == (
        1,
        8,
        3,
    )
    assert found["crewsite_spent_month_usd",] == 2
    assert found["crewsite_reserved_usd",] == 0.25


def test_what_people_type_as_a_model_does_not_become_a_series(cast: Cast) -> None:
    for model in ("gpt-4o", "anthropic/claude-x", "acme-secret-model", "acme-internal/model"):
        intent = CallIntent(task="t", agent="a", step=0, attempt=2, kind=CallKind.MODEL, model=model)
        metrics.call_settled(intent, CallOutcome(CallStatus.OK, latency_ms=10), fresh=True)
    found = scraped()
    providers = {key[2] for key in found if key[0] == "crewsite_calls_total"}
    assert {"openai", "anthropic", "other"} <= providers
    assert not any("acme" in part for key in found for part in key)
    assert found["crewsite_call_retries_total", "other"] >= 2


def test_an_answer_to_a_worker_that_lost_its_lease_counts_as_late(cast: Cast) -> None:
    intent = CallIntent(task="t", agent="a", step=0, attempt=1, kind=CallKind.MODEL, model="gpt-4o")
    before = scraped().get(("crewsite_calls_total", "model", "openai", "late"), 0)
    metrics.call_settled(intent, CallOutcome(CallStatus.OK), fresh=False)
    assert scraped()["crewsite_calls_total", "model", "openai", "late"] == before + 1


def test_a_broker_that_is_away_is_counted_and_the_launch_goes_on(cast: Cast, settings: Any) -> None:
    run = launched(cast.runner, task("a"))
    before = scraped()["crewsite_ring_failures_total",]

    def refuse(*args: Any, **kwargs: Any) -> None:
        raise ConnectionError("away")

    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(current_app, "send_task", refuse)
        bell.ring(run.pk)
        deadline = time.monotonic() + 10  # the bell rings on a thread of its own
        while scraped()["crewsite_ring_failures_total",] == before and time.monotonic() < deadline:
            time.sleep(0.01)
    assert scraped()["crewsite_ring_failures_total",] > before, "the ring of the launch itself may come late"
