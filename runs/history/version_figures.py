"""What the runs of each version of a crew cost and took, real and simulated apart: figures for the page of versions."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from django.db import connection

from runs.sql import listed, rows_as, statement
from runs.states import RUN_ENDED, RunState
from teams.access import Principal

MAX_RUNS = 1_000
"""Of one version and kind: the figures are those of the newest ones, and say so."""

_FIGURES = statement(
    """
    SELECT version.number, kind.simulated,
        count(*) AS runs,
        count(*) FILTER (WHERE run.state = {succeeded}) AS succeeded,
        count(*) FILTER (WHERE run.state IN ({ended})) AS ended,
        count(*) FILTER (WHERE run.state IN ({ended}) AND run.unpriced_calls > 0) AS unpriced,
        round((percentile_cont(0.5) WITHIN GROUP (ORDER BY run.spent_nusd)
            FILTER (WHERE run.state IN ({ended}) AND run.unpriced_calls = 0))::numeric)::bigint AS median_nusd,
        round((percentile_cont(0.5) WITHIN GROUP (ORDER BY extract(epoch FROM run.finished_at - run.started_at)::float8)
            FILTER (WHERE run.state IN ({ended})) * 1000)::numeric)::bigint AS median_ms,
        sum(run.rating_sum)::bigint AS rating_sum,
        sum(run.rating_count)::bigint AS rating_count
    FROM agents_app_crewversion AS version
    JOIN agents_app_crew AS crew ON crew.id = version.crew_id
    CROSS JOIN (VALUES (false), (true)) AS kind (simulated)
    CROSS JOIN LATERAL (
        SELECT state, spent_nusd, unpriced_calls, started_at, finished_at, rating_sum, rating_count FROM runs_run
        WHERE version_id = version.id AND simulated = kind.simulated AND team_id = %(team)s
        ORDER BY id DESC LIMIT %(most)s
    ) AS run
    WHERE crew.team_id = %(team)s AND crew.slug = %(crew)s AND version.number = ANY(%(numbers)s)
    GROUP BY version.number, kind.simulated ORDER BY version.number DESC, kind.simulated
    """,
    succeeded=listed([f"'{RunState.SUCCEEDED}'"]),
    ended=listed(f"'{state}'" for state in RUN_ENDED),
)


@dataclass(frozen=True, slots=True)
class VersionFigures:
    """Of the newest ``MAX_RUNS`` runs of one version and kind.

    ``median_nusd`` is of the runs that ended and whose calls all have a price, ``unpriced`` how many ended that are not
    in it; ``median_ms`` is of the runs that ended after they began, from then on. None: there is no such run.
    """

    number: int
    simulated: bool
    runs: int
    succeeded: int
    ended: int
    unpriced: int
    median_nusd: int | None
    median_ms: int | None
    rating_sum: int = 0
    rating_count: int = 0

    @property
    def is_cut(self) -> bool:
        return self.runs >= MAX_RUNS

    @property
    def ok_percent(self) -> str:
        return ok_percent(self.succeeded, self.ended)


def ok_percent(succeeded: int, ended: int) -> str:
    """Of the runs that ended, to a tenth where it is neither 0 nor 100; "" while none did."""
    if not ended:
        return ""
    if succeeded in (0, ended):
        return "100" if succeeded else "0"
    return f"{min(99.9, max(0.1, 100 * succeeded / ended)):.1f}"


def version_figures(who: Principal, crew: str, numbers: Sequence[int]) -> dict[int, list[VersionFigures]]:
    """The figures of these versions by number, real ones first; a kind without runs is left out. One query."""
    values: dict[str, Any] = {"team": who.team.pk, "crew": crew, "numbers": list(numbers), "most": MAX_RUNS}
    with connection.cursor() as cursor:
        cursor.execute(_FIGURES, values)
        rows = rows_as(VersionFigures, cursor)
    figures: dict[int, list[VersionFigures]] = {number: [] for number in numbers}
    for row in rows:
        figures[row.number].append(row)
    return figures
