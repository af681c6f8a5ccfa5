"""Figures of the whole installation as Prometheus gauges, read from the database at each scrape. They name nobody."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping

from django.db import connection, transaction
from django.db.models import Sum
from prometheus_client import CollectorRegistry, Metric, generate_latest
from prometheus_client.core import GaugeMetricFamily
from prometheus_client.registry import Collector

from runs.ledger.invariants import last_check
from runs.models import Bill
from runs.money import NUSD_PER_USD
from runs.months import this_month
from runs.operations.queries import Operations, installation
from runs.states import RUN_LIVE

TIMEOUT_MS = 1500


class _AlreadyRead(Collector):
    def __init__(self, metrics: Iterable[Metric]) -> None:
        self._metrics = metrics

    def collect(self) -> Iterable[Metric]:
        return self._metrics


def text() -> bytes:
    """All gauges in Prometheus' format. Raises what the database raises, and gives the connection back."""
    try:
        with transaction.atomic():
            with connection.cursor() as cursor:
                cursor.execute("SELECT set_config('statement_timeout', %s, true)", [str(TIMEOUT_MS)])
            metrics = [*_runs(installation()), *_checks(), *_money()]
    finally:
        if not connection.in_atomic_block:
            connection.close()
    return _text([_database_up(answers=True), *metrics])


def text_without_database() -> bytes:
    return _text([_database_up(answers=False)])


def _text(metrics: list[Metric]) -> bytes:
    registry = CollectorRegistry()
    registry.register(_AlreadyRead(metrics))
    return generate_latest(registry)


def _database_up(*, answers: bool) -> Metric:
    return _gauge("database_up", "Whether the database answered this scrape.", answers)


def _runs(now: Operations) -> Iterator[Metric]:
    states = {str(state): now.states[state] for state in RUN_LIVE}
    yield _by_label("runs", "Runs that have not ended.", "state", states)
    oldest_s = now.oldest_queued_s or 0
    yield _gauge("queue_oldest_seconds", "Age of the oldest run that waits for a worker; 0 if none does.", oldest_s)
    yield _gauge("runs_kept_back", "Queued runs whose teams have as many under way as they may have.", now.kept_back)
    waits = {"0.5": now.wait_p50_s or 0, "0.95": now.wait_p95_s or 0}
    yield _by_label("queue_wait_seconds", "From launch to claim, of runs begun in the last hour.", "quantile", waits)
    yield _by_label("runs_waiting", "Waiting runs by what they wait for.", "for", now.waiting_for)
    yield _by_label("runs_stuck", "Runs that do not go on although they could.", "reason", now.stuck)
    yield _gauge("workers", "Workers seen within the last 30 s that are not frozen.", len(now.here))
    yield _gauge("workers_frozen", "Workers whose event loops stand still.", now.frozen)
    yield _gauge("workers_capacity", "Runs that these workers may hold at once.", now.capacity)
    yield _gauge("workers_holding", "Runs that these workers hold.", now.holding)


def _checks() -> Iterator[Metric]:
    last = last_check()
    ok = {"invariants": not last.violations} if last else {}
    age = {"invariants": last.age_s} if last else {}
    yield _by_label("nightly_check_ok", "Whether the last nightly check found nothing.", "name", ok)
    yield _by_label("nightly_check_age_seconds", "How long ago it was made.", "name", age)


def _money() -> Iterator[Metric]:
    sums = Bill.objects.filter(month=this_month()).aggregate(spent=Sum("spent_nusd"), reserved=Sum("reserved_nusd"))
    yield _gauge("spent_month_usd", "Spent this month on real models, all teams.", (sums["spent"] or 0) / NUSD_PER_USD)
    yield _gauge(
        "reserved_usd", "Held for open calls to real models, all teams.", (sums["reserved"] or 0) / NUSD_PER_USD
    )


def _gauge(name: str, about: str, value: float) -> Metric:
    return GaugeMetricFamily(f"crewsite_{name}", about, value=value)


def _by_label(name: str, about: str, label: str, values: Mapping[str, float]) -> Metric:
    family = GaugeMetricFamily(f"crewsite_{name}", about, labels=[label])
    for key, value in values.items():
        family.add_metric([key], value)
    return family
