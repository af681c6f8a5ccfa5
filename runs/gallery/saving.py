"""Whether a newer version of a copy's original costs less than the copy: on the same inputs, if both ran any."""

from __future__ import annotations

from dataclasses import dataclass

from django.db import connection
from psycopg.sql import SQL

from agents_app.gallery.origin import Origin
from runs.gallery.figures import MAX_RUNS
from runs.sql import statement
from runs.states import RunState
from teams.access import Principal
from teams.refusals import Invalid
from teams.work_bounds import query_time

SECONDS = 2.0

# Runs of one kind that succeeded and whose cost is known: of the newer version's content in the whole team, and of the
# copy alone. Inputs that were removed because of their age are nobody's. Kinds are written out as in ``figures``.
_OF_KIND = SQL("""
    SELECT about.side, {simulated} AS simulated, run.inputs, run.ended_nusd, run.ended_ms
    FROM about
    CROSS JOIN LATERAL (
        SELECT each.* FROM agents_app_crewversion AS version
        JOIN agents_app_crew AS crew ON crew.id = version.crew_id AND crew.team_id = %(team)s
        CROSS JOIN LATERAL (
            SELECT id, ended_nusd, ended_ms,
                CASE WHEN texts_removed_at IS NULL THEN md5(inputs::jsonb::text) END AS inputs
            FROM runs_run
            WHERE version_id = version.id AND simulated = {simulated} AND team_id = %(team)s
                AND state = {succeeded} AND ended_ms >= 0 AND unpriced_calls = 0
            ORDER BY id DESC LIMIT %(most)s
        ) AS each
        WHERE version.content_hash = about.content AND (about.crew IS NULL OR crew.id = about.crew)
        ORDER BY each.id DESC LIMIT %(most)s
    ) AS run
""")
_SUCCEEDED = SQL(f"'{RunState.SUCCEEDED.value}'")
_MEDIANS = statement(
    """
    WITH about AS (
        SELECT 'theirs' AS side, %(theirs)s::text AS content, NULL::bigint AS crew
        UNION ALL SELECT 'mine', %(mine)s::text, %(crew)s::bigint
    ), runs AS (
        {real} UNION ALL {simulated}
    ), by_inputs AS (
        SELECT side, simulated, inputs, count(*) AS runs,
            percentile_disc(0.5) WITHIN GROUP (ORDER BY ended_nusd) AS nusd,
            percentile_disc(0.5) WITHIN GROUP (ORDER BY ended_ms) AS ms
        FROM runs GROUP BY side, simulated, inputs
    ), same AS (
        SELECT simulated, count(*) AS inputs, sum(mine.runs) AS mine_runs, sum(theirs.runs) AS theirs_runs,
            sum(mine.nusd) AS mine_nusd, sum(theirs.nusd) AS theirs_nusd,
            sum(mine.ms) AS mine_ms, sum(theirs.ms) AS theirs_ms
        FROM (SELECT * FROM by_inputs WHERE side = 'mine') AS mine
        JOIN (SELECT * FROM by_inputs WHERE side = 'theirs') AS theirs USING (simulated, inputs)
        GROUP BY simulated
    ), whole AS (
        SELECT simulated, 0 AS inputs,
            count(*) FILTER (WHERE side = 'mine') AS mine_runs, count(*) FILTER (WHERE side = 'theirs') AS theirs_runs,
            percentile_disc(0.5) WITHIN GROUP (ORDER BY ended_nusd) FILTER (WHERE side = 'mine') AS mine_nusd,
            percentile_disc(0.5) WITHIN GROUP (ORDER BY ended_nusd) FILTER (WHERE side = 'theirs') AS theirs_nusd,
            percentile_disc(0.5) WITHIN GROUP (ORDER BY ended_ms) FILTER (WHERE side = 'mine') AS mine_ms,
            percentile_disc(0.5) WITHIN GROUP (ORDER BY ended_ms) FILTER (WHERE side = 'theirs') AS theirs_ms
        FROM runs GROUP BY simulated
    )
    SELECT simulated, inputs, mine_runs, theirs_runs, mine_nusd, theirs_nusd, mine_ms, theirs_ms
    FROM (SELECT * FROM same UNION ALL SELECT * FROM whole) AS found
    WHERE mine_runs > 0 AND theirs_runs > 0
    ORDER BY simulated, inputs = 0 LIMIT 1
    """,
    real=_OF_KIND.format(simulated=SQL("false"), succeeded=_SUCCEEDED),
    simulated=_OF_KIND.format(simulated=SQL("true"), succeeded=_SUCCEEDED),
)


@dataclass(frozen=True, slots=True)
class Saving:
    """What the newer version costs and takes against the copy, real runs first.

    ``inputs``: how many inputs both were run with; the amounts are the sums of their medians. 0: there are none, and
    the amounts are the medians of all runs, whose inputs may differ much.
    """

    simulated: bool
    inputs: int
    mine_runs: int
    theirs_runs: int
    mine_nusd: int
    theirs_nusd: int
    mine_ms: int
    theirs_ms: int

    @property
    def cost_percent(self) -> int | None:
        """By how much less it costs, below 0 for more; None where the copy costs nothing."""
        return _less(self.mine_nusd, self.theirs_nusd)

    @property
    def time_percent(self) -> int | None:
        return _less(self.mine_ms, self.theirs_ms)

    @property
    def cost_words(self) -> str:
        """ "31 % cheaper", "8 % dearer", "about as cheap"."""
        if self.cost_percent is None:
            return "dearer: the copy costs nothing" if self.theirs_nusd else "costs nothing either way"
        return _words(self.cost_percent, "cheaper", "dearer", "about as cheap")

    @property
    def time_words(self) -> str:
        return _words(self.time_percent, "faster", "slower", "about as fast")


def saving_of(who: Principal, origin: Origin) -> Saving | None:
    """None while either side has no run to go by, and where reading them takes too long.

    The copy's runs are those of its draft, if a version holds it, else of its latest version.
    """
    latest = origin.crew.versions.order_by("-number").values_list("content_hash", flat=True).first()
    draft = origin.draft.content_hash
    mine = draft if origin.crew.versions.filter(content_hash=draft).exists() else latest
    values = {"team": who.team.pk, "crew": origin.crew.pk, "mine": mine, "theirs": origin.newer.content_hash}
    try:
        with query_time(SECONDS, "It took too long.", field="crew"), connection.cursor() as cursor:
            cursor.execute(_MEDIANS, values | {"most": MAX_RUNS})
            row = cursor.fetchone()
    except Invalid:
        return None
    return None if row is None else Saving(row[0], *map(int, row[1:]))


def _less(mine: int, theirs: int) -> int | None:
    return round(100 * (mine - theirs) / mine) if mine else None


def _words(percent: int | None, less: str, more: str, same: str) -> str:
    if percent is None:
        return ""
    if not percent:
        return same
    return f"{abs(percent)} % {less if percent > 0 else more}"
