"""Reads of batches: the list, how far one is, what its runs used, and its rows in pages."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from django.db.models import Count, Q, QuerySet, Sum, TextField
from django.db.models.functions import Cast, Coalesce, Length

from runs.feeding.launchers import Launcher, able
from runs.models import Batch, BatchRow, Rollup, Run
from runs.paging import Page, cursor_id
from runs.states import RUN_LIVE, BatchState, RunState
from teams.access import Principal, visible_to
from teams.refusals import Invalid

WAITING = "pending"
"""The state of a row that has no run yet."""
ROW_STATES = (WAITING, *RunState.values)
RELATED = ("team", "crew", "version", "created_by", "data_set_version__data_set")
"""What a batch is read with."""
READ_AT_ONCE = 500
_SUMS = tuple(field.name for field in Rollup._meta.fields)


@dataclass(frozen=True, slots=True)
class Progress:
    """How many rows are in which state, by their newest runs."""

    total: int
    counts: Mapping[str, int]  # by ``ROW_STATES``
    stranded: int = 0  # of those that wait: rows of people who may launch no more, for others to take over

    def of(self, *states: str) -> int:
        return sum(self.counts.get(state, 0) for state in states)

    @property
    def waiting(self) -> int:
        return self.of(WAITING)

    @property
    def live(self) -> int:
        return self.of(*RUN_LIVE)

    @property
    def succeeded(self) -> int:
        return self.of(RunState.SUCCEEDED)

    @property
    def failed(self) -> int:
        return self.of(RunState.FAILED)

    @property
    def cancelled(self) -> int:
        return self.of(RunState.CANCELLED)

    @property
    def ended(self) -> int:
        return self.succeeded + self.failed + self.cancelled


@dataclass(frozen=True, slots=True)
class BatchDetail:
    """A batch with how far it is and what all of its runs used, those of rows that were run again too."""

    batch: Batch
    progress: Progress
    usage: Rollup
    mean_ms: int | None  # of its succeeded runs
    stamp: str  # another one whenever it or one of its runs changed

    @property
    def left_ms(self) -> int | None:
        """About how long it still takes at its concurrency, by what its runs took; None where that is not known."""
        todo = self.progress.waiting + self.progress.live
        if self.mean_ms is None or self.batch.state != BatchState.RUNNING or not todo:
            return None
        return round(self.mean_ms * max(1, todo / self.batch.max_concurrency))


def batches_of(who: Principal) -> QuerySet[Batch]:
    return visible_to(who, Batch).select_related(*RELATED)


def locked_revision(batch: Batch) -> int:
    """The batch's revision, which nobody changes until the transaction ends."""
    return Batch.objects.select_for_update(no_key=True).values_list("revision", flat=True).get(pk=batch.pk)


def list_batches(who: Principal, *, cursor: str, limit: int) -> Page[BatchDetail]:
    """The newest first. Six queries at most."""
    batches = batches_of(who).order_by("-pk")
    if cursor:
        batches = batches.filter(pk__lt=cursor_id(cursor))
    found = list(batches[: limit + 1])
    shown = found[:limit]
    return Page(_details(shown), str(shown[-1].pk) if len(found) > limit else "")


def detail(batch: Batch) -> BatchDetail:
    """Four queries at most."""
    return _details([batch])[0]


def _details(batches: Sequence[Batch]) -> list[BatchDetail]:
    ids = [batch.pk for batch in batches]
    counts: dict[Any, dict[str, int]] = {pk: {} for pk in ids}
    waiting: dict[Any, dict[Launcher, int]] = {pk: {} for pk in ids}
    kinds = BatchRow.objects.filter(batch__in=ids).values_list("batch", "run__state", "added_by", "api_token")
    for batch, state, user, token, count in kinds.annotate(Count("pk")).order_by():
        counts[batch][state or WAITING] = counts[batch].get(state or WAITING, 0) + count
        if state is None:
            waiting[batch][Launcher(user, token)] = count
    sums = {name: Coalesce(Sum(name), 0) for name in _SUMS}
    succeeded = Q(state=RunState.SUCCEEDED, ended_ms__gte=0)
    times = {"took_ms": Sum("ended_ms", filter=succeeded), "took": Count("pk", filter=succeeded)}
    of_runs = (
        Run.objects.filter(batch__in=ids)
        .order_by()
        .values("batch")
        .annotate(**{f"all_{name}": total for name, total in sums.items()}, revisions=Sum("revision"), **times)
    )
    used = {row["batch"]: row for row in of_runs}
    stranded = _stranded(batches, waiting)
    return [
        _detail(batch, Progress(batch.row_count, counts[batch.pk], stranded[batch.pk]), used.get(batch.pk, {}))
        for batch in batches
    ]


def _stranded(batches: Sequence[Batch], waiting: Mapping[Any, Mapping[Launcher, int]]) -> dict[Any, int]:
    """How many rows of each batch, which are all of one team, wait for people who may launch no more."""
    launchers = {one for batch in batches for one in waiting[batch.pk]}
    fit = able(batches[0].team, launchers) if launchers else {}
    return {
        batch.pk: 0
        if batch.state == BatchState.CANCELLED
        else sum(count for one, count in waiting[batch.pk].items() if one not in fit)
        for batch in batches
    }


def _detail(batch: Batch, progress: Progress, used: Mapping[str, Any]) -> BatchDetail:
    usage = Run(**{name: used.get(f"all_{name}", 0) for name in _SUMS})
    took = used.get("took") or 0
    mean_ms = round(used["took_ms"] / took) if took else None
    stamp = f"{batch.revision}-{used.get('revisions') or 0}"
    return BatchDetail(batch, progress, usage, mean_ms, stamp)


def all_rows(batch: Batch) -> Iterator[BatchRow]:
    """Every row with its newest run, read some at a time, each time as it then is."""
    last = 0
    every = BatchRow.objects.filter(batch=batch).select_related("run").order_by("position")
    while rows := list(every.filter(position__gt=last)[:READ_AT_ONCE]):
        yield from rows
        last = rows[-1].position


def chars_of_rows(batch: Batch) -> int:
    """How long the inputs of all its rows are together, as JSON."""
    long = Sum(Length(Cast("inputs", TextField())))
    return BatchRow.objects.filter(batch=batch).aggregate(chars=Coalesce(long, 0))["chars"]  # type: ignore[no-any-return]


def known_state(state: str) -> str:
    """``Invalid`` for what is neither "" nor one of ``ROW_STATES``."""
    if state and state not in ROW_STATES:
        known = ", ".join(ROW_STATES)
        raise Invalid(f"There is no state {state!r} of rows.", fields={"status": f"Choose one of {known}."})
    return state
