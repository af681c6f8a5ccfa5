"""Reads of a comparison's sides: sums that PostgreSQL makes, in a fixed number of queries for each group and for all
single runs together."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from fractions import Fraction
from typing import Any, LiteralString
from uuid import UUID

from django.contrib.postgres.fields import ArrayField
from django.db.models import (
    Aggregate,
    BigIntegerField,
    Case,
    Count,
    DecimalField,
    Expression,
    F,
    Field,
    Func,
    Max,
    Min,
    Q,
    QuerySet,
    Sum,
    Value,
    When,
)
from django.db.models.expressions import RawSQL
from django.db.models.functions import Coalesce

from runs.compare.reads.composed import Row, Runs, rows_of
from runs.ledger import token_spend
from runs.models import Call, Rating, Review, Run, TaskRun
from runs.splits.facts import TOKEN_KINDS, CallSums, Spread, TaskSums, Totals
from runs.splits.interval import Sample, middle_ranks, p95_rank, ranks
from runs.states import RUN_ENDED, CallState, RunState

MAX_GROUP = 10_000
"""Runs of one group that are read, the newest ones; the page says so."""
SHOWN_CALLS = 200
"""Of one run, in its waterfall."""
FIRST_CALLS = """
    SELECT first.* FROM unnest(%s::uuid[]) AS one (id) CROSS JOIN LATERAL (
        SELECT id, run_id, task_run_id, kind, state, model, tool, cache_hit, cost_nusd, started_at, finished_at,
               latency_ms, waited_ms
        FROM runs_call WHERE run_id = one.id ORDER BY id LIMIT %s
    ) AS first
"""
SPEND = DecimalField(max_digits=60, decimal_places=10)
ALL = None
"""The key under which a group's rows are found."""

Key = UUID | None


class Milliseconds(Func):
    """Between two moments, rounded as Python rounds ``total_seconds() * 1000``."""

    template = "round(extract(epoch FROM (%(expressions)s))::float8 * 1000)::bigint"
    arg_joiner = " - "
    output_field = BigIntegerField()


class AtRanks(Aggregate):
    """The values at ranks, from 1, of ``count`` values in ascending order."""

    template = "percentile_disc(%(fractions)s::float8[]) WITHIN GROUP (ORDER BY %(expressions)s)"
    output_field = ArrayField(BigIntegerField())

    def __init__(self, expression: Any, places: Sequence[int] = (), count: int = 1, **extra: Any) -> None:
        # Numbers of our own: half a rank below, so that rounding cannot reach a neighbour.
        fractions = ",".join(f"{(place - 0.5) / count:.12f}" for place in places)
        super().__init__(expression, fractions=f"'{{{fractions}}}'", **extra)


class _PausedMs(Func):
    template = "round(%(expressions)s * 1000)::bigint"
    output_field = BigIntegerField()


TIMED = Q(state__in=RUN_ENDED, started_at__isnull=False)
QUEUED_MS, TOOK_MS = Milliseconds("started_at", "created_at"), F("ended_ms")
TASK_TOOK_MS = Milliseconds("finished_at", "started_at")


@dataclass(frozen=True, slots=True)
class Values:
    """What single runs of a group tell: how cost, where it is known in full, and time are spread, and their ratings."""

    cost: Spread | None
    time: Spread | None
    rated_runs: int
    stars: Mapping[int, int]  # ratings by their stars


def totals_of(runs: Runs, *, by_run: bool = False) -> dict[Key, Totals]:
    """Of the runs together, or of each by its id. One query."""
    rows = rows_of(_total_rows, runs, by_run=by_run)
    return {row["pk"] if by_run else ALL: _totals(row) for row in rows}


def _total_rows(runs: QuerySet[Run], by_run: bool) -> QuerySet[Any, Row]:
    grouped: Any = runs.values("pk") if by_run else runs.annotate(all=Value(1)).values("all")
    rows: QuerySet[Any, Row] = grouped.annotate(
        runs=Count("pk"),
        succeeded=Count("pk", filter=Q(state=RunState.SUCCEEDED)),
        timed=Count("pk", filter=TIMED),
        spent=Coalesce(Sum("spent_nusd"), 0, output_field=BigIntegerField()),
        unpriced=Coalesce(Sum("unpriced_calls"), 0),
        unpriced_runs=Count("pk", filter=Q(unpriced_calls__gt=0)),
        prompt=Sum("prompt_tokens"),
        cached=Sum("cached_prompt_tokens"),
        written=Sum("cache_write_tokens"),
        completion=Sum("completion_tokens"),
        reasoning=Sum("reasoning_tokens"),
        requests=Sum("successful_requests"),
        queue_ms=Coalesce(Sum(QUEUED_MS, filter=TIMED), 0, output_field=BigIntegerField()),
        took_ms=Coalesce(Sum(TOOK_MS, filter=TIMED), 0, output_field=BigIntegerField()),
        paused_ms=Coalesce(Sum(_PausedMs("paused_s"), filter=TIMED), 0, output_field=BigIntegerField()),
        stars=Sum("rating_sum"),
        ratings_given=Sum("rating_count"),
        rated_runs=Count("pk", filter=Q(rating_count__gt=0)),
    )
    return rows.order_by()


def _totals(row: dict[str, Any]) -> Totals:
    return Totals(
        runs=row["runs"],
        succeeded=row["succeeded"],
        timed=row["timed"],
        spent_nusd=int(row["spent"]),
        unpriced_calls=row["unpriced"],
        unpriced_runs=row["unpriced_runs"],
        prompt_tokens=int(row["prompt"]),
        cached_prompt_tokens=int(row["cached"]),
        cache_write_tokens=int(row["written"]),
        completion_tokens=int(row["completion"]),
        reasoning_tokens=int(row["reasoning"]),
        requests=row["requests"],
        queue_ms=int(row["queue_ms"]),
        duration_ms=int(row["took_ms"]),
        paused_ms=int(row["paused_ms"]),
        rating_sum=row["stars"],
        rating_count=row["ratings_given"],
        rated_runs=row["rated_runs"],
    )


def spreads_of(runs: QuerySet[Run], totals: Totals) -> tuple[Spread | None, Spread | None]:
    """How cost, of runs that are priced throughout, and time are spread; None without any. One query."""
    priced = totals.runs - totals.unpriced_runs
    found = runs.aggregate(
        cost=AtRanks("spent_nusd", _places(priced), priced, filter=Q(unpriced_calls=0)) if priced else _nothing(),
        time=AtRanks(TOOK_MS, _places(totals.timed), totals.timed, filter=TIMED) if totals.timed else _nothing(),
    )
    return _spread(found["cost"], priced), _spread(found["time"], totals.timed)


def _nothing() -> Expression:
    return Max(Value(None, output_field=BigIntegerField()))


def _places(count: int) -> list[int]:
    """The ranks that a spread is made of, in its order."""
    low, high = ranks(count) or (1, count)
    nearest = [max(1, -(-count * percent // 100)) for percent in (5, 25, 75)]
    return [*middle_ranks(count), low, high, *nearest, p95_rank(count), 1, count]


def spread_among(values: Sequence[int]) -> Spread | None:
    """How values in ascending order are spread; None without any."""
    return _spread([values[place - 1] for place in _places(len(values))], len(values)) if values else None


def _spread(values: list[int] | None, count: int) -> Spread | None:
    if not values:
        return None
    below, above, low, high, p5, p25, p75, p95, least, most = values
    known = ranks(count) is not None
    sample = Sample(count, Fraction(below + above, 2), low if known else None, high if known else None)
    return Spread(sample, p5=p5, p25=p25, p75=p75, p95=p95, least=least, most=most)


def _sum(expression: LiteralString, output_field: Field[Any, Any]) -> Expression:
    """The sum of one of ``token_spend``'s expressions over the calls."""
    sql = token_spend.of("runs_call", expression)
    return Sum(RawSQL(sql, [], output_field=output_field))  # noqa: S611 - a fixed text of our own


def call_sums(runs: Runs, *, by_run: bool = False) -> dict[Key, list[CallSums]]:
    """Of all settled calls of the runs. One query."""
    found: defaultdict[Key, list[CallSums]] = defaultdict(list)
    for row in rows_of(_call_rows, runs, by_run=by_run):
        found[row.get("run_id")].append(_call_sums(row))
    return found


def _call_rows(runs: QuerySet[Run], by_run: bool) -> QuerySet[Any, Row]:
    by = ("run_id",) * by_run + ("task_run__key", "model", "cost_class", "kind", "is_priced")
    settled = Call.objects.filter(run__in=runs).exclude(state=CallState.INTENT)
    return (
        settled.annotate(is_priced=Case(When(cost_nusd__isnull=False, then=Value(True)), default=Value(False)))
        .values(*by)
        .annotate(
            calls=Count("pk"),
            requests=Count("pk", filter=Q(kind="model", state__in=("ok", "late"), cache_hit=False)),
            cost=Coalesce(Sum("cost_nusd"), 0, output_field=BigIntegerField()),
            latency=Coalesce(Sum("latency_ms"), 0),
            waited=Coalesce(Sum("waited_ms"), 0),
            nested=Coalesce(Sum(F("waited_ms") + Coalesce("latency_ms", 0), filter=~Q(branch="")), 0),
            fees=Coalesce(_sum(token_spend.FEES_NUSD, BigIntegerField()), 0, output_field=BigIntegerField()),
            **{f"tokens_{kind}": _sum(tokens, BigIntegerField()) for kind, tokens in token_spend.TOKENS.items()},
            **{f"spend_{kind}": _sum(spend, SPEND) for kind, spend in token_spend.USD_PER_MTOK.items()},
        )
        .order_by(*by)
    )


def _call_sums(row: dict[str, Any]) -> CallSums:
    return CallSums(
        task=row["task_run__key"] or "",
        model=row["model"],
        cost_class=row["cost_class"],
        kind=row["kind"],
        priced=row["is_priced"],
        calls=row["calls"],
        requests=row["requests"],
        cost_nusd=int(row["cost"]),
        tokens={kind: int(row[f"tokens_{kind}"]) for kind in TOKEN_KINDS},
        spend={kind: Fraction(row[f"spend_{kind}"] or 0) for kind in TOKEN_KINDS},
        latency_ms=row["latency"],
        waited_ms=row["waited"],
        nested_ms=row["nested"],
        fees_nusd=int(row["fees"]),
    )


def task_sums(runs: Runs, *, by_run: bool = False) -> dict[Key, list[TaskSums]]:
    """Of the runs' tasks, in their order. Two queries."""
    person = _person_ms(runs, by_run=by_run)
    found: defaultdict[Key, list[TaskSums]] = defaultdict(list)
    for row in rows_of(_task_rows, runs, by_run=by_run):
        run_id = row.get("run_id")
        found[run_id].append(
            TaskSums(
                key=row["key"],
                position=row["place"],
                name=row["title"],
                agent=row["who"],
                agent_role=row["role"],
                runs=row["begun"],
                duration_ms=int(row["took"]),
                person_ms=person.get((run_id, row["key"]), 0),
            )
        )
    return found


def _task_rows(runs: QuerySet[Run], by_run: bool) -> QuerySet[Any, Row]:
    by = ("run_id",) * by_run + ("key",)
    return (
        TaskRun.objects.filter(run__in=runs)
        .values(*by)
        .annotate(
            place=Min("position"),
            title=Max("name"),
            who=Max("agent"),
            role=Max("agent_role"),
            begun=Count("pk", filter=Q(started_at__isnull=False)),
            took=Coalesce(Sum(TASK_TOOK_MS), 0, output_field=BigIntegerField()),
        )
        .order_by("place", "key")
    )


def _person_ms(runs: Runs, *, by_run: bool) -> dict[tuple[Key, str], int]:
    """How long tasks waited for people, by run, or None, and task."""
    rows = rows_of(_review_rows, runs, by_run=by_run)
    return {(row.get("task_run__run_id"), row["task_run__key"]): int(row["ms"] or 0) for row in rows}


def _review_rows(runs: QuerySet[Run], by_run: bool) -> QuerySet[Any, Row]:
    by = ("task_run__run_id",) * by_run + ("task_run__key",)
    until = Coalesce("decided_at", "task_run__run__finished_at")
    rows: Any = Review.objects.filter(task_run__run__in=runs).values(*by)
    return rows.annotate(ms=Sum(Milliseconds(until, "asked_at"))).order_by()  # type: ignore[no-any-return]


def stars_of(runs: Runs, *, by_run: bool = False) -> dict[Key, dict[int, int]]:
    """How many of the runs' ratings have so many stars. One query."""
    found: defaultdict[Key, dict[int, int]] = defaultdict(dict)
    for row in rows_of(_star_rows, runs, by_run=by_run):
        found[row.get("run_id")][row["stars"]] = row["count"]
    return dict(found)


def _star_rows(runs: QuerySet[Run], by_run: bool) -> QuerySet[Any, Row]:
    by = ("run_id",) * by_run
    rows: Any = Rating.objects.filter(run__in=runs).values(*by, "stars").annotate(count=Count("pk"))
    return rows.order_by()  # type: ignore[no-any-return]


def first_calls(run_ids: Iterable[UUID]) -> dict[UUID, list[Call]]:
    """The first ``SHOWN_CALLS`` calls of each run, with what a waterfall shows of them. One query."""
    found: defaultdict[UUID, list[Call]] = defaultdict(list)
    for call in Call.objects.raw(FIRST_CALLS, [list(run_ids), SHOWN_CALLS]):
        found[call.run_id].append(call)
    return found
