"""Invariants of closed bills: the copy is what was hashed, sums to its bill, and is balanced by counter-lines."""

from __future__ import annotations

from psycopg.sql import SQL

from runs.ledger.invariants.invariant import Invariant
from runs.sql import statement

BETWEEN, END = ",\n", "\n]}\n"
"""What stands between the lines of a closed bill's document and after the last one."""

DOCUMENT = SQL("""
    {head} || coalesce((SELECT string_agg(text, E',\\n' ORDER BY position) FROM runs_closedline
                        WHERE bill_id = {bill}), '') || E'\\n]}}\\n'
""")
"""The document as SQL, for a head and the id of a bill."""

_TITLE = SQL("concat('team ', closed.team_id, ', ', closed.month)")

CLOSED_BILLS = (
    Invariant(
        "closed_bill_copy",
        "A month is closed if and only if it has a frozen copy, and no call of it is open.",
        """
        SELECT concat('team ', bill.team_id, ', ', bill.month) AS id,
               concat_ws(', ', CASE WHEN bill.closed_at IS NULL THEN 'open' ELSE 'closed' END,
                         CASE WHEN closed.id IS NULL THEN 'no copy' ELSE 'a copy' END, open.calls) AS found,
               'both or neither' AS expected
        FROM runs_bill AS bill LEFT JOIN runs_closedbill AS closed ON closed.bill_id = bill.id
        LEFT JOIN (
            SELECT team_id, billed_month, concat(count(*), ' open calls') AS calls FROM runs_call
            WHERE state = 'intent' AND NOT simulated GROUP BY team_id, billed_month
        ) AS open ON open.team_id = bill.team_id AND open.billed_month = bill.month AND bill.closed_at IS NOT NULL
        WHERE bill.closed_at IS DISTINCT FROM closed.closed_at OR open.calls IS NOT NULL
        """,
    ),
    Invariant(
        "closed_bill_hash",
        "The bytes of a closed bill are those that were hashed when it was closed, and the log has the same hash.",
        statement(
            """
            SELECT {title} AS id, encode(sha256(convert_to({document}, 'UTF8')), 'hex') AS found,
                   concat_ws(' ', closed.sha256, entry.sha256) AS expected
            FROM runs_closedbill AS closed LEFT JOIN runs_closingentry AS entry
                ON entry.team_id = closed.team_id AND entry.number = closed.number
            WHERE encode(sha256(convert_to({document}, 'UTF8')), 'hex') <> closed.sha256
               OR entry.sha256 IS DISTINCT FROM closed.sha256
            """,
            title=_TITLE,
            document=DOCUMENT.format(head=SQL("closed.head"), bill=SQL("closed.id")),
        ),
    ),
    Invariant(
        "closed_bill_sums",
        "The lines of a closed bill sum to its total.",
        statement(
            """
            SELECT {title} AS id, closed.total_nusd AS found, lines.nusd AS expected
            FROM runs_closedbill AS closed CROSS JOIN LATERAL (
                SELECT coalesce(sum(nusd), 0) AS nusd FROM runs_closedline WHERE bill_id = closed.id) AS lines
            WHERE lines.nusd <> closed.total_nusd
            """,
            title=_TITLE,
        ),
    ),
    Invariant(
        "counter_lines",
        "Counter-lines balance: what the lines of a closed bill say of its calls, and the differences that later "
        "months took, sum to what these calls cost now. Those that it took itself are corrections of other months.",
        statement(
            """
            SELECT {title} AS id, concat_ws(' ', lines.calls + later.nusd, lines.counter) AS found,
                   concat_ws(' ', now.nusd, taken.nusd) AS expected
            FROM runs_closedbill AS closed
            CROSS JOIN LATERAL (
                SELECT coalesce(sum(nusd) FILTER (WHERE NOT is_counter_line), 0) AS calls,
                       coalesce(sum(nusd) FILTER (WHERE is_counter_line), 0) AS counter
                FROM runs_closedline WHERE bill_id = closed.id) AS lines
            CROSS JOIN LATERAL (
                SELECT coalesce(sum(cost_nusd), 0) AS nusd FROM runs_call
                WHERE team_id = closed.team_id AND billed_month = closed.month AND NOT simulated) AS now
            CROSS JOIN LATERAL (
                SELECT coalesce(sum({more}), 0) AS nusd
                FROM runs_correction AS correction JOIN runs_call AS call ON call.id = correction.call_id
                WHERE call.team_id = closed.team_id AND call.billed_month = closed.month AND NOT call.simulated
                  AND correction.month <> closed.month) AS later
            CROSS JOIN LATERAL (
                SELECT coalesce(sum({more}), 0) AS nusd
                FROM runs_correction AS correction JOIN runs_call AS call ON call.id = correction.call_id
                WHERE call.team_id = closed.team_id AND correction.month = closed.month AND NOT call.simulated
                  AND call.billed_month <> closed.month) AS taken
            WHERE lines.calls + later.nusd <> now.nusd OR lines.counter <> taken.nusd
            """,
            title=_TITLE,
            more=SQL("(coalesce(correction.cost_nusd, 0) - coalesce(correction.booked_nusd, 0))"),
        ),
    ),
    Invariant(
        "closing_log",
        "The log numbers a team's closed bills from 1 without a gap, and has each of them.",
        """
        SELECT concat('team ', coalesce(closed.team_id, entry.team_id), ', No. ',
                      coalesce(closed.number, entry.number)) AS id,
               concat_ws(' ', closed.month, entry.month, place) AS found, 'one entry for each' AS expected
        FROM (SELECT *, row_number() OVER (PARTITION BY team_id ORDER BY number) AS place FROM runs_closedbill)
            AS closed
        FULL JOIN runs_closingentry AS entry ON entry.team_id = closed.team_id AND entry.number = closed.number
        WHERE (closed.month, closed.total_nusd, closed.closed_at)
              IS DISTINCT FROM (entry.month, entry.total_nusd, entry.closed_at) OR closed.number <> place
        """,
    ),
)
