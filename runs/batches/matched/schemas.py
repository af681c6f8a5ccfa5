"""What the API answers about matched rows. Money is decimal text, what is unknown is null."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any
from uuid import UUID

from ninja import Schema
from pydantic import Field

from runs.api_fields import TextOrNull
from runs.batches.matched.files import FullPair, cost_difference_nusd, difference_ms
from runs.batches.matched.page import notes_of
from runs.batches.matched.queries import Matched, SideSums
from runs.batches.schemas import BatchRowOut
from runs.models import Batch
from runs.money import usd_text


class MatchedSums(Schema):
    """Over rows, each by its newest run."""

    rows: int
    ended: int
    succeeded: int = Field(description="of those that ended")
    priced: int = Field(description="of those that ended, whose cost is known in full")
    cost_usd: str = Field(description="of these")
    timed: int = Field(description="of those that ended, which had begun")
    duration_ms: int = Field(description="of these, added up")


class MatchedSideOut(MatchedSums):
    """All rows of one batch."""

    id: UUID
    name: str
    crew: str
    version: int
    simulated: bool
    unmatched: int = Field(description="rows whose inputs the other batch does not have")
    repeated: int = Field(description="rows whose inputs an earlier one has too; they are matched in their order")
    removed: int = Field(description="rows whose inputs were removed for their age; they match none")

    @staticmethod
    def of(batch: Batch, sums: SideSums, unmatched: int) -> MatchedSideOut:
        return MatchedSideOut(
            id=batch.pk,
            name=batch.name,
            crew=batch.crew.slug,
            version=batch.version.number,
            simulated=batch.simulated,
            rows=sums.rows,
            ended=sums.ended,
            succeeded=sums.succeeded,
            priced=sums.priced,
            cost_usd=usd_text(sums.nusd),
            timed=sums.timed,
            duration_ms=sums.ms,
            unmatched=unmatched,
            repeated=sums.repeated,
            removed=sums.removed,
        )


class MatchedBothOut(Schema):
    """The rows that both batches have. Sums are of those pairs alone of which both figures are known."""

    rows: int
    baseline: MatchedSums
    other: MatchedSums
    cost_difference_usd: str = Field(description="other minus baseline")
    duration_difference_ms: int
    failed_only_in_other: int
    failed_only_in_baseline: int
    dearer: int = Field(description="pairs whose other row cost more")
    cheaper: int
    slower: int
    faster: int
    success_is_clear: bool = Field(description="whether one fails more often, at 95 %, by the rows that differ in it")
    cost_is_clear: bool = Field(description="whether the median row's cost differs, at 95 %, by the signs alone")
    duration_is_clear: bool

    @staticmethod
    def of(found: Matched) -> MatchedBothOut:
        both = found.both
        shared = {"rows": both.rows, "ended": both.ended, "priced": both.priced, "timed": both.timed}
        return MatchedBothOut(
            rows=both.rows,
            baseline=MatchedSums(
                **shared,
                succeeded=both.old_succeeded,
                cost_usd=usd_text(both.old_nusd),
                duration_ms=both.old_ms,
            ),
            other=MatchedSums(
                **shared,
                succeeded=both.new_succeeded,
                cost_usd=usd_text(both.new_nusd),
                duration_ms=both.new_ms,
            ),
            cost_difference_usd=usd_text(both.new_nusd - both.old_nusd),
            duration_difference_ms=both.new_ms - both.old_ms,
            failed_only_in_other=both.worse,
            failed_only_in_baseline=both.better,
            dearer=both.dearer,
            cheaper=both.cheaper,
            slower=both.slower,
            faster=both.faster,
            success_is_clear=both.success_is_clear,
            cost_is_clear=both.cost_is_clear,
            duration_is_clear=both.time_is_clear,
        )


class MatchedPairOut(Schema):
    """Made of ``files.FullPair``."""

    baseline: BatchRowOut | None = Field(description="null: the other batch alone has these inputs")
    other: BatchRowOut | None
    differ: list[str] | None = Field(
        description="fields of the schema whose values differ, or `output` where there is no schema; null unless both "
        "have succeeded"
    )
    cost_difference_usd: str | None = Field(description="other minus baseline; null unless both ended and are priced")
    duration_difference_ms: int | None

    @staticmethod
    def resolve_cost_difference_usd(pair: FullPair) -> str | None:
        return usd_text(cost_difference_nusd(pair.baseline, pair.other))

    @staticmethod
    def resolve_duration_difference_ms(pair: FullPair) -> int | None:
        return difference_ms(pair.baseline, pair.other)


class MatchedOut(Schema):
    inputs: list[str] = Field(description="by which rows are matched: what both crews take")
    left_out: list[str] = Field(description="inputs that only one of the crews takes")
    fields: list[str] = Field(description="of the answers, where a crew's schema names some")
    baseline: MatchedSideOut
    other: MatchedSideOut
    both: MatchedBothOut
    mixes_simulated_and_real: bool
    differ: int | None = Field(description="pairs whose answers differ; null unless `show=differ` has them counted")
    differing: dict[str, int] | None = Field(description="the same by field")
    notes: list[str] = Field(description="what has to be known of how rows were matched; A is the baseline")
    items: list[MatchedPairOut]
    next: TextOrNull

    @staticmethod
    def of(found: Matched, pairs: Sequence[FullPair]) -> dict[str, Any]:
        matching = found.matching
        return {
            "inputs": matching.names,
            "left_out": matching.left_out,
            "fields": matching.fields,
            "baseline": MatchedSideOut.of(matching.baseline, found.baseline, found.only_baseline),
            "other": MatchedSideOut.of(matching.other, found.other, found.only_other),
            "both": MatchedBothOut.of(found),
            "mixes_simulated_and_real": matching.mixes_kinds,
            "differ": found.differ,
            "differing": None if found.differ is None else found.differing,
            "notes": notes_of(found),
            "items": pairs,
            "next": found.next,
        }
