"""Runs as the list shows them: only the columns that a line needs, read as plain rows and put into words once.

A list of models with their crews, versions and people took four times as long to read and twice as long to draw.
"""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any
from uuid import UUID

from django.urls import reverse

from runs.states import PLACE, RUN_ENDED, RunState
from teams.access import Principal

CREW_CHARS, ERROR_CHARS, INPUT_CHARS, TAG_CHARS = 60, 160, 60, 60
MAX_INPUTS, MAX_TAGS = 20, 10
NO_RUN = UUID(int=0)


@dataclass(frozen=True, slots=True)
class RunLine:
    """One run, read from its row when it is drawn: ``AttributeError`` for what was not read for the list's columns.

    ``spent_nusd`` and ``unpriced_calls`` are what the tag ``cost`` reads.
    """

    row: Any
    id_text: str
    address: str

    @property
    def pk(self) -> UUID:
        return self.row.pk  # type: ignore[no-any-return]

    @property
    def crew(self) -> str:
        return short(self.row.crew__name, CREW_CHARS)

    @property
    def version(self) -> str:
        return f"v{self.row.version__number}"

    @property
    def simulated(self) -> bool:
        return self.row.simulated  # type: ignore[no-any-return]

    @property
    def failed(self) -> bool:
        """Whether ``about`` is an error."""
        return self.row.state == RunState.FAILED and bool(self.row.error)

    @property
    def about(self) -> str:
        """The error of a failed run, else its inputs."""
        return short(self.row.error, ERROR_CHARS) if self.failed else " · ".join(_inputs(self.row.inputs))

    @property
    def state(self) -> str:
        return self.row.state  # type: ignore[no-any-return]

    @property
    def ended(self) -> bool:
        return self.row.state in RUN_ENDED

    @property
    def waiting_for(self) -> str:
        """ "" of a queued run that only waits for a worker."""
        return PLACE if self.row.kept_back else self.row.waiting_for

    @property
    def spent_nusd(self) -> int:
        return self.row.spent_nusd  # type: ignore[no-any-return]

    @property
    def unpriced_calls(self) -> int:
        return self.row.unpriced_calls  # type: ignore[no-any-return]

    @property
    def waste(self) -> Waste:
        return Waste(self.row.waste_nusd, self.row.waste_unpriced)

    @property
    def took_ms(self) -> int | None:
        return None if self.row.ended_ms < 0 else self.row.ended_ms

    @property
    def started_at(self) -> datetime | None:
        return self.row.started_at  # type: ignore[no-any-return]

    @property
    def queued_ms(self) -> int | None:
        """From the launch to the first claim, or to the end of a run that was never claimed; None while it waits."""
        until = self.row.started_at or self.row.finished_at
        return None if until is None else max(0, round((until - self.row.created_at).total_seconds() * 1000))

    @property
    def tokens(self) -> int:
        return self.row.prompt_tokens + self.row.completion_tokens  # type: ignore[no-any-return]

    @property
    def by(self) -> str:
        return self.row.created_by__name or self.row.created_by__email or ""

    @property
    def by_api(self) -> bool:
        return self.row.api_token_id is not None

    @property
    def created_at(self) -> datetime:
        return self.row.created_at  # type: ignore[no-any-return]

    @property
    def tags(self) -> str:
        return " · ".join(_tags(self.row.metadata))

    @property
    def error(self) -> str:
        return short(self.row.error, ERROR_CHARS)


@dataclass(frozen=True, slots=True)
class Waste:
    """As the tag ``cost`` reads it."""

    spent_nusd: int
    unpriced_calls: int


def lines_of(who: Principal, rows: Sequence[Any]) -> list[RunLine]:
    """A line for each row, which has the names in ``columns.read_for``."""
    before, _, behind = reverse("run", kwargs={"team": who.team.slug, "run_id": NO_RUN}).partition(str(NO_RUN))
    return [RunLine(row, text := str(row.pk), f"{before}{text}{behind}") for row in rows]


def short(text: str, most: int) -> str:
    return text if len(text) <= most else f"{text[: most - 1]}…"


def _inputs(inputs: Mapping[str, Any]) -> Iterator[str]:
    for _, value in zip(range(MAX_INPUTS), inputs.values(), strict=False):
        yield short(str(value), INPUT_CHARS)
    if len(inputs) > MAX_INPUTS:
        yield "…"


def _tags(metadata: Mapping[str, Any]) -> Iterator[str]:
    for _, (name, value) in zip(range(MAX_TAGS), metadata.items(), strict=False):
        text = value if isinstance(value, str) else json.dumps(value, ensure_ascii=False)
        yield short(f"{name}: {text}", TAG_CHARS)
    if len(metadata) > MAX_TAGS:
        yield "…"
