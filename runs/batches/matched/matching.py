"""Which rows of two batches belong together: those whose inputs are equal to the letter.

Compared are the inputs that both crews take, the crew's own where a row gives none. Of rows with the same inputs the
first of one batch goes with the first of the other, the second with the second. Rows whose texts were removed for their
age are matched with none.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any
from uuid import UUID

from engine.spec.crew_spec import CrewSpec
from engine.spec.placeholders import placeholders
from runs.batches.files import output_fields
from runs.batches.mapping import of_inputs
from runs.batches.queries import RELATED
from runs.models import Batch
from runs.typed_values import uuid_or_none
from teams.access import Principal, fetch
from teams.refusals import Invalid

TWO = "Give the ids of two batches, as batches=a,b."


@dataclass(frozen=True, slots=True)
class Matching:
    """Two batches and what of them is held against each other, the baseline's names first."""

    baseline: Batch
    other: Batch
    names: Sequence[str]  # of the inputs that both take
    left_out: Sequence[str]  # of those that only one takes
    own: tuple[Mapping[str, str], Mapping[str, str]]  # inputs of the crews themselves
    fields: Sequence[str]  # of the answers, where either crew's schema names some

    @property
    def sides(self) -> tuple[Batch, Batch]:
        return self.baseline, self.other

    @property
    def mixes_kinds(self) -> bool:
        """Whether one is simulated and the other real."""
        return self.baseline.simulated != self.other.simulated


def matching(who: Principal, texts: Sequence[str], baseline: str = "") -> Matching:
    """Of the batches with these two ids; ``baseline`` is one of them, or "" for the first.

    ``Invalid`` if they are not two, or their crews have no input in common although both take some. Raises ``Http404``
    for a batch that is not there. Two queries.
    """
    ids = [pk for text in texts if (pk := uuid_or_none(text))]
    if len(ids) != len(texts) or len(ids) != 2 or ids[0] == ids[1]:
        raise Invalid(TWO, fields={"batches": TWO})
    if baseline and uuid_or_none(baseline) == ids[1]:
        ids.reverse()
    old, new = (_batch(who, pk) for pk in ids)
    return matching_of(old, new)


def matching_of(baseline: Batch, other: Batch) -> Matching:
    specs = [CrewSpec.from_json(batch.version.spec) for batch in (baseline, other)]
    takes = [placeholders(spec) for spec in specs]
    names = [name for name in takes[0] if name in takes[1]]
    if not names and all(takes):
        nothing = "The crews of these batches have no input in common, so that their rows cannot be matched."
        raise Invalid(nothing, fields={"batches": nothing})
    own = [of_inputs(spec.inputs) for spec in specs]
    return Matching(
        baseline,
        other,
        names=names,
        left_out=[name for name in dict.fromkeys((*takes[0], *takes[1])) if name not in names],
        own=(own[0], own[1]),
        fields=tuple(dict.fromkeys(name for spec in specs for name in output_fields(spec))),
    )


def _batch(who: Principal, pk: UUID) -> Batch:
    found: Any = fetch(Batch, who, pk=pk, related=RELATED)
    return found  # type: ignore[no-any-return]
