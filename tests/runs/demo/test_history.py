"""A made-up history: its books are right, its story is in it, and the same seed gives it again."""

from __future__ import annotations

from collections import defaultdict
from dataclasses import dataclass
from datetime import datetime, timedelta
from random import Random
from typing import Any

import pytest
from django.db import connection
from django.db.models import Count, F, Max, Q
from django.utils import timezone
from hypothesis import given, settings
from hypothesis import strategies as st

from agents_app.library.queries import uses_of
from agents_app.models import CrewVersion, LibraryAgent
from engine.catalogue.price_list import DefaultPrices
from engine.catalogue.pricing import Usage, charge_of, worst_case_usd
from engine.spec.crew_spec import CrewSpec
from engine.spec.plan import make_plan
from engine.spec.validate import validate
from runs.demo import story
from runs.demo.actions import remove_history
from runs.demo.inventing import SECOND, MadeCall, MadeRun, invent
from runs.demo.making import last_hour
from runs.demo.recipe import Ids, rate_of, recipe
from runs.demo.rhythm import hours
from runs.demo.statements import ANALYZE
from runs.models import Bill, Call, Rating, Run, TaskRun
from runs.money import to_nusd
from runs.states import CallState, CostClass
from teams.models import Team
from tests.cast import Cast
from tests.made_once import made_once
from tests.runs.demo.histories import DAYS, RUNS, broken, made

pytestmark = pytest.mark.django_db


@dataclass(frozen=True)
class Histories:
    """``short`` is of ``RUNS`` and ``DAYS`` until ``until``; ``long`` of three thousand runs in three months."""

    until: datetime
    short: Team
    long: Team


def make_histories() -> Histories:
    until = last_hour()
    short, long = made("short", until=until), made("long", runs=3000, days=90)
    with connection.cursor() as cursor:
        cursor.execute(ANALYZE)  # else the planner takes the tables for empty
    return Histories(until, short, long)


histories = made_once(make_histories)


@pytest.fixture
def short(histories: Histories) -> Team:
    return histories.short


class TestBooks:
    def test_every_invariant_holds(self, cast: Cast, short: Team) -> None:
        made("bare", runs=400, days=90, texts=False, seed=7)
        assert broken() == []

    def test_there_are_as_many_runs_as_were_asked_for_and_all_are_simulated_and_ended(self, short: Team) -> None:
        team = short
        runs = Run.objects.filter(team=team)
        assert runs.count() == RUNS
        assert not runs.filter(Q(simulated=False) | Q(finished_at=None)).exists()
        assert not Call.objects.filter(team=team, simulated=False).exists()
        assert not Bill.objects.exists()

    def test_a_run_has_six_to_twelve_calls_as_a_rule(self, short: Team) -> None:
        counts = [run.n for run in Run.objects.filter(team=short, state="succeeded").annotate(n=Count("calls"))]
        assert 6 <= sum(counts) / len(counts) <= 12
        assert max(counts) < 20

    def test_it_lies_within_its_days_and_times_follow_each_other(self, histories: Histories) -> None:
        until, team = histories.until, histories.short
        runs = Run.objects.filter(team=team)
        assert not runs.filter(Q(created_at__lt=until - timedelta(days=DAYS)) | Q(created_at__gt=until)).exists()
        assert runs.aggregate(last=Max("finished_at"))["last"] < timezone.now()
        assert not runs.filter(Q(started_at__lt=F("created_at")) | Q(finished_at__lt=F("started_at"))).exists()
        tasks = TaskRun.objects.filter(run__team=team)
        outside = Q(started_at__lt=F("run__started_at")) | Q(finished_at__gt=F("run__finished_at"))
        assert not tasks.filter(outside | Q(finished_at__lt=F("started_at"))).exists()
        calls = Call.objects.filter(team=team).exclude(state=CallState.LATE)
        outside = Q(started_at__lt=F("task_run__started_at")) | Q(finished_at__gt=F("task_run__finished_at"))
        assert not calls.filter(outside | Q(finished_at__lt=F("started_at"))).exists()

    def test_replies_say_how_long_they_took_and_nothing_else_does(self, short: Team) -> None:
        calls = Call.objects.filter(team=short)
        replied = calls.filter(kind="model", prompt_tokens__gt=0)
        assert replied.exists()
        assert not replied.exclude(took_ms=F("latency_ms"), took_ms__gt=0).exists()
        assert not calls.exclude(pk__in=replied).exclude(took_ms=0).exists()

    def test_ids_are_in_the_order_of_time(self, short: Team) -> None:
        team = short
        for rows, moment in ((Run.objects, "created_at"), (Call.objects, "started_at")):
            moments = list(rows.filter(team=team).order_by("id").values_list(moment, flat=True))
            assert moments == sorted(moments)

    def test_tasks_follow_the_plan_of_their_version_and_run_at_once_where_it_says_so(self, short: Team) -> None:
        at_once = 0
        runs = Run.objects.filter(team=short, state="succeeded")
        for run in runs.select_related("version").prefetch_related("tasks"):
            tasks = {task.key: task for task in run.tasks.all()}
            for key, before in make_plan(CrewSpec.from_json(run.version.spec)).waits_for.items():
                assert all(tasks[other].finished_at <= tasks[key].started_at for other in before)
            at_once += any(
                one.started_at < other.started_at < one.finished_at
                for one in tasks.values()
                for other in tasks.values()
            )
        assert at_once > RUNS / 10

    def test_a_run_has_the_newest_version_of_its_time(self, histories: Histories) -> None:
        began: dict[int, list[datetime]] = defaultdict(list)
        for version in CrewVersion.objects.filter(crew__team=histories.long).order_by("number"):
            began[version.crew_id].append(version.created_at)
        runs = Run.objects.filter(team=histories.long).select_related("version")
        assert {run.version.number for run in runs} > {1}
        for run in runs:
            assert run.version.created_at <= run.created_at
            assert not [later for later in began[run.crew_id][run.version.number :] if later <= run.created_at]


class TestKinds:
    @pytest.fixture
    def team(self, histories: Histories) -> Team:
        return histories.long

    def test_there_is_something_of_everything(self, team: Team) -> None:
        calls, runs = Call.objects.filter(team=team), Run.objects.filter(team=team)
        assert set(runs.values_list("state", flat=True)) == {"succeeded", "failed", "cancelled"}
        unused = {CostClass.PLANNING, CostClass.MANAGER}
        assert {*calls.values_list("cost_class", flat=True)} == {*CostClass.values} - unused
        assert {*calls.values_list("state", flat=True)} == {"ok", "error", "late"}
        assert runs.filter(takeovers=1).exists()
        assert calls.filter(waited_ms__gt=0).exists()
        assert calls.filter(cost_nusd=None).exists()
        assert calls.filter(saved_nusd__gt=0).exists()
        assert calls.filter(cached_prompt_tokens__gt=0, reasoning_tokens=0).exists()
        assert calls.filter(reasoning_tokens__gt=0, usage_estimated=False).exists()
        assert calls.filter(usage_estimated=True).exists()
        assert calls.filter(kind="tool", state="ok").exists()
        assert runs.filter(api_token__isnull=False, metadata__contains={"schedule": "nightly"}).exists()
        assert {*runs.values_list("error_code", flat=True)} == {"", "provider_down", "model_mistake", "cancelled"}

    def test_an_agent_of_the_library_is_used_and_offered_anew(self, team: Team) -> None:
        kept = LibraryAgent.objects.get(team=team)
        uses = uses_of(kept)
        assert (kept.number, uses.all, uses.behind) == (2, 2, 2)
        assert [bool(use.linked.overrides) for use in uses.shown] == [False, True]
        assert kept.created_at < kept.changed_at < timezone.now()

    def test_people_rated_some_runs_that_succeeded(self, team: Team) -> None:
        ratings = Rating.objects.filter(run__team=team).select_related("run")
        assert {rating.stars for rating in ratings} >= {3, 4, 5}
        for rating in ratings:
            assert (rating.run.state, rating.person_id) == ("succeeded", rating.run.created_by_id)
        assert not ratings.filter(run__api_token__isnull=False).exists()


class TestStory:
    def _runs(self, name: str, number: int) -> list[MadeRun]:
        """Four hundred runs of a version, as they are invented."""
        crew = next(crew for crew in story.crews() if crew.name == name)
        spec = story.spec_of(crew)
        for version in crew.versions[:number]:
            spec = version.change(spec)
        made_of = recipe(crew, version, spec, Ids(crew=1, version=1, people=(1,), token=None))
        return [invent(made_of, 1_700_000_000 * SECOND, Random(seed)) for seed in range(400)]

    def _calls(self, runs: list[MadeRun], **which: str) -> list[MadeCall]:
        calls = [call for run in runs if run.state == "succeeded" for task in run.tasks for call in task.calls]
        return [call for call in calls if all(getattr(call.part, name) == value for name, value in which.items())]

    def _mean(self, runs: list[MadeRun], **which: str) -> float:
        done = sum(run.state == "succeeded" for run in runs)
        return sum(call.cost or 0 for call in self._calls(runs, **which)) / done

    def _failed(self, runs: list[MadeRun]) -> float:
        return sum(run.state == "failed" for run in runs) / len(runs)

    def test_the_support_crew_asks_its_summary_twice_and_grows_by_forty_percent(self) -> None:
        before, after = (self._runs("Support replies", number) for number in (2, 3))
        assert 1.35 < self._mean(after) / self._mean(before) < 1.45
        asked = [len(self._calls(runs, key="summary")) / len(runs) for runs in (before, after)]
        assert asked[0] < 1.1 < 1.8 < asked[1]

    def test_articles_became_cheaper_by_the_editor_alone(self) -> None:
        before, after = (self._runs("Articles for the shop", number) for number in (1, 2))
        assert self._mean(after) < 0.8 * self._mean(before)
        assert {call.part.model for call in self._calls(after, agent="editor")} == {"gpt-4o-mini"}
        for agent in ("researcher", "writer", "seo"):
            assert self._mean(after, agent=agent) == pytest.approx(self._mean(before, agent=agent), rel=0.1)

    def test_profiles_fail_more_since_their_second_version(self) -> None:
        before, after = (self._failed(self._runs("Product profiles", number)) for number in (1, 2))
        assert before < 0.05 < 0.1 < after < 0.25

    def test_people_work_in_the_day_and_the_scheduler_at_night(self) -> None:
        crews = story.crews()
        plan = hours(crews, runs=9000, days=90, until=last_hour(), seed=1)
        nightly = {hour.begins.hour for hour in plan if any(crews[place].nightly for place in hour.crews)}
        assert nightly == {2}
        people = [hour.begins for hour in plan if hour.begins.hour != 2 for _ in range(hour.stop - hour.first)]
        assert sum(7 <= moment.hour < 18 for moment in people) > 0.8 * len(people)
        assert 0.02 < sum(moment.weekday() >= 5 for moment in people) / len(people) < 0.2


class TestSameSeed:
    COLUMNS = ("id", "run_id", "step", "model", "messages", "reply", "prompt_tokens", "cost_nusd", "started_at")

    def _rows(self, team: Team) -> list[tuple[Any, ...]]:
        return list(Call.objects.filter(team=team).order_by("id").values_list(*self.COLUMNS))

    def test_the_same_seed_gives_the_same_rows_again_ids_included(self, histories: Histories) -> None:
        rows = self._rows(histories.short)
        remove_history(histories.short)
        assert self._rows(made("short", until=histories.until)) == rows

    def test_another_seed_gives_others(self, short: Team) -> None:
        assert self._figures(short) != self._figures(made("two", seed=2))

    def test_two_teams_of_one_seed_have_the_same_figures_and_no_id_in_common(self, histories: Histories) -> None:
        one, two = histories.short, made("two", until=histories.until)
        assert self._figures(one) == self._figures(two)
        ids = [set(Call.objects.filter(team=team).values_list("id", flat=True)) for team in (one, two)]
        assert ids[0].isdisjoint(ids[1])

    def _figures(self, team: Team) -> list[tuple[Any, ...]]:
        calls = Call.objects.filter(team=team).order_by("started_at", "task_run__key", "step", "attempt")
        return list(calls.values_list("prompt_tokens", "completion_tokens", "cost_nusd", "started_at"))

    def test_without_texts_the_figures_stay(self, histories: Histories) -> None:
        with_texts, bare = histories.short, made("two", texts=False, until=histories.until)
        assert self._figures(with_texts) == self._figures(bare)
        calls = Call.objects.filter(team=bare).values_list("messages", "reply", "arguments", "tool_output")
        assert [said for said in calls if said != ([], None, "", "")] == []
        tasks = TaskRun.objects.filter(run__team=bare).values_list("output_raw", "output_json")
        assert [said for said in tasks if said != ("", None)] == []


class TestPieces:
    @pytest.mark.parametrize("crew", story.crews(), ids=lambda crew: crew.name)
    def test_every_version_of_the_story_is_a_valid_crew_of_its_own(self, crew: story.StoryCrew) -> None:
        spec, last_hash = story.spec_of(crew), ""
        for version in crew.versions:
            spec = version.change(spec)
            assert not [complaint for complaint in validate(spec) if complaint.level == "error"]
            assert set(crew.answers) == {task.key for task in spec.tasks}
            assert spec.content_hash != last_hash
            last_hash = spec.content_hash

    @settings(max_examples=25)
    @given(
        runs=st.integers(1, 5000),
        days=st.integers(1, 120),
        seed=st.integers(0, 2**31),
        hour=st.integers(0, 24 * 400),
    )
    def test_the_hours_hold_each_number_once(self, runs: int, days: int, seed: int, hour: int) -> None:
        until = last_hour().replace(hour=0) + timedelta(hours=hour)
        plan = hours(story.crews(), runs=runs, days=days, until=until, seed=seed)
        assert [number for one in plan for number in (one.first, one.stop)][::2] == [
            0,
            *(one.stop for one in plan[:-1]),
        ]
        assert plan[-1].stop == runs
        assert all(until - timedelta(days=days) <= one.begins < until and one.crews for one in plan)

    @settings(deadline=None)
    @given(
        model=st.sampled_from(("gpt-4", "gpt-4o", "gpt-4o-mini", "o4-mini")),
        prompt=st.integers(0, 300_000),
        cached=st.integers(0, 300_000),
        completion=st.integers(0, 100_000),
    )
    def test_costs_are_those_of_the_price_list(self, model: str, prompt: int, cached: int, completion: int) -> None:
        price = DefaultPrices().price(model)
        rate = rate_of(price)
        assert price is not None
        assert rate is not None
        cached = min(cached, prompt)
        charge = charge_of(Usage(prompt, cached, 0, completion), price)
        assert rate.cost_nusd(prompt, cached, completion) == to_nusd(charge.cost_usd)
        assert charge.parts is not None
        parts = charge.parts.prompt, charge.parts.cached, charge.parts.completion
        assert rate.parts_nusd(prompt, cached, completion) == parts
        assert rate.worst_nusd(prompt, completion) == to_nusd(worst_case_usd(prompt, completion, price))
