"""Invariants of each line of the ledger by itself: whose it is, what it cost and which class the cost falls in."""

from __future__ import annotations

from psycopg.sql import SQL

from runs.ledger.invariants.invariant import Invariant
from runs.ledger.token_spend import BY_OUR_PRICE_NUSD, SUM_OF_PARTS_NUSD, USD_PER_MTOK
from runs.models.call import CALL_PARTS
from runs.sql import listed, statement

CALLS = (
    Invariant(
        "call_cost",
        "A call that ended costs its tokens and fees at the prices kept with it, or what its provider says if that is "
        "booked, and nothing if it had none or was reused.",
        statement(
            """
            SELECT id, cost_nusd AS found, due AS expected
            FROM (SELECT id, cost_nusd,
                         CASE WHEN cache_hit OR kind <> 'model' THEN 0
                              WHEN state = 'error' AND prompt_tokens + completion_tokens = 0 THEN 0
                              WHEN provider_is_booked THEN provider_nusd
                              WHEN input_usd_per_mtok IS NULL THEN NULL
                              ELSE {by_our_price} END AS due
                  FROM runs_call AS call WHERE state IN ('ok', 'late', 'error')) AS ended
            WHERE cost_nusd IS DISTINCT FROM due
            """,
            by_our_price=SQL(BY_OUR_PRICE_NUSD),
        ),
    ),
    Invariant(
        "call_parts",
        "What a call's cost is made of sums to it, and each part is its tokens at their price but for the rounding.",
        statement(
            """
            SELECT id, concat_ws(' ', {parts}) AS found, concat(cost_nusd, ' = ', {by_our_price}) AS expected
            FROM runs_call AS call
            WHERE prompt_nusd IS NOT NULL AND (
                cost_nusd IS DISTINCT FROM {sum_of_parts}
                OR beyond_ours_nusd <> CASE WHEN NOT provider_is_booked THEN 0
                                            ELSE provider_nusd - coalesce({by_our_price}, 0) END
                OR abs(prompt_nusd - 1000 * {prompt}) >= 1 OR abs(cached_nusd - 1000 * {cached}) >= 1
                OR abs(cache_write_nusd - 1000 * {cache_write}) >= 1
                OR abs(completion_nusd + reasoning_nusd - 1000 * {completion}) >= 2
                OR abs(request_nusd - 1000000000 * coalesce(request_usd, 0)) >= 1
                OR abs(seconds_nusd - 1000000::numeric * took_ms * coalesce(second_usd, 0)) >= 1
                OR abs(searches_nusd - 1000000000::numeric * searches * coalesce(search_usd, 0)) >= 1)
            """,
            parts=listed(f"{part}_nusd" for part in CALL_PARTS),
            by_our_price=SQL(BY_OUR_PRICE_NUSD),
            sum_of_parts=SQL(SUM_OF_PARTS_NUSD),
            **{kind: SQL(spend) for kind, spend in USD_PER_MTOK.items()},
        ),
    ),
    Invariant(
        "call_quote",
        "A call is priced with a quote of its own team or of the default list.",
        """
        SELECT call.id, concat('team ', quote.team_id) AS found, concat('team ', call.team_id) AS expected
        FROM runs_call AS call LEFT JOIN runs_pricequote AS quote ON quote.id = call.quote_id
        WHERE call.quote_id IS NOT NULL AND (quote.id IS NULL OR quote.team_id <> call.team_id)
        """,
    ),
    Invariant(
        "unknown_cost",
        "A call of unknown outcome is booked at what was reserved for it, never hidden at nothing.",
        """
        SELECT id, cost_nusd AS found, worst AS expected
        FROM (SELECT id, cost_nusd,
                     CASE WHEN kind = 'model' AND input_usd_per_mtok IS NULL THEN NULL ELSE reserved_nusd END AS worst
              FROM runs_call WHERE state = 'unknown') AS lost
        WHERE cost_nusd IS DISTINCT FROM worst
        """,
    ),
    Invariant(
        "call_class",
        "A call's cost falls in the class that its outcome and purpose say.",
        """
        SELECT id, cost_class AS found, class AS expected
        FROM (SELECT id, cost_class,
                     CASE WHEN state = 'intent' THEN 'work'
                          WHEN cache_hit THEN 'cache_hit'
                          WHEN state = 'late' THEN 'duplicate'
                          WHEN state <> 'ok' AND error_code = %(cancelled)s THEN 'cancelled'
                          WHEN state <> 'ok' THEN 'failed'
                          WHEN refused_by <> '' THEN 'rejected'
                          WHEN attempt > 1 THEN 'retry'
                          ELSE purpose END AS class
              FROM runs_call) AS classed
        WHERE cost_class = ANY(%(classes)s) AND cost_class <> class
        """,
    ),
    Invariant(
        "classes_sum",
        "The costs of the classes sum to the month's: no call is outside of them.",
        """
        SELECT concat('team ', team_id, ', ', billed_month) AS id, found, expected
        FROM (SELECT team_id, billed_month, coalesce(sum(cost_nusd), 0) AS expected,
                     coalesce(sum(cost_nusd) FILTER (WHERE cost_class = ANY(%(classes)s)), 0) AS found
              FROM runs_call WHERE NOT simulated GROUP BY team_id, billed_month) AS sums
        WHERE found <> expected
        """,
    ),
    Invariant(
        "call_owner",
        "A call belongs to the team of its run and to a task of its run.",
        """
        SELECT call.id, concat('team ', call.team_id, ', run ', coalesce(task.run_id, run.id)) AS found,
               concat('team ', run.team_id, ', run ', run.id) AS expected
        FROM runs_call AS call JOIN runs_run AS run ON run.id = call.run_id
        LEFT JOIN runs_taskrun AS task ON task.id = call.task_run_id
        WHERE call.team_id <> run.team_id OR task.run_id <> run.id
        """,
    ),
    Invariant(
        "correction",
        "A correction keeps what was booked before, the reservation, or nothing where the price was unknown, and the "
        "figure that its call now has. Another month took the difference only if the call's own was closed.",
        """
        SELECT call.id, concat(correction.booked_nusd, ' to ', correction.cost_nusd, ' in ', correction.month) AS found,
               concat(worst, ' to ', call.cost_nusd, ' in ',
                      CASE WHEN bill.closed_at IS NULL THEN call.billed_month ELSE correction.month END) AS expected
        FROM runs_correction AS correction JOIN runs_call AS call ON call.id = correction.call_id
        LEFT JOIN runs_bill AS bill ON bill.team_id = call.team_id AND bill.month = call.billed_month
        CROSS JOIN LATERAL (VALUES (CASE WHEN correction.why = 'priced'
                                           OR call.kind = 'model' AND call.input_usd_per_mtok IS NULL
                                    THEN NULL ELSE call.reserved_nusd END)) AS lost (worst)
        WHERE correction.booked_nusd IS DISTINCT FROM worst OR correction.cost_nusd IS DISTINCT FROM call.cost_nusd
           OR call.state IN ('intent', 'unknown') OR correction.month < call.billed_month
           OR (correction.month <> call.billed_month AND bill.id IS NOT NULL AND bill.closed_at IS NULL)
        """,
    ),
)
