"""What the sums and distributions of runs that have ended are (``runs.models.figures``): of which runs or calls, and by
which keys. When they are written is ``writing``'s.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import LiteralString

from psycopg.sql import SQL, Literal

from runs.ledger.statements import ROLLUP_FIELDS, TOKEN_FIELDS
from runs.ledger.token_spend import CACHE_SAVED_NUSD, FEES_NUSD, TOKENS, USD_PER_MTOK
from runs.models.bill_sums import PARTS
from runs.sql import listed, statement
from runs.states import WASTED, RunState

PRECISION = 0.01
"""A percentile that is read from buckets is at most so much too large or too small, in parts of itself."""
GAMMA = (1 + PRECISION) / (1 - PRECISION)
"""Bucket n holds the values above ``GAMMA ** (n - 1)`` and up to ``GAMMA ** n``."""
NOTHING = -1
"""The bucket of 0."""


@dataclass(frozen=True, slots=True)
class RollupTable:
    """A table of sums: which runs or calls are summed, by which keys, and what."""

    table: LiteralString
    keys: Mapping[str, LiteralString]  # in the order in which rows are locked
    figures: Mapping[str, LiteralString]
    source: LiteralString  # ends in a condition

    def select(self, which: LiteralString, *, sign: LiteralString = "1") -> str:
        """Rows of keys and figures of the runs that are asked for."""
        return statement(
            "SELECT {keys}, {figures} FROM {source} AND {which} GROUP BY {places}",
            keys=listed(f"{key} AS {name}" for name, key in self.keys.items()),
            figures=listed(f"{sign} * {figure} AS {name}" for name, figure in self.figures.items()),
            source=SQL(self.source),
            which=SQL(which),
            places=listed(str(place + 1) for place in range(len(self.keys))),
        )

    def write(self, which: LiteralString, *, sign: LiteralString) -> str:
        """Adds the rows, or takes them out where ``sign`` is -1.

        They are written in the order of their keys, so that two runs that end at once do not lock each other out.
        """
        return statement(
            """
            INSERT INTO {table} AS kept ({keys}, {figures}) {rows} ORDER BY {keys}
            ON CONFLICT ({keys}) DO UPDATE SET {added}
            """,
            table=SQL(self.table),
            keys=listed(self.keys),
            figures=listed(self.figures),
            rows=SQL(self.select(which, sign=sign)),
            added=listed(f"{name} = kept.{name} + excluded.{name}" for name in self.figures),
        )


ENDED: LiteralString = "run.finished_at IS NOT NULL"  # a constraint of the table says that this is so
_BEGUN: LiteralString = "run.ended_ms >= 0"  # a worker had begun it
_WHOSE: dict[str, LiteralString] = {"team_id": "run.team_id", "simulated": "run.simulated"}
_WHAT: dict[str, LiteralString] = {"crew_id": "run.crew_id", "version_id": "run.version_id"}
_HOUR: dict[str, LiteralString] = {"hour": "date_trunc('hour', run.created_at, 'UTC')"}
_DAY: dict[str, LiteralString] = {"day": "(run.created_at AT TIME ZONE 'UTC')::date"}
_WEEK: dict[str, LiteralString] = {"week": "date_trunc('week', run.created_at AT TIME ZONE 'UTC')::date"}
_STATE: dict[str, LiteralString] = {"state": "run.state"}


def _ms(between: LiteralString) -> LiteralString:
    return f"round(extract(epoch FROM ({between}))::float8 * 1000)::bigint"


def bucket_of(value: LiteralString) -> LiteralString:
    """The expression for the bucket of a value of the type float8."""
    return f"CASE WHEN {value} = 0 THEN {NOTHING} ELSE ceil(ln({value}) / ln({GAMMA}::float8)) END"


_REQUESTS: LiteralString = """
    count(*) FILTER (WHERE call.kind = 'model' AND call.state IN ('ok', 'late') AND NOT call.cache_hit)
"""

RUN_SUMS = RollupTable(
    "runs_runsum",
    {**_WHOSE, **_HOUR, **_WHAT, **_STATE},
    {
        **{name: f"sum(run.{name})" for name in ROLLUP_FIELDS},
        "runs": "count(*)",
        "took_ms": f"coalesce(sum(run.ended_ms) FILTER (WHERE {_BEGUN}), 0)",
        "timed": f"count(*) FILTER (WHERE {_BEGUN})",
        "queue_ms": f"coalesce(sum({_ms('run.started_at - run.created_at')}) FILTER (WHERE {_BEGUN}), 0)",
        "paused_ms": f"coalesce(sum(round(run.paused_s * 1000)::bigint) FILTER (WHERE {_BEGUN}), 0)",
        "unpriced_runs": "count(*) FILTER (WHERE run.unpriced_calls > 0)",
        "rating_sum": "sum(run.rating_sum)",
        "rating_count": "sum(run.rating_count)",
        "rated_runs": "count(*) FILTER (WHERE run.rating_count > 0)",
    },
    f"runs_run AS run WHERE {ENDED}",
)
CALL_SUMS = RollupTable(
    "runs_callsum",
    {**_WHOSE, **_HOUR, **_WHAT, **_STATE, "model": "call.model", "cost_class": "call.cost_class"},
    {
        **{name: f"sum(call.{name})" for name in TOKEN_FIELDS},
        "successful_requests": _REQUESTS,
        "spent_nusd": "coalesce(sum(call.cost_nusd), 0)",
        "unpriced_calls": "count(*) FILTER (WHERE call.cost_nusd IS NULL)",
        "estimated_calls": "count(*) FILTER (WHERE call.usage_estimated)",
        "calls": "count(*)",
        "saved_nusd": "coalesce(sum(call.saved_nusd), 0)",
    },
    f"runs_run AS run JOIN runs_call AS call ON call.run_id = run.id WHERE {ENDED} AND call.state <> 'intent'",
)
RUN_DAYS = RollupTable("runs_runday", {**_WHOSE, **_DAY, **_WHAT, **_STATE}, RUN_SUMS.figures, RUN_SUMS.source)
CALL_DAYS = RollupTable(
    "runs_callday",
    {**_WHOSE, **_DAY, **_WHAT, **_STATE, "model": "call.model", "cost_class": "call.cost_class"},
    CALL_SUMS.figures,
    CALL_SUMS.source,
)
BUCKETS = RollupTable(
    "runs_runbucket",
    {
        **_WHOSE,
        "measure": "figure.measure",
        **_DAY,
        **_WHAT,
        "bucket": bucket_of("figure.value"),
    },
    {"runs": "count(*)"},
    # A run whose cost is not known in full, and one that no worker began, have no place in the distributions.
    f"""
    runs_run AS run CROSS JOIN LATERAL (VALUES
        ('cost', run.ended_nusd::float8, run.unpriced_calls = 0), ('duration', run.ended_ms::float8, true)
    ) AS figure (measure, value, known)
    WHERE {ENDED} AND run.ended_ms >= 0 AND figure.known
    """,
)
WEEK_BUCKETS = RollupTable(
    "runs_weekbucket",
    {**_WHOSE, **_WEEK, "measure": "figure.measure", **_WHAT, "bucket": BUCKETS.keys["bucket"]},
    BUCKETS.figures,
    BUCKETS.source,
)
_CALLS_OF_TASKS: LiteralString = f"""
    runs_run AS run JOIN runs_call AS call ON call.run_id = run.id
    LEFT JOIN runs_taskrun AS task ON task.id = call.task_run_id
    WHERE {ENDED} AND call.state <> 'intent'
"""
_VERSIONS_DAY: dict[str, LiteralString] = {
    "version_id": "run.version_id",
    "simulated": "run.simulated",
    **_DAY,
    "team_id": "run.team_id",
    "crew_id": "run.crew_id",
}
TASK_CALLS = RollupTable(
    "runs_taskcallsum",
    {
        **_VERSIONS_DAY,
        "task": "coalesce(task.key, '')",
        "model": "call.model",
        "cost_class": "call.cost_class",
        "kind": "call.kind",
        "priced": "call.cost_nusd IS NOT NULL",
    },
    {
        "calls": "count(*)",
        "requests": _REQUESTS,
        "cost_nusd": "coalesce(sum(call.cost_nusd), 0)",
        "fees_nusd": f"coalesce(sum({FEES_NUSD}), 0)",
        "latency_ms": "coalesce(sum(call.latency_ms), 0)",
        "waited_ms": "coalesce(sum(call.waited_ms), 0)",
        "nested_ms": "coalesce(sum(call.waited_ms + coalesce(call.latency_ms, 0)) FILTER (WHERE call.branch <> ''), 0)",
        **{f"tokens_{kind}": f"coalesce(sum({tokens}), 0)" for kind, tokens in TOKENS.items()},
        **{f"spend_{kind}": f"coalesce(sum({spend}), 0)" for kind, spend in USD_PER_MTOK.items()},
    },
    _CALLS_OF_TASKS,
)
TASK_TIMES = RollupTable(
    "runs_tasktime",
    {**_VERSIONS_DAY, "task": "task.key"},
    {
        "begun": "count(task.started_at)",
        "took_ms": f"coalesce(sum({_ms('task.finished_at - task.started_at')}), 0)",
        "person_ms": "coalesce(sum(asked.ms), 0)",
    },
    """
    runs_run AS run JOIN runs_taskrun AS task ON task.run_id = run.id CROSS JOIN LATERAL (
        SELECT sum(round(extract(epoch FROM coalesce(decided_at, run.finished_at) - asked_at)::float8 * 1000)::bigint)
            AS ms
        FROM runs_review WHERE task_run_id = task.id
    ) AS asked WHERE run.finished_at IS NOT NULL
    """,
)
LABELS: LiteralString = "CASE WHEN run.metadata::text = '{}' THEN '' ELSE md5(run.metadata::jsonb::text) END"
"""The digest of a run's labels, whatever the order in which they were given; "": it has none."""
BILL_SUMS = RollupTable(
    "runs_billsum",
    {
        "team_id": "run.team_id",
        "simulated": "call.simulated",
        "month": "call.billed_month",
        "day": "(call.started_at AT TIME ZONE 'UTC')::date",
        "crew_id": "run.crew_id",
        "version_id": "run.version_id",
        "person": "coalesce(run.created_by_id, run.former_created_by, 0)",
        "api_token": "coalesce(run.api_token_id, run.former_api_token, 0)",
        "labels": LABELS,
        "batch": "coalesce(run.batch_id, '00000000-0000-0000-0000-000000000000')",
        "agent": "call.agent",
        "model": "call.model",
        "credential": "call.credential",
        "kind": "call.kind",
        "cost_class": "call.cost_class",
        **_STATE,
    },
    {
        **CALL_SUMS.figures,
        "cache_saved_nusd": f"coalesce(sum({CACHE_SAVED_NUSD}), 0)",
        **{part: f"coalesce(sum(call.{part}), 0)" for part in PARTS},
        "whole_nusd": "coalesce(sum(call.cost_nusd) FILTER (WHERE call.prompt_nusd IS NULL), 0)",
    },
    CALL_SUMS.source,
)
DAY_SUMS = RollupTable(
    "runs_daysum",
    {name: BILL_SUMS.keys[name] for name in ("team_id", "simulated", "month", "day", "crew_id", "person")},
    {name: CALL_SUMS.figures[name] for name in ("calls", "spent_nusd", "unpriced_calls")},
    CALL_SUMS.source,
)
PROMPT_LIMITS = (
    *(0, 1_023, 4_096, 8_192, 16_384, 16_385, 32_000, 32_768, 65_536, 100_000, 128_000, 131_072),
    *(199_999, 200_000, 256_000, 262_144, 272_000, 512_000, 1_000_000, 1_048_576),
)
"""Lengths of prompts that prices, caches and models' windows ask about: sums of usage tell apart what lies between."""
_PROMPT_ABOVE: LiteralString = f"""
    (ARRAY[-1, {", ".join(map(str, PROMPT_LIMITS))}]::bigint[])[
        1 + width_bucket(call.prompt_tokens - 1, ARRAY[{", ".join(map(str, PROMPT_LIMITS))}]::bigint[])]
"""
AS_BOOKED: LiteralString = """
    (call.cache_hit OR call.state = 'unknown'
     OR call.state = 'error' AND call.prompt_tokens + call.completion_tokens = 0)
"""
"""Whether no price makes a model call's cost: an earlier reply was reused, or nobody knows, or nothing came."""
OWN_PRICES = (
    *("input_usd_per_mtok", "output_usd_per_mtok", "cached_usd_per_mtok", "cache_write_usd_per_mtok"),
    *("reasoning_usd_per_mtok", "request_usd", "search_usd", "second_usd", "citation_usd_per_mtok"),
)
"""The columns of a call that its price and fees are kept in."""
USAGE_TOKENS = (*TOKEN_FIELDS, "citation_tokens", "searches", "took_ms")
USAGE_KEYS: dict[str, LiteralString] = {
    "team_id": "run.team_id",
    "simulated": "call.simulated",
    "month": "call.billed_month",
    "crew_id": "run.crew_id",
    "agent": "call.agent",
    "model": "call.model",
    "as_booked": AS_BOOKED,
    "priced": "(call.cost_nusd IS NOT NULL)",
    "prompt_above": _PROMPT_ABOVE,
    "asks_tools": "((call.params -> 'tools') IS NOT NULL)",
    "asks_schema": "((call.params -> 'response_schema') IS NOT NULL)",
    **{name: f"coalesce(call.{name}, -1)" for name in OWN_PRICES},
}
USAGE_SUMS = RollupTable(
    "runs_usagesum",
    USAGE_KEYS,
    {
        "calls": "count(*)",
        "cost_nusd": "coalesce(sum(call.cost_nusd), 0)",
        "beyond_ours_nusd": "coalesce(sum(call.beyond_ours_nusd), 0)",
        "stated_calls": "count(*) FILTER (WHERE call.provider_is_booked)",
        **{name: f"sum(call.{name})" for name in USAGE_TOKENS},
    },
    CALL_SUMS.source + " AND call.kind = 'model'",
)
ROLLUPS = (
    *(RUN_SUMS, RUN_DAYS, CALL_SUMS, CALL_DAYS, BUCKETS, WEEK_BUCKETS),
    *(TASK_CALLS, TASK_TIMES, BILL_SUMS, DAY_SUMS, USAGE_SUMS),
)
LOST = (RunState.FAILED, RunState.CANCELLED)
"""What runs that ended so have paid is all in vain."""
WASTED_CALLS_NUSD = statement(
    """
    coalesce((SELECT sum(call.cost_nusd) FROM runs_call AS call
              WHERE call.run_id = run.id AND call.cost_class IN ({wasted})), 0)
    """,
    wasted=SQL(", ").join(Literal(wasted.value) for wasted in WASTED),
)
WASTE_NUSD = statement(
    "CASE WHEN run.state IN ({lost}) THEN run.spent_nusd ELSE {wasted_calls} END",
    lost=SQL(", ").join(Literal(lost.value) for lost in LOST),
    wasted_calls=SQL(WASTED_CALLS_NUSD),
)
"""What an ended run paid in vain, as far as it is known: ``states.waste_of`` in SQL, with ``states.WASTED``."""
