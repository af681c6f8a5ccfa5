"""The statements that sum matched rows, give one page of them, and tell which of their answers differ.

Both batches are read once and whole, ten thousand rows each at most, but for what is long in them.
"""

from __future__ import annotations

from typing import Any, LiteralString

from psycopg.sql import SQL, Composable, Placeholder

from runs.batches.matched.matching import Matching
from runs.sql import statement

_SIDE: LiteralString = """
    SELECT line.position, line.run_id, coalesce(run.state, %(waiting)s) AS state,
           CASE WHEN run.unpriced_calls = 0 THEN nullif(run.ended_nusd, -1) END AS cost,
           nullif(run.ended_ms, -1) AS ms,
           CASE WHEN line.run_id IS NULL THEN {removed} ELSE run.texts_removed_at IS NOT NULL END AS removed
    FROM runs_batchrow AS line LEFT JOIN runs_run AS run ON run.id = line.run_id AND run.batch_id = {batch}
    WHERE line.batch_id = {batch}
"""
_SUMS_OF_SIDE: LiteralString = """
    SELECT count(*) AS rows, count(*) FILTER (WHERE removed) AS removed,
           count(*) FILTER (WHERE state IN ('succeeded', 'failed', 'cancelled')) AS ended,
           count(*) FILTER (WHERE state = 'succeeded') AS succeeded,
           count(cost) AS priced, coalesce(sum(cost), 0)::bigint AS nusd,
           count(ms) AS timed, coalesce(sum(ms), 0)::bigint AS ms
"""
_DIFFERING: LiteralString = """
    SELECT pairs.old_row, named.differ FROM pairs
    JOIN runs_run AS old ON old.id = pairs.old_run AND old.batch_id = %(batch_0)s
    JOIN runs_run AS new ON new.id = pairs.new_run AND new.batch_id = %(batch_1)s
    CROSS JOIN LATERAL (SELECT {differ} AS differ) AS named
    WHERE pairs.old_state = 'succeeded' AND pairs.new_state = 'succeeded' AND cardinality(named.differ) > 0
"""
_NONE_DIFFERING: LiteralString = "SELECT NULL::int AS old_row, NULL::text[] AS differ WHERE false"
_DIFFER: LiteralString = """
    ARRAY(
        SELECT field.name FROM unnest(%(fields)s::text[]) WITH ORDINALITY AS field (name, place),
               LATERAL (SELECT old.output_json::jsonb AS old, new.output_json::jsonb AS new OFFSET 0) AS answer
        WHERE (answer.old -> field.name) IS DISTINCT FROM (answer.new -> field.name) ORDER BY field.place
    )
"""
_DIFFER_RAW: LiteralString = """
    CASE WHEN old.output_raw IS DISTINCT FROM new.output_raw THEN ARRAY['output'] ELSE ARRAY[]::text[] END
"""
_MATCHED: LiteralString = """
    WITH baseline AS MATERIALIZED ({baseline}), other AS MATERIALIZED ({other}),
    pairs AS MATERIALIZED (
        SELECT old.position AS old_row, new.position AS new_row, old.run_id AS old_run, new.run_id AS new_run,
               old.state AS old_state, new.state AS new_state, old.cost AS old_cost, new.cost AS new_cost,
               old.ms AS old_ms, new.ms AS new_ms, new.cost - old.cost AS more_cost, new.ms - old.ms AS more_ms,
               old.state IN ('succeeded', 'failed', 'cancelled') AND new.state IN ('succeeded', 'failed', 'cancelled')
                   AS ended,
               old.state = 'succeeded' AND new.state IN ('failed', 'cancelled') AS worse,
               new.state = 'succeeded' AND old.state IN ('failed', 'cancelled') AS better
        FROM unnest(%(old_rows)s::int[], %(new_rows)s::int[]) AS pair (old_row, new_row)
        JOIN baseline AS old ON old.position = pair.old_row JOIN other AS new ON new.position = pair.new_row
        WHERE NOT (old.removed OR new.removed)
    ),
    differing AS MATERIALIZED ({differing}),
    listed AS ({listed}),
    page AS ({page})
    SELECT to_jsonb(old_sums) AS baseline, to_jsonb(new_sums) AS other, to_jsonb(both_sums) AS both, (
        SELECT jsonb_object_agg(name, rows) FROM (
            SELECT name, count(*) AS rows FROM differing, unnest(differ) AS name GROUP BY name) AS counted
    ) AS differing, (SELECT count(*) FROM differing) AS differ,
    (SELECT jsonb_agg(jsonb_build_array(old_row, new_row) ORDER BY nth) FROM page) AS page
    FROM ({sums_of_side} FROM baseline) AS old_sums, ({sums_of_side} FROM other) AS new_sums, (
        SELECT count(*) AS rows, count(*) FILTER (WHERE worse) AS worse, count(*) FILTER (WHERE better) AS better,
               count(*) FILTER (WHERE ended) AS ended,
               count(*) FILTER (WHERE ended AND old_state = 'succeeded') AS old_succeeded,
               count(*) FILTER (WHERE ended AND new_state = 'succeeded') AS new_succeeded,
               count(more_cost) AS priced, count(more_ms) AS timed,
               coalesce(sum(old_cost) FILTER (WHERE more_cost IS NOT NULL), 0)::bigint AS old_nusd,
               coalesce(sum(new_cost) FILTER (WHERE more_cost IS NOT NULL), 0)::bigint AS new_nusd,
               coalesce(sum(old_ms) FILTER (WHERE more_ms IS NOT NULL), 0)::bigint AS old_ms,
               coalesce(sum(new_ms) FILTER (WHERE more_ms IS NOT NULL), 0)::bigint AS new_ms,
               count(*) FILTER (WHERE more_cost > 0) AS dearer, count(*) FILTER (WHERE more_cost < 0) AS cheaper,
               count(*) FILTER (WHERE more_ms > 0) AS slower, count(*) FILTER (WHERE more_ms < 0) AS faster
        FROM pairs
    ) AS both_sums
"""
_PAIRS: LiteralString = "SELECT * FROM pairs"
_PAIRS_THAT_DIFFER: LiteralString = "SELECT * FROM pairs JOIN differing USING (old_row)"
ALONE: dict[str, LiteralString] = {
    "baseline": """
        SELECT position AS old_row, NULL::int AS new_row FROM baseline
        WHERE NOT removed AND position NOT IN (SELECT old_row FROM pairs)
    """,
    "other": """
        SELECT NULL::int AS old_row, position AS new_row FROM other
        WHERE NOT removed AND position NOT IN (SELECT new_row FROM pairs)
    """,
}
"""By what somebody asks for: rows of one batch that have none in the other."""
# The first page needs no places, which would sort all pairs whole.
_FIRST_PAGE: LiteralString = """
    SELECT old_row, new_row, row_number() OVER () AS nth FROM (
        SELECT old_row, new_row FROM listed WHERE {shown} ORDER BY {order}, {row} LIMIT %(count)s) AS first
"""
_PAGE: LiteralString = """
    SELECT old_row, new_row, row_number() OVER (ORDER BY place {way}) AS nth FROM (
        SELECT *, row_number() OVER (ORDER BY {order}, {row}) AS place FROM listed OFFSET 0) AS placed
    WHERE ({shown}) AND place {beyond} (SELECT place FROM (
        SELECT {row} AS this_row, row_number() OVER (ORDER BY {order}, {row}) AS place FROM listed) AS places
        WHERE this_row = %(at)s)
    ORDER BY nth LIMIT %(count)s
"""
ORDERS: dict[str, LiteralString] = {
    "worst": "worse DESC, more_cost DESC NULLS LAST, more_ms DESC NULLS LAST",
    "-cost": "more_cost DESC NULLS LAST",
    "cost": "more_cost NULLS LAST",
    "-seconds": "more_ms DESC NULLS LAST",
    "seconds": "more_ms NULLS LAST",
    "row": "old_row",
    "-row": "old_row DESC",
}
"""Of pairs, by what somebody asks for: the largest increase first, with "-"."""
SHOWN: dict[str, LiteralString] = {
    "": "true",
    "worse": "worse",
    "better": "better",
    "dearer": "more_cost > 0",
    "cheaper": "more_cost < 0",
    "slower": "more_ms > 0",
    "faster": "more_ms < 0",
    "differ": "%(field)s = '' OR %(field)s = ANY(differ)",
    "baseline": "true",
    "other": "true",
}
"""Which rows are listed: pairs, some of them, or the rows of one batch that have none in the other."""
COMPARES = "differ"
"""What makes the statement read the answers of all pairs."""


def matched_statement(matching: Matching, *, show: str, sort: str, is_first: bool, before: bool) -> str:
    """``show`` and ``sort`` are keys of ``SHOWN`` and ``ORDERS``; rows of one batch alone stand in their own order."""
    row = SQL("new_row" if show == "other" else "old_row")
    page = SQL(_FIRST_PAGE if is_first else _PAGE).format(
        shown=SQL(SHOWN[show]),
        order=row if show in ALONE else SQL(ORDERS[sort]),
        row=row,
        beyond=SQL("<" if before else ">"),
        way=SQL("DESC" if before else ""),
    )
    reads = show == COMPARES
    return statement(
        _MATCHED,
        baseline=_side(0),
        other=_side(1),
        differing=_differing(matching) if reads else SQL(_NONE_DIFFERING),
        listed=SQL(ALONE.get(show) or (_PAIRS_THAT_DIFFER if reads else _PAIRS)),
        page=page,
        sums_of_side=SQL(_SUMS_OF_SIDE),
    )


def _differing(matching: Matching) -> Composable:
    return SQL(_DIFFERING).format(differ=SQL(_DIFFER if matching.fields else _DIFFER_RAW))


def values_of(matching: Matching) -> dict[str, Any]:
    """The parameters that say which batches these are."""
    values: dict[str, Any] = {"fields": list(matching.fields)}
    for nth, batch in enumerate(matching.sides):
        values |= {f"batch_{nth}": batch.pk, f"removed_{nth}": batch.texts_removed_at is not None}
    return values


def _side(nth: int) -> Composable:
    return SQL(_SIDE).format(batch=Placeholder(f"batch_{nth}"), removed=Placeholder(f"removed_{nth}"))


# Of a page's pairs: the names of the fields whose values differ, where both have succeeded.
_OF_PAGE: LiteralString = """
    WITH pairs AS (
        SELECT pair.old_row, old_line.run_id AS old_run, new_line.run_id AS new_run, old_run.state AS old_state,
               new_run.state AS new_state
        FROM unnest(%(old_rows)s::int[], %(new_rows)s::int[]) AS pair (old_row, new_row)
        JOIN runs_batchrow AS old_line ON old_line.batch_id = %(batch_0)s AND old_line.position = pair.old_row
        JOIN runs_batchrow AS new_line ON new_line.batch_id = %(batch_1)s AND new_line.position = pair.new_row
        JOIN runs_run AS old_run ON old_run.id = old_line.run_id
        JOIN runs_run AS new_run ON new_run.id = new_line.run_id
    )
    {differing}
"""


def differing_statement(matching: Matching) -> str:
    """Each row of the baseline with the fields that differ; those that are alike are left out."""
    return statement(_OF_PAGE, differing=_differing(matching))
