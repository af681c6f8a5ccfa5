"""The calls that keep a month from being closed: which, of which runs, and until when they are open."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from datetime import date, datetime, timedelta
from typing import Any
from uuid import UUID

from django.db.models import QuerySet

from agents_app.models import CrewVersion
from runs.ledger.lease import LEASE_S
from runs.models import Call, ClockTimestamp
from runs.states import CallState, RunState
from teams.models import Team

SHOWN = 20
USUAL_TIMEOUT_S = 600.0
"""What a model has for its answer if the crew does not say otherwise."""
SWEPT_WITHIN_S = 30
"""Once a lost worker's lease has run out, a sweep or the next worker books its calls within this time."""


@dataclass(frozen=True, slots=True)
class OpenCall:
    """``until``: when it is settled or booked at the latest; None: nobody can say."""

    id: UUID
    run_id: UUID
    crew: str
    what: str
    started_at: datetime
    reserved_nusd: int
    until: datetime | None
    why: str  # what ends it, for people


def open_calls(team: Team, month: date) -> QuerySet[Call]:
    """Real calls on that month's bill that were opened and have not ended, the oldest first."""
    opened = Call.objects.filter(team=team, billed_month=month, state=CallState.INTENT, simulated=False)
    return opened.order_by("started_at", "id")


def described(calls: QuerySet[Call]) -> list[OpenCall]:
    """The first ``SHOWN`` of them."""
    shown = calls.select_related("run", "run__crew").annotate(now=ClockTimestamp())
    fields = ("id", "kind", "model", "tool", "started_at", "reserved_nusd", "run__id", "run__crew__name")
    of_run = ("run__state", "run__finished_at", "run__lease_until", "run__version_id")
    found = list(shown.only(*fields, *of_run)[:SHOWN])
    timeouts = _timeouts({call.run.version_id for call in found})
    return [_described(call, timeouts[call.run.version_id]) for call in found]


def _described(call: Any, timeout_s: float) -> OpenCall:
    until, why = _end(call, timeout_s)
    return OpenCall(
        id=call.id,
        run_id=call.run_id,
        crew=call.run.crew.name,
        what=call.title,
        started_at=call.started_at,
        reserved_nusd=call.reserved_nusd,
        until=until,
        why=why,
    )


def _end(call: Any, timeout_s: float) -> tuple[datetime | None, str]:
    """When it ends at the latest, and what ends it."""
    run, swept = call.run, timedelta(seconds=SWEPT_WITHIN_S)
    if run.finished_at is not None:
        until = run.finished_at + timedelta(seconds=LEASE_S) + swept
        return until, "its run has ended; a worker books it at the most that it can have cost"
    if run.state == RunState.RUNNING and run.lease_until is not None and run.lease_until < call.now:
        return None, "its worker is lost; the next worker books it at the most that it can have cost"
    if call.kind == "model":
        return call.started_at + timedelta(seconds=timeout_s), "the model answers, or its time is over"
    return None, "its tool answers, or the run is cancelled"


def _timeouts(versions: set[int]) -> dict[int, float]:
    """By version, the longest time that any of its models has for an answer, in seconds."""
    specs = CrewVersion.objects.filter(pk__in=versions).values_list("pk", "spec")
    return {pk: max([USUAL_TIMEOUT_S, *_named("timeout_s", spec)]) for pk, spec in specs}


def _named(name: str, value: Any) -> Iterator[float]:
    """The numbers of this name anywhere in a spec, which is bounded in depth and size."""
    if isinstance(value, dict):
        found = value.get(name)
        if isinstance(found, (int, float)):
            yield float(found)
    children = value.values() if isinstance(value, dict) else value if isinstance(value, list) else ()
    for child in children:
        yield from _named(name, child)
