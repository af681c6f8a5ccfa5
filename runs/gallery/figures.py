"""What runs of templates cost and took in a team, real and simulated apart.

A template's runs are those of every version of the team that holds the same crew to the letter: the shared one, and the
versions of copies until they are changed. So a figure never mixes two crews, and says what somebody gets who copies the
template and runs it as it is.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from typing import Any

from django.db import connection
from psycopg.sql import SQL

from runs.history.version_figures import ok_percent
from runs.sql import listed, rows_as, statement
from runs.states import RUN_ENDED, RunState
from teams.access import Principal

MAX_RUNS = 300
"""Of one crew and kind, the newest ones. A list may ask for 200 crews, and each run of them is a page of the disk."""


@dataclass(frozen=True, slots=True)
class KindFigures:
    """Of the newest ``MAX_RUNS`` runs of one kind.

    Cost: of the ``priced`` runs that ended after a worker began them and whose calls all have a price. Milliseconds: of
    all that ended after a worker began them, from then on. Each is that of a run, the smallest that covers the share of
    all. None: there is no such run.
    """

    about: Any  # a content hash, or a crew's id
    simulated: bool
    runs: int
    succeeded: int
    ended: int
    priced: int
    median_nusd: int | None
    p95_nusd: int | None
    median_ms: int | None
    p95_ms: int | None
    rating_sum: int
    rating_count: int

    @property
    def is_cut(self) -> bool:
        return self.runs >= MAX_RUNS

    @property
    def ok_percent(self) -> str:
        return ok_percent(self.succeeded, self.ended)


@dataclass(frozen=True, slots=True)
class RunFigures:
    """Both kinds, which are never added up; None for one without runs."""

    real: KindFigures | None = None
    simulated: KindFigures | None = None

    @property
    def kinds(self) -> Sequence[KindFigures]:
        return [kind for kind in (self.real, self.simulated) if kind is not None]


NO_RUNS = RunFigures()

_COLUMNS = SQL("id, state, ended_nusd, ended_ms, unpriced_calls, rating_sum, rating_count")
_BEGUN = SQL("run.ended_ms >= 0")
_PRICED = SQL("run.ended_ms >= 0 AND run.unpriced_calls = 0")
_SUMS = SQL("""
    count(*) AS runs,
    count(*) FILTER (WHERE run.state = {succeeded}) AS succeeded,
    count(*) FILTER (WHERE run.state IN ({ended})) AS ended,
    count(*) FILTER (WHERE {priced}) AS priced,
    percentile_disc(0.5) WITHIN GROUP (ORDER BY run.ended_nusd) FILTER (WHERE {priced}) AS median_nusd,
    percentile_disc(0.95) WITHIN GROUP (ORDER BY run.ended_nusd) FILTER (WHERE {priced}) AS p95_nusd,
    percentile_disc(0.5) WITHIN GROUP (ORDER BY run.ended_ms) FILTER (WHERE {begun}) AS median_ms,
    percentile_disc(0.95) WITHIN GROUP (ORDER BY run.ended_ms) FILTER (WHERE {begun}) AS p95_ms,
    sum(run.rating_sum)::bigint AS rating_sum,
    sum(run.rating_count)::bigint AS rating_count
""").format(
    succeeded=listed([f"'{RunState.SUCCEEDED}'"]),
    ended=listed(f"'{state}'" for state in RUN_ENDED),
    begun=_BEGUN,
    priced=_PRICED,
)

# The newest runs of each version with that content, then the newest of all of them.
NEWEST_OF_CONTENT = SQL("""
    SELECT each.* FROM agents_app_crewversion AS version
    JOIN agents_app_crew AS crew ON crew.id = version.crew_id AND crew.team_id = %(team)s
    CROSS JOIN LATERAL (
        SELECT {columns} FROM runs_run
        WHERE version_id = version.id AND simulated = kind.simulated AND team_id = %(team)s
        ORDER BY id DESC LIMIT %(most)s
    ) AS each
    WHERE version.content_hash = about.about
    ORDER BY each.id DESC LIMIT %(most)s
""").format(columns=_COLUMNS)
_NEWEST_OF_CREW = SQL("""
    SELECT {columns} FROM runs_run
    WHERE crew_id = about.about AND simulated = kind.simulated AND team_id = %(team)s ORDER BY id DESC LIMIT %(most)s
""").format(columns=_COLUMNS)

_FIGURES = """
    SELECT about.about, kind.simulated, {sums}
    FROM unnest(%(about)s::{type}[]) AS about (about)
    CROSS JOIN (VALUES (false), (true)) AS kind (simulated)
    CROSS JOIN LATERAL ({newest}) AS run
    GROUP BY about.about, kind.simulated
"""
_MEDIANS = statement(
    _FIGURES,
    sums=SQL("percentile_disc(0.5) WITHIN GROUP (ORDER BY run.ended_nusd) FILTER (WHERE {priced})").format(
        priced=_PRICED
    ),
    type=SQL("text"),
    newest=NEWEST_OF_CONTENT,
)
_OF_CONTENTS = statement(_FIGURES, sums=_SUMS, type=SQL("text"), newest=NEWEST_OF_CONTENT)
_OF_CREWS = statement(_FIGURES, sums=_SUMS, type=SQL("bigint"), newest=_NEWEST_OF_CREW)


def figures_of_contents(who: Principal, contents: Iterable[str]) -> dict[str, RunFigures]:
    """By content hash; one without runs is left out. One query."""
    return _read(who, _OF_CONTENTS, list(dict.fromkeys(contents)))


def median_costs(who: Principal, contents: Iterable[str]) -> dict[str, int]:
    """By which templates are sorted and narrowed, in nano-dollars by content hash: of real runs once there is one whose
    cost is known, else of simulated ones. One without either is left out. One query."""
    with connection.cursor() as cursor:
        cursor.execute(_MEDIANS, {"team": who.team.pk, "about": list(dict.fromkeys(contents)), "most": MAX_RUNS})
        rows = cursor.fetchall()
    known = [(content, simulated, nusd) for content, simulated, nusd in rows if nusd is not None]
    return {content: nusd for content, _, nusd in sorted(known, key=lambda row: not row[1])}


def figures_of_crews(who: Principal, crews: Iterable[int]) -> dict[int, RunFigures]:
    """Of all runs of each crew, whichever version, by the crew's id. One query."""
    return _read(who, _OF_CREWS, list(dict.fromkeys(crews)))


def _read(who: Principal, query: str, about: list[Any]) -> dict[Any, RunFigures]:
    if not about:
        return {}
    with connection.cursor() as cursor:
        cursor.execute(query, {"team": who.team.pk, "about": about, "most": MAX_RUNS})
        rows = rows_as(KindFigures, cursor)
    found: dict[Any, dict[str, KindFigures]] = {}
    for row in rows:
        found.setdefault(row.about, {})["simulated" if row.simulated else "real"] = row
    return {key: RunFigures(**kinds) for key, kinds in found.items()}
