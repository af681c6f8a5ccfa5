"""What the API answers about matched rows. Money is decimal text, what is unknown is null."""

from __future__ import annotations

from typing import Any, cast
from uuid import UUID

from ninja import Schema
from pydantic import Field

from runs.api_fields import TextOrNull
from runs.batches.matched.files import FullPair, cost_difference_nusd, difference_ms
from runs.batches.matched.matching import Matching
from runs.batches.matched.page import notes_of
from runs.batches.matched.queries import Matched, SideSums
from runs.batches.queries import WAITING
from runs.batches.schemas import RowState
from runs.models import Batch, BatchRow
from runs.money import usd_text
from runs.run.schemas import FailureOut, OutputOut
from runs.states import RunState


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
            cost_is_clear=both.cost_is_clear,
            duration_is_clear=both.time_is_clear,
        )


class MatchedRowOut(Schema):
    """A row of one of the batches, with its newest run."""

    row: int = Field(description="from 1")
    inputs: dict[str, Any] = Field(description="without the crew's own; empty once they were removed as too old")
    run: UUID | None
    status: RowState
    output: OutputOut | None
    error: FailureOut | None
    cost_usd: str | None = Field(description="null if there is no run, or the price of a call is unknown")
    duration_ms: int | None

    @staticmethod
    def of(row: BatchRow | None) -> MatchedRowOut | None:
        if row is None:
            return None
        run = row.run
        return MatchedRowOut(
            row=row.position,
            inputs=row.inputs,
            run=row.run_id,
            status=cast("RowState", WAITING if run is None else run.state),
            output=OutputOut.from_orm(run) if run is not None and run.state == RunState.SUCCEEDED else None,
            error=FailureOut.from_orm(run) if run is not None and run.error_code else None,
            cost_usd=None if run is None or run.unpriced_calls else usd_text(run.spent_nusd),
            duration_ms=None if run is None else run.duration_ms,
        )


class MatchedPairOut(Schema):
    baseline: MatchedRowOut | None = Field(description="null: the other batch alone has these inputs")
    other: MatchedRowOut | None
    differ: list[str] | None = Field(
        description="fields of the schema whose values differ, or `output` where there is no schema; null unless both "
        "have succeeded"
    )
    cost_difference_usd: str | None = Field(description="other minus baseline; null unless both ended and are priced")
    duration_difference_ms: int | None

    @staticmethod
    def of(pair: FullPair) -> MatchedPairOut:
        return MatchedPairOut(
            baseline=MatchedRowOut.of(pair.baseline),
            other=MatchedRowOut.of(pair.other),
            differ=None if pair.differ is None else list(pair.differ),
            cost_difference_usd=usd_text(cost_difference_nusd(pair.baseline, pair.other)),
            duration_difference_ms=difference_ms(pair.baseline, pair.other),
        )


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
    def of(found: Matched, pairs: list[FullPair]) -> MatchedOut:
        matching: Matching = found.matching
        return MatchedOut(
            inputs=list(matching.names),
            left_out=list(matching.left_out),
            fields=list(matching.fields),
            baseline=MatchedSideOut.of(matching.baseline, found.baseline, found.only_baseline),
            other=MatchedSideOut.of(matching.other, found.other, found.only_other),
            both=MatchedBothOut.of(found),
            mixes_simulated_and_real=matching.mixes_kinds,
            differ=found.differ,
            differing=None if found.differ is None else dict(found.differing),
            notes=notes_of(found),
            items=[MatchedPairOut.of(pair) for pair in pairs],
            next=found.next,
        )
