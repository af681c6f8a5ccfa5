"""What few runs called is found where it can be, and where it can be leaves no run out."""

from __future__ import annotations

from datetime import date, timedelta

import pytest

from agents_app.actions import cut_version, save_agent
from agents_app.models import Crew
from engine.crew.manager import MANAGER_KEY
from engine.crew.planning import PLANNER_KEY
from engine.spec.crew_spec import AgentSpec
from runs.history.fields import calls as fields
from runs.history.fields.words import Quotable, words_of
from runs.history.filters import RunFilter
from runs.ledger import rollups
from runs.models import Call, Run
from runs.states import CallState, RunState
from teams.access import Principal
from teams.models import Team
from tests.cast import Cast
from tests.ledger import make_call, make_run, make_task
from tests.runs.demo.histories import made, onlooker

pytestmark = pytest.mark.django_db

TEXTS = (
    *("model:gpt", "model:=gpt-4o-mini", "model:curio", "model:curio,gpt-4o", "model:nothing", "model:=in-flight"),
    *("agent:curio", "agent:=curio", "agent:CURATOR", 'agent:="the curator"'),
    *("agent:manager", "agent:an", "agent:nobody"),
    *("tool:search", "tool:=web_search", "tool:curio", "tool:=CURIO", "tool:Curio,search", "tool:nothing", "tool:50%"),
)


def with_rarities(team: Team) -> Principal:
    """A history in which single runs called what no other did: one in its middle, one that goes on, one whose call is
    still in flight though it ended, and one by a manager that no spec names."""
    who = onlooker(team)
    runs = Run.objects.filter(team=team).order_by("pk")
    middle, other, ended, managed = runs[runs.count() // 2], runs[3], runs[30], runs[60]
    crew = middle.crew
    agent = AgentSpec(key="curio", role="The Curator")
    crew = save_agent(crew, expected_revision=crew.revision, key=None, spec=agent)
    Run.objects.filter(pk=middle.pk).update(version=cut_version(crew, by=who.user))
    middle.refresh_from_db()
    task = make_task(middle, "curious", agent="curio", agent_role="The Curator")
    make_call(middle, task=task, model="curio", agent="curio", step=900)
    make_call(middle, task=task, model="", kind="tool", tool="curio", agent="curio", step=901)
    make_call(other, model="", kind="tool", tool="50% curios", step=902)
    flight = {"state": CallState.INTENT, "finished_at": None, "cost_nusd": None}
    make_call(ended, model="in-flight", step=903, **flight)
    make_call(managed, agent=MANAGER_KEY, step=904)
    rollups.rebuild(team.pk)
    live = make_run(who, Crew.objects.filter(team=team).order_by("pk")[0], state=RunState.RUNNING, simulated=True)
    make_call(live, model="curio", agent="finance")
    return who


def found(text: str, who: Principal, asked_by: Principal | None) -> set[object]:
    runs = Run.objects.filter(team=who.team)
    return set(RunFilter.parse(text, asked_by).apply(runs).values_list("pk", flat=True))


def value_of(text: str) -> Quotable:
    [word], _ = words_of(text)
    return word.value


def test_bounds_leave_no_run_out(cast: Cast, monkeypatch: pytest.MonkeyPatch, subtests: pytest.Subtests) -> None:
    who = with_rarities(made(runs=200))
    due = {text: found(text, who, None) for text in TEXTS}  # nobody in particular: without bounds
    assert {len(due[text]) for text in ("model:curio", "agent:=curio", "tool:curio")} == {1, 2}
    assert len(due["model:gpt"]) > 50 < len(due["tool:search"])
    for wide in ({}, {"FEW_CALLS": 0, "MOST_STRETCHES": 0}, {"MOST_TOOLS": 0, "MOST_VERSIONS": 0}):
        for name, most in wide.items():
            monkeypatch.setattr(fields, name, most)
        for text in TEXTS:
            with subtests.test(text, **wide):
                assert found(text, who, who) == due[text]
                others = set(Run.objects.filter(team=who.team).values_list("pk", flat=True)) - due[text]
                assert found(f"-{text}", who, who) == others
        monkeypatch.undo()


def test_what_few_runs_called_is_looked_for_in_few_runs(cast: Cast) -> None:
    who = with_rarities(made(runs=200))
    runs = Run.objects.filter(team=who.team)
    middle = Call.objects.get(model="curio", run__state__in=("succeeded", "failed", "cancelled")).run
    day = middle.created_at.replace(hour=0, minute=0, second=0, microsecond=0)
    beside = runs.filter(created_at__gte=day, created_at__lt=day + timedelta(days=1), version=middle.version_id)
    bound = fields._where_summed(value_of("model:=curio"), who.team)
    in_flight = runs.filter(calls__state=CallState.INTENT)
    live = runs.filter(state=RunState.RUNNING)
    assert set(runs.filter(bound)) == {*beside, *in_flight, *live}
    assert set(runs.filter(fields._of_tools(value_of("tool:=curio"), who.team))) == {middle}
    assert set(runs.filter(fields._of_versions([middle.version_id]))) == set(runs.filter(version=middle.version_id))


def test_of_agents_that_no_version_names_there_is_no_bound() -> None:
    assert set(f"{MANAGER_KEY}_{PLANNER_KEY}") <= fields.OWN_AGENTS


def test_days_are_put_together_to_stretches(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(fields, "MOST_STRETCHES", 2)
    days = [date(2026, 1, day) for day in (1, 2, 5)]
    assert [(begin.day, end.day) for begin, end in fields._stretches(days)] == [(1, 3), (5, 6)]
    assert [(begin.day, end.day) for begin, end in fields._stretches([*days, days[-1] + timedelta(days=9)])] == [
        (1, 15)
    ]
    assert fields._stretches([]) == []
