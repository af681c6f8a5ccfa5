"""Runs as the list shows them: only the columns that a line needs, read as plain rows and put into words once.

A list of models with their crews, versions and people took four times as long to read and twice as long to draw.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any
from uuid import UUID

from django.urls import reverse

from runs.states import PLACE, RUN_ENDED, RunState
from teams.access import Principal

COLUMNS = (
    "pk",
    "crew__name",
    "version__number",
    "state",
    "waiting_for",
    "simulated",
    "inputs",
    "error",
    "spent_nusd",
    "unpriced_calls",
    "prompt_tokens",
    "completion_tokens",
    "successful_requests",
    "created_by__name",
    "created_by__email",
    "api_token_id",
    "created_at",
    "started_at",
    "ended_ms",
)
CREW_CHARS, ERROR_CHARS, INPUT_CHARS = 60, 160, 60
MAX_INPUTS = 20
NO_RUN = UUID(int=0)


@dataclass(frozen=True, slots=True)
class RunLine:
    """One run. ``spent_nusd`` and ``unpriced_calls`` are what the tag ``cost`` reads."""

    pk: UUID
    address: str
    crew: str
    version: str
    simulated: bool
    about: str  # the error of a failed run, else its inputs
    failed: bool  # whether ``about`` is an error
    state: str
    waiting_for: str  # "" of a queued run that only waits for a worker
    spent_nusd: int
    unpriced_calls: int
    ended: bool
    took_ms: int | None
    started_at: datetime | None
    tokens: int
    calls: int
    by: str
    by_api: bool
    created_at: datetime


def lines_of(who: Principal, rows: Sequence[Any]) -> list[RunLine]:
    """A line for each named row of ``COLUMNS`` and ``kept_back``."""
    page_of_no_run = reverse("run", kwargs={"team": who.team.slug, "run_id": NO_RUN})
    return [_line(row, page_of_no_run.replace(str(NO_RUN), str(row.pk))) for row in rows]


def _line(row: Any, address: str) -> RunLine:
    failed = row.state == RunState.FAILED and bool(row.error)
    return RunLine(
        pk=row.pk,
        address=address,
        crew=short(row.crew__name, CREW_CHARS),
        version=f"v{row.version__number}",
        simulated=row.simulated,
        about=short(row.error, ERROR_CHARS) if failed else " · ".join(_inputs(row.inputs)),
        failed=failed,
        state=row.state,
        waiting_for=PLACE if row.kept_back else row.waiting_for,
        spent_nusd=row.spent_nusd,
        unpriced_calls=row.unpriced_calls,
        ended=row.state in RUN_ENDED,
        took_ms=None if row.ended_ms < 0 else row.ended_ms,
        started_at=row.started_at,
        tokens=row.prompt_tokens + row.completion_tokens,
        calls=row.successful_requests,
        by=row.created_by__name or row.created_by__email or "",
        by_api=row.api_token_id is not None,
        created_at=row.created_at,
    )


def short(text: str, most: int) -> str:
    return text if len(text) <= most else f"{text[: most - 1]}…"


def _inputs(inputs: dict[str, Any]) -> Iterator[str]:
    for _, value in zip(range(MAX_INPUTS), inputs.values(), strict=False):
        yield short(str(value), INPUT_CHARS)
    if len(inputs) > MAX_INPUTS:
        yield "…"
