"""The columns that the list of runs can have: what is read for each, and which are chosen, in which order."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from runs.bounds.runs_at_once import kept_back
from runs.figures.waste import waste_columns
from runs.history.orders import ORDERS
from teams.models import Team

MAX_CHARS = 200
COOKIE = "run_columns"
"""Remembers the columns that a person chose last, for addresses that name none."""


@dataclass(frozen=True, slots=True)
class Column:
    """``reads``: columns of a run's row beside ``ALWAYS``."""

    title: str
    reads: tuple[str, ...]
    is_figure: bool = True  # stands at the right


ALWAYS = ("pk", "crew__name", "version__number", "state", "simulated", "inputs", "error", "created_at")
"""What every line needs: the run comes first, whatever else is shown."""
COLUMNS: Mapping[str, Column] = {
    "state": Column("State", ("waiting_for", "kept_back"), is_figure=False),
    "cost": Column("Cost", ("spent_nusd", "unpriced_calls")),
    "waste": Column("Waste", ("waste_nusd", "waste_unpriced")),
    "duration": Column("Duration", ("started_at", "ended_ms")),
    "queued": Column("Queued", ("started_at", "finished_at")),
    "tokens": Column("Tokens", ("prompt_tokens", "completion_tokens")),
    "prompt": Column("Prompt", ("prompt_tokens",)),
    "cached": Column("Cached", ("cached_prompt_tokens",)),
    "completion": Column("Completion", ("completion_tokens",)),
    "reasoning": Column("Reasoning", ("reasoning_tokens",)),
    "calls": Column("Calls", ("successful_requests",)),
    "rating": Column("Rating", ("rating_sum", "rating_count")),
    "by": Column("By", ("created_by__name", "created_by__email", "api_token_id"), is_figure=False),
    "launched": Column("Launched", ()),
    "ended": Column("Ended", ("finished_at",)),
    "version": Column("Version", ()),
    "tags": Column("Tags", ("metadata",), is_figure=False),
    "error": Column("Error", ("error_code",), is_figure=False),
}
USUAL = ("state", "cost", "duration", "tokens", "calls", "by", "launched")


def read_columns(text: str) -> tuple[tuple[str, ...], str]:
    """The columns that a list with commas names, each once, in its order, and what is wrong with it, "" for nothing.
    None is the usual ones."""
    if len(text) > MAX_CHARS:
        return USUAL, "The list of columns is too long; the usual ones are shown."
    names = [name for part in text.split(",") if (name := part.strip().lower())]
    known = tuple(dict.fromkeys(name for name in names if name in COLUMNS))
    unknown = [name for name in names if name not in COLUMNS]
    complaint = f"There is no column {unknown[0]!r}. There are {', '.join(COLUMNS)}." if unknown else ""
    return known or USUAL, complaint


def written(columns: Sequence[str]) -> str:
    return ",".join(columns)


def moved(columns: Sequence[str], name: str, by: int) -> list[str]:
    """The columns with this one, if it is among them, so many places further on, as far as there are places."""
    others = [column for column in columns if column != name]
    place = max(0, columns.index(name) + by) if name in columns else 0
    return [*others[:place], *([name] if name in columns else []), *others[place:]]


def read_for(columns: Sequence[str]) -> list[str]:
    """All that is read of a run to show these columns."""
    return list(dict.fromkeys([*ALWAYS, *(read for name in columns for read in COLUMNS[name].reads)]))


def names_read(sort: str, columns: Sequence[str]) -> list[str]:
    """Columns of a run that are read to show these columns in this order."""
    return list(dict.fromkeys((*read_for(columns), *ORDERS[sort].reads)))


def computed(team: Team, names: Sequence[str]) -> Mapping[str, Any]:
    """Expressions for the columns that no run's row has, as far as they are read."""
    expressions: dict[str, Any] = {"kept_back": kept_back(team)} if "kept_back" in names else {}
    return expressions | dict(waste_columns()) if "waste_nusd" in names else expressions
