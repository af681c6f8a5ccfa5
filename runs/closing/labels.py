"""What a bill that is being closed sums to by the labels of its launches.

A program may give each of its runs labels and values of its own, so the database finds the dearest ones, and no more
than those are summed by name.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Callable, Sequence
from typing import Any

from django.db import connection

from runs.closing.sums import MOST_VALUES, Sum, listed

LABEL = "label "
MOST_LABELS = 20
"""Labels by which sums are frozen, the dearest first; the lines have them all."""


def label_sums(bill_id: int, total: Sum, go_on: Callable[[], None]) -> dict[str, list[dict[str, Any]]]:
    """Sums of the bill's written lines by each of the dearest labels, under ``label NAME``, the dearest value first.
    Each sums to ``total``. ``go_on`` is called between the statements."""
    found: defaultdict[str, list[Any]] = defaultdict(list)
    with connection.cursor() as cursor:
        cursor.execute(DEAREST, {"bill": bill_id, "most": MOST_LABELS})
        names = [name for (name,) in cursor.fetchall()]
        go_on()
        cursor.execute(SUMS, {"bill": bill_id, "names": names, "most": MOST_VALUES})
        for name, value, values, *sums in cursor.fetchall():
            found[name].append((value, values, Sum(*sums)))
    go_on()
    return {f"{LABEL}{name}": _rows(found[name], total) for name in names}


def _rows(found: Sequence[tuple[str | None, int, Sum]], total: Sum) -> list[dict[str, Any]]:
    """With what was launched without the label, so that all is in it."""
    sums: list[tuple[str | None, Sum]] = [(value, one) for value, _, one in found if value is not None]
    others = next(((values, one) for value, values, one in found if value is None), (0, None))
    without = total - sum((one for _, _, one in found), Sum())
    if without.calls or without.counter_lines:
        sums.append((None, without))
    return listed(sums, *others)


DEAREST = """
    SELECT label.name
    FROM runs_closedline AS line CROSS JOIN LATERAL json_object_keys(line.text::json -> 'labels') AS label (name)
    WHERE line.bill_id = %(bill)s
    GROUP BY label.name ORDER BY sum(line.nusd) DESC, label.name COLLATE "C" LIMIT %(most)s
"""

# Of each name the dearest values, and in one row, without a value, what the others sum to and how many they are.
SUMS = """
    WITH line AS (
        SELECT line.nusd, line.is_counter_line, one.*
        FROM runs_closedline AS line CROSS JOIN LATERAL json_to_record(line.text::json)
            AS one (calls bigint, unpriced_calls bigint, cost_usd text, labels json)
        WHERE line.bill_id = %(bill)s),
    summed AS (
        SELECT label.key AS name, coalesce(label.value, 'null') AS value,
               coalesce(sum(line.calls), 0) AS calls, coalesce(sum(line.unpriced_calls), 0) AS unpriced_calls,
               count(*) FILTER (WHERE line.is_counter_line) AS counter_lines, sum(line.nusd) AS nusd,
               count(*) FILTER (WHERE line.cost_usd IS NULL) AS unknown
        FROM line CROSS JOIN LATERAL json_each_text(line.labels) AS label
        WHERE label.key = ANY(%(names)s) GROUP BY 1, 2),
    placed AS (
        SELECT *, row_number() OVER (PARTITION BY name ORDER BY nusd DESC, value COLLATE "C") <= %(most)s AS is_shown
        FROM summed)
    SELECT name, CASE WHEN is_shown THEN value END AS shown, count(*), sum(calls)::bigint, sum(unpriced_calls)::bigint,
           sum(counter_lines)::bigint, sum(nusd)::bigint, sum(unknown)::bigint
    FROM placed GROUP BY name, shown
"""
