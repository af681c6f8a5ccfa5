"""What this process counts of its runs and calls, for Prometheus. Whoever counts something calls one function here.

Labels are few and bounded: never a team, a crew, a person or a text. What the database knows is not counted here but
read when somebody asks (``runs.operations.gauges``); HTTP requests are counted in ``crewsite.http_metrics``.
"""

from __future__ import annotations

import time
from collections.abc import Iterator
from contextlib import contextmanager

from prometheus_client import Counter, Gauge, Histogram, disable_created_metrics

from engine.catalogue.model_ids import PROVIDERS, provider_of
from engine.record.journal import CallIntent, CallOutcome, CallStatus

_WAITS_S = (0.05, 0.1, 0.25, 0.5, 1, 2.5, 5, 10, 30, 60, 120, 300, 600)
_LATE_S = (0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 5, 10, 20)
_COMMITS_S = (0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 5)
_OPERATIONS = (1, 2, 5, 10, 20, 50, 100, 200)
_CALL_LABELS = ("kind", "provider")

# Else each counter and histogram has a second series, of when it began. This counts for the whole process.
disable_created_metrics()  # type: ignore[no-untyped-call]

_launches = Counter("crewsite_launches", "Runs that were launched through this process.")
_claims = Counter("crewsite_claims", "Runs that this worker claimed.")
_takeovers = Counter("crewsite_takeovers", "Claims of a run whose worker was lost or stopped.")
_ends = Counter("crewsite_run_ends", "Runs that ended on this process.", ("state",))
_calls = Counter("crewsite_calls", "Calls that were settled.", (*_CALL_LABELS, "status"))
_call_s = Histogram("crewsite_call_seconds", "How long settled calls took.", _CALL_LABELS, buckets=_WAITS_S)
_retries = Counter("crewsite_call_retries", "Settled calls that were a second or later attempt.", ("provider",))
_sweeps = Counter("crewsite_sweeps", "Looks for runs that nobody works on.")
_rung_again = Counter("crewsite_rung_again", "Runs that a sweep rang for again.")
_ring_failures = Counter("crewsite_ring_failures", "Rings that the broker did not take; a sweep rings again.")
_commit_operations = Histogram("crewsite_commit_operations", "Ledger operations in one commit.", buckets=_OPERATIONS)
_commit_s = Histogram("crewsite_commit_seconds", "How long one ledger commit took.", buckets=_COMMITS_S)
_loop_lag_s = Histogram(
    "crewsite_loop_lag_seconds", "How late the event loop was, looked at four times a second.", buckets=_LATE_S
)
_readers = Gauge("crewsite_live_readers", "Open server-sent event streams.", multiprocess_mode="livesum")


def run_launched() -> None:
    _launches.inc()


def run_claimed(*, takeover: bool) -> None:
    """``takeover``: the run was under way already, and its worker was lost or stopped."""
    _claims.inc()
    if takeover:
        _takeovers.inc()


def run_ended(state: str) -> None:
    _ends.labels(state).inc()


def call_settled(intent: CallIntent, outcome: CallOutcome, *, fresh: bool) -> None:
    """Counts a settled call. Its status is ``late`` if the worker had lost its lease (not ``fresh``), ``reused`` if the
    answer came from a cache."""
    kind, provider = intent.kind.value, _provider(intent)
    status = outcome.status.value
    if outcome.status is CallStatus.OK and not fresh:
        status = "late"
    elif outcome.cache_hit:
        status = "reused"
    _calls.labels(kind, provider, status).inc()
    if not outcome.cache_hit:
        _call_s.labels(kind, provider).observe(outcome.latency_ms / 1000)
    if intent.attempt > 1:
        _retries.labels(provider).inc()


def swept(rung: int) -> None:
    _sweeps.inc()
    _rung_again.inc(rung)


def ring_failed() -> None:
    _ring_failures.inc()


@contextmanager
def committing(operations: int) -> Iterator[None]:
    """Times one ledger transaction of so many operations, also one that fails."""
    began = time.perf_counter()
    try:
        yield
    finally:
        _commit_operations.observe(operations)
        _commit_s.observe(time.perf_counter() - began)


def loop_moved(late_s: float) -> None:
    """The event loop moved, so much later than it was asked to."""
    _loop_lag_s.observe(max(0.0, late_s))


def reader_came() -> None:
    _readers.inc()


def reader_left() -> None:
    _readers.dec()


def _provider(intent: CallIntent) -> str:
    """A provider's name from our own list: what people type as a model must not become a label."""
    if intent.simulated:
        return "simulated"
    if not intent.model:
        return "none"
    provider = provider_of(intent.model)
    return provider if provider in PROVIDERS else "other"
