"""What a bill can be divided by, as expressions over its rollup (``kept``) and over calls and their runs."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import LiteralString

from runs.ledger.rollups.tables import BILL_SUMS
from runs.states import WASTED, RunState, RunWaste

LABEL = "label:"
"""Begins the dimension of one label that runs were launched with: ``label:customer``."""
MAX_LABEL_CHARS = 100
_WASTED: LiteralString = "'{failed,retry,rejected,cancelled,duplicate}'"
assert set(_WASTED.strip("'{}").split(",")) == set(WASTED)


@dataclass(frozen=True, slots=True)
class Dimension:
    """``sums``: of a row of the rollup; ``calls``: of a call."""

    title: str  # after "by"
    sums: LiteralString
    calls: LiteralString


def _waste(cost_class: LiteralString, state: LiteralString) -> LiteralString:
    """``states.waste_of`` in SQL."""
    return (
        f"CASE WHEN {cost_class} = ANY({_WASTED}) THEN {cost_class} WHEN {state} = 'failed' THEN 'failed_run' "
        f"WHEN {state} = 'cancelled' THEN 'cancelled_run' ELSE '' END"
    )


assert (RunState.FAILED, RunState.CANCELLED) == ("failed", "cancelled")
assert (RunWaste.FAILED, RunWaste.CANCELLED) == ("failed_run", "cancelled_run")
_KEYS = BILL_SUMS.keys

DIMENSIONS: Mapping[str, Dimension] = {
    "crew": Dimension("crew", "kept.crew_id", _KEYS["crew_id"]),
    "version": Dimension("version", "kept.version_id", _KEYS["version_id"]),
    # Two crews may name their agents alike.
    "agent": Dimension("agent", "kept.crew_id || '/' || kept.agent", "run.crew_id || '/' || call.agent"),
    "model": Dimension("model", "kept.model", _KEYS["model"]),
    "credential": Dimension("provider key", "kept.credential", _KEYS["credential"]),
    "person": Dimension("person", "kept.person", _KEYS["person"]),
    "token": Dimension("API token", "kept.api_token", _KEYS["api_token"]),
    "batch": Dimension("batch", "kept.batch", _KEYS["batch"]),
    "class": Dimension("cost class", "kept.cost_class", _KEYS["cost_class"]),
    "waste": Dimension("waste", _waste("kept.cost_class", "kept.state"), _waste("call.cost_class", "run.state")),
    "kind": Dimension("kind of call", "kept.kind", _KEYS["kind"]),
    "day": Dimension("day", "kept.day", _KEYS["day"]),
}
"""By their names in addresses and in the API. Crews, versions, people and tokens are ids, 0 for none; batches are ids,
``NO_BATCH`` for none; an agent is ``crew id/key``; days are dates in UTC; the rest are texts, "" for none. Besides them
there is ``label:NAME``."""

PART = "part"
"""The division by part of a cost: the columns of a row and not rows, so that it is not in ``DIMENSIONS``."""


def is_dimension(name: str) -> bool:
    return name in DIMENSIONS or 0 < len(label_of(name)) <= MAX_LABEL_CHARS


def label_of(name: str) -> str:
    """The label's name in ``label:NAME``; "" for another dimension."""
    return name.removeprefix(LABEL) if name.startswith(LABEL) else ""


def title_of(name: str) -> str:
    """What a dimension is called after "by"."""
    if name == PART:
        return "part of the cost"
    return label_of(name) or DIMENSIONS[name].title
