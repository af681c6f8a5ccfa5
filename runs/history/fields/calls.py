"""Fields of what a run called: model, agent and tool.

A run is looked at call by call. So that what few runs have is found too, each field says of itself where it can be at
all: rollups, versions and an index know it. Such a bound never leaves out a run that has the call.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from datetime import date, timedelta
from typing import Any
from uuid import UUID

from django.contrib.postgres.expressions import ArraySubquery
from django.db import connection
from django.db.models import BooleanField, F, OuterRef, Q
from django.db.models.expressions import RawSQL

from agents_app.models import CrewVersion
from runs.history.fields.asked import Asked
from runs.history.fields.conditions import NOBODY, any_of, is_one_of, there_is
from runs.history.fields.values import exactly, listed, one_of
from runs.history.fields.words import Quotable
from runs.models import Call
from runs.months import midnight
from runs.states import RUN_LIVE, CallState
from teams.models import Team

MOST_STRETCHES = 10
"""Of days on which a model was called; of more the first and the last day count."""
MOST_VERSIONS = 500
MOST_TOOLS = 1_000
FEW_CALLS = 500
NO_RUN = UUID(int=0)
DAY = timedelta(days=1)
OWN_AGENTS = frozenset("manager_planner")
"""The letters in the keys of agents that are in no version's spec. What is written with these alone may name one."""
_HAS_AGENT = """
    EXISTS (SELECT 1 FROM json_array_elements(agents_app_crewversion.spec->'agents') AS agent (own) WHERE {})
"""
_NAMED = "own->>'key' = %s OR upper(own->>'role') = upper(%s)"
_LIKE = "strpos(upper(own->>'key'), upper(%s)) > 0 OR strpos(upper(own->>'role'), upper(%s)) > 0"
# ``LIKE`` stands for the parts of a name that are enough.
_SUMMED = """
    SELECT array_agg(DISTINCT version_id), array_agg(DISTINCT day ORDER BY day), array_agg(DISTINCT simulated)
    FROM runs_taskcallsum WHERE team_id = %s AND (model = ANY(%s::text[])LIKE)
"""
# The newest and the oldest run of each version.
_RUNS_OF_VERSIONS = """
    SELECT (SELECT id FROM runs_run WHERE version_id = version.id ORDER BY id DESC LIMIT 1),
           (SELECT id FROM runs_run WHERE version_id = version.id ORDER BY id LIMIT 1)
    FROM unnest(%s::bigint[]) AS version (id)
"""
# Each step looks up the next name in the index of tools' calls, so that it is not the calls that are counted through.
_TOOLS = """
    WITH RECURSIVE called (tool) AS (
        (SELECT tool FROM runs_call WHERE team_id = %(team)s AND kind = 'tool' ORDER BY tool LIMIT 1)
        UNION ALL
        SELECT (SELECT call.tool FROM runs_call AS call
                WHERE call.team_id = %(team)s AND call.kind = 'tool' AND call.tool > called.tool
                ORDER BY call.tool LIMIT 1)
        FROM called WHERE called.tool IS NOT NULL
    )
    SELECT tool, tool = ANY(%(named)s::text[]) OR EXISTS (
        SELECT 1 FROM unnest(%(parts)s::text[]) AS part (name) WHERE strpos(upper(tool), upper(part.name)) > 0)
    FROM called WHERE tool IS NOT NULL LIMIT %(most)s
"""


def model(value: Quotable, asked: Asked) -> Q:
    """Runs with a call of the model."""
    called = _called(one_of(value, lambda name: Q(model=name), lambda part: Q(model__icontains=part)))
    return called if asked.who is None else called & _where_summed(value, asked.who.team)


def agent(value: Quotable, asked: Asked) -> Q:
    """Runs with a call by the agent, named by key or role."""
    in_role = {"agent": F("task_run__agent")}
    called = _called(
        one_of(
            value,
            lambda name: Q(agent=name) | Q(task_run__agent_role__iexact=name, **in_role),
            lambda part: Q(agent__icontains=part) | Q(task_run__agent_role__icontains=part, **in_role),
        )
    )
    names = [name for _, name in map(exactly, listed(value))]
    if asked.who is None or any(OWN_AGENTS.issuperset(name.lower()) for name in names):
        return called
    versions = CrewVersion.objects.filter(one_of(value, _has_agent(_NAMED), _has_agent(_LIKE)))
    return called & _of_versions(versions.filter(crew__team=asked.who.team).values_list("pk", flat=True))


def tool(value: Quotable, asked: Asked) -> Q:
    """Runs with a call of the tool. Models call tools by any name, so an index alone knows which there were."""
    called = _called(Q(kind="tool") & one_of(value, lambda name: Q(tool=name), lambda part: Q(tool__icontains=part)))
    return called if asked.who is None else called & _of_tools(value, asked.who.team)


# --- Where they can be ------------------------------------------------------------------------------------------------
def _where_summed(value: Quotable, team: Team) -> Q:
    """Runs of the versions and days on which rollups have such calls, and those that no rollup has yet. One query."""
    named, parts = _texts(value)
    like = " OR strpos(upper(model), upper(%s)) > 0" * len(parts)
    with connection.cursor() as cursor:
        cursor.execute(_SUMMED.replace("LIKE", like), [team.pk, named, *parts])
        versions, days, kinds = cursor.fetchone()
    summed = Q(version__in=versions or [NOBODY], simulated__in=kinds or [False])
    summed &= any_of([Q(created_at__gte=begin, created_at__lt=end) for begin, end in _stretches(days or [])] or [Q()])
    open_calls = Call.objects.filter(team=team, state=CallState.INTENT)
    return Q(state__in=RUN_LIVE) | is_one_of("pk", ArraySubquery(open_calls.order_by().values("run_id"))) | summed


def _texts(value: Quotable) -> tuple[list[str], list[str]]:
    """The values that are whole names, and those that are parts of one."""
    wanted = [exactly(part) for part in listed(value)]
    return [name for is_exact, name in wanted if is_exact], [name for is_exact, name in wanted if not is_exact]


def _stretches(days: Sequence[date]) -> list[tuple[Any, Any]]:
    """The days in order as stretches of time; as one, if they are too many."""
    found: list[tuple[date, date]] = []
    for day in days:
        begin = found.pop()[0] if found and found[-1][1] == day else day
        found.append((begin, day + DAY))
    if len(found) > MOST_STRETCHES:
        found = [(found[0][0], found[-1][1])]
    return [(midnight(begin), midnight(end)) for begin, end in found]


def _has_agent(condition: str) -> Callable[[str], Q]:
    sql = _HAS_AGENT.format(condition)
    return lambda name: Q(RawSQL(sql, [name, name], output_field=BooleanField()))  # noqa: S611 - fixed texts of our own


def _of_versions(versions: Iterable[int]) -> Q:
    """Runs of these versions, from the oldest to the newest: a list that is read in this order begins there. Of very
    many versions none is left out. One query."""
    found = list(versions)
    if len(found) > MOST_VERSIONS:
        return Q()
    with connection.cursor() as cursor:
        cursor.execute(_RUNS_OF_VERSIONS, [found])
        ends = [row for row in cursor.fetchall() if row[0] is not None]
    return Q(version__in=found or [NOBODY]) & _between([pk for row in ends for pk in row])


def _of_tools(value: Quotable, team: Team) -> Q:
    """The runs themselves, if they are few, else those from the first to the last of them. Two or three queries."""
    named, parts = _texts(value)
    with connection.cursor() as cursor:
        cursor.execute(_TOOLS, {"team": team.pk, "named": named, "parts": parts, "most": MOST_TOOLS + 1})
        names = cursor.fetchall()
    if len(names) > MOST_TOOLS:
        return Q()
    fitting = [name for name, fits in names if fits]
    calls = Call.objects.filter(team=team, kind="tool", tool__in=fitting).order_by()
    runs = list(calls.values_list("run_id", flat=True)[: FEW_CALLS + 1])
    if len(runs) <= FEW_CALLS:
        return Q(pk__in=set(runs) or {NO_RUN})
    return _between([pk for name in fitting for pk in _ends(calls.filter(tool=name))])


def _ends(calls: Any) -> list[UUID]:
    runs = calls.values_list("run_id", flat=True)
    return [*runs.order_by("-run_id")[:1], *runs.order_by("run_id")[:1]]


def _between(ids: Sequence[UUID]) -> Q:
    return Q(pk__gte=min(ids), pk__lte=max(ids)) if ids else Q()


def _called(condition: Q) -> Q:
    return there_is(Call.objects.filter(condition, run=OuterRef("pk")))
