"""Figures of a period are what its runs and calls sum to, ended or not, however they are grouped."""

from __future__ import annotations

import math
import random
from collections import defaultdict
from collections.abc import Callable
from dataclasses import dataclass, fields
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from django.utils import timezone
from hypothesis import HealthCheck, example, given, settings
from hypothesis import strategies as st

from agents_app.actions import cut_version
from agents_app.models import Crew
from runs.figures import percentiles as percentiles_module
from runs.figures.percentiles import Percentiles, percentiles, percentiles_of
from runs.figures.scope import Period, Scope, hour_of, last_hours
from runs.figures.sums import Figures, call_sums, compared_call_sums, compared_run_sums, run_sums, total
from runs.ledger import rollups
from runs.models import Call, Run
from runs.states import CallState, CostClass, Measure, RunState, waste_of
from tests.cast import Cast, make_cast, make_crew
from tests.ledger import make_call, make_run, unsaved_call, unsaved_run
from tests.made_once import made_once

pytestmark = pytest.mark.django_db

NOW = datetime(2026, 11, 20, 10, 30, tzinfo=UTC)
MODELS = ("gpt-4o", "gpt-4o-mini", "")


@dataclass
class History:
    cast: Cast
    crews: list[Crew]


def make_history() -> History:
    """900 runs of 24 days in all states, a third of them simulated, with up to four calls each, of two crews."""
    cast = make_cast()
    crews = [make_crew(cast.editor) for _ in range(2)]
    versions = [cut_version(crew, by=cast.editor.user) for crew in crews]
    chance = random.Random(11)
    runs, calls = [], []
    for _ in range(900):
        run = unsaved_run(
            cast.runner,
            chance.choice(versions),
            state=chance.choice(RunState.values),
            seconds=chance.expovariate(0.05),
            simulated=chance.random() < 0.3,
            created_at=NOW - timedelta(minutes=chance.randrange(24 * 24 * 60)),
        )
        made = [_random_call(run, step, chance) for step in range(chance.randrange(5))]
        add_up(run, made)
        runs.append(run)
        calls += made
    Run.objects.bulk_create(runs)
    Call.objects.bulk_create(calls)
    rollups.rebuild(cast.team.pk)
    return History(cast, crews)


def _random_call(run: Run, step: int, chance: random.Random) -> Call:
    return unsaved_call(
        run,
        step=step,
        model=chance.choice(MODELS),
        cost_class=chance.choice(CostClass.values),
        cost_nusd=chance.choice((None, 0, chance.randrange(10**9))),
        prompt_tokens=chance.randrange(5000),
        usage_estimated=chance.random() < 0.2,
    )


history = made_once(make_history)


@pytest.fixture
def cast(history: History) -> Cast:
    return history.cast


@pytest.fixture
def crews(history: History) -> list[Crew]:
    return history.crews


def sum_up(run: Run) -> None:
    add_up(run, list(run.calls.all()))
    run.save()
    run.refresh_from_db()


def add_up(run: Run, calls: list[Call]) -> None:
    run.spent_nusd = sum(call.cost_nusd or 0 for call in calls)
    run.prompt_tokens = sum(call.prompt_tokens for call in calls)
    run.completion_tokens = sum(call.completion_tokens for call in calls)
    run.unpriced_calls = sum(call.cost_nusd is None for call in calls)
    run.estimated_calls = sum(call.usage_estimated for call in calls)
    run.successful_requests = sum(call.kind == "model" and not call.cache_hit for call in calls)


def scope_of(cast: Cast, period: Period, **fields: Any) -> Scope:
    return Scope(cast.viewer, simulated=False, period=period, **fields)


def within(scope: Scope) -> list[Run]:
    period = scope.period
    runs = Run.objects.filter(team=scope.who.team, simulated=scope.simulated)
    runs = (
        runs.filter(created_at__gte=period.since, created_at__lt=period.until)
        .select_related("crew", "version")
        .prefetch_related("calls")
    )
    return list(runs)


KEYS: dict[str, Callable[[Run], Any]] = {
    "crew": lambda run: run.crew_id,
    "version": lambda run: run.version_id,
    "state": lambda run: run.state,
    "hour": lambda run: hour_of(run.created_at),
    "day": lambda run: run.created_at.replace(hour=0, minute=0, second=0, microsecond=0),
}


@pytest.mark.parametrize("by", [(), ("crew",), ("version", "state"), ("hour",), ("day", "crew")], ids=str)
@pytest.mark.parametrize("hours", [24, 7 * 24])
def test_sums_over_runs_are_those_of_the_runs(cast: Cast, by: Any, hours: int) -> None:
    scope = scope_of(cast, last_hours(hours, NOW))
    due: dict[Any, list[int]] = defaultdict(lambda: [0, 0, 0, 0, 0])
    for run in within(scope):
        figures = (1, run.spent_nusd, run.prompt_tokens, run.unpriced_calls, run.duration_ms or 0)
        key = tuple(KEYS[name](run) for name in by)
        due[key] = [kept + more for kept, more in zip(due[key], figures, strict=True)]
    found = {
        key: [one.runs, one.spent_nusd, one.prompt_tokens, one.unpriced_calls, one.took_ms]
        for key, one in run_sums(scope, by=by).items()
    }
    assert len(due) > 0
    assert found == due


@pytest.mark.parametrize("by", [(), ("model",), ("cost_class", "state"), ("crew", "model"), ("day", "model")], ids=str)
def test_sums_over_calls_are_those_of_the_calls(cast: Cast, by: Any) -> None:
    scope = scope_of(cast, last_hours(5 * 24, NOW))
    due: dict[Any, list[int]] = defaultdict(lambda: [0, 0, 0])
    for run in within(scope):
        for call in run.calls.all():
            key = tuple(getattr(call, name) if name in ("model", "cost_class") else KEYS[name](run) for name in by)
            figures = (1, call.cost_nusd or 0, call.prompt_tokens)
            due[key] = [kept + more for kept, more in zip(due[key], figures, strict=True)]
    found = {key: [one.calls, one.spent_nusd, one.prompt_tokens] for key, one in call_sums(scope, by=by).items()}
    assert len(due) > 0
    assert found == due


def test_two_periods_at_once_are_those_of_each(cast: Cast, crews: list[Crew], monkeypatch: pytest.MonkeyPatch) -> None:
    for hours, series, crew in ((24, "hour", None), (4 * 24, "day", crews[1]), (5 * 24, "week", None)):
        scope = scope_of(cast, last_hours(hours, NOW), crew=crew)
        runs = compared_run_sums(scope, by=("crew", "state"), only=("runs", "spent_nusd"), series=(series, "version"))
        for found, of in ((runs.now, scope), (runs.before, scope.before)):
            assert found == run_sums(of, by=("crew", "state"), only=("runs", "spent_nusd")) != {}
        assert runs.series == run_sums(scope, by=(series, "version"), only=("runs", "spent_nusd")) != {}
        calls = compared_call_sums(scope, by=("model", "cost_class", "state"))
        for found, of in ((calls.now, scope), (calls.before, scope.before)):
            assert found == call_sums(of, by=("model", "cost_class", "state")) != {}
        for most in (1000, 30, -1):  # exact, mixed and from buckets
            monkeypatch.setattr(percentiles_module, "MOST_EXACT", most)
            counted = [(scope, 31), (scope.before, 30)]
            assert percentiles_of(counted) == [percentiles(one, runs=count) for one, count in counted]


def test_runs_and_their_calls_sum_to_the_same(cast: Cast, crews: list[Crew]) -> None:
    scope = scope_of(cast, last_hours(10 * 24, NOW), crew=crews[0])
    of_runs, of_calls = total(run_sums(scope).values()), total(call_sums(scope, by=["model"]).values())
    assert of_runs.spent_nusd > 0
    assert (of_runs.spent_nusd, of_runs.total_tokens, of_runs.unpriced_calls, of_runs.successful_requests) == (
        of_calls.spent_nusd,
        of_calls.total_tokens,
        of_calls.unpriced_calls,
        of_calls.successful_requests,
    )


def test_a_late_figure_moves_what_was_counted(cast: Cast, crews: list[Crew]) -> None:
    run = make_run(cast.runner, crews[0])
    call = make_call(run, cost_nusd=500)
    sum_up(run)
    rollups.rebuild(cast.team.pk)
    rollups.take_out(run.pk)
    Call.objects.filter(pk=call.pk).update(cost_nusd=200, cost_class=CostClass.DUPLICATE, state=CallState.LATE)
    sum_up(run)
    rollups.add(run.pk)
    scope = scope_of(cast, last_hours(2, timezone.now()))
    assert total(run_sums(scope).values()).spent_nusd == 200
    assert {key: one.spent_nusd for key, one in call_sums(scope, by=["cost_class"]).items()} == {("duplicate",): 200}
    assert percentiles(scope, runs=1)[Measure.COST] == Percentiles(1, 200, 200, exact=True)


def values_of(runs: list[Run], measure: Measure) -> list[int]:
    """In order."""
    ended = [run for run in runs if run.duration_ms is not None]
    if measure == Measure.COST:
        return sorted(run.spent_nusd for run in ended if not run.unpriced_calls)
    return sorted(run.duration_ms or 0 for run in ended)


@settings(max_examples=60, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(st.integers(0, 24 * 24), st.integers(1, 24 * 20), st.sampled_from((None, 0, 1)), st.booleans())
@example(24 * 7 + 10, 24 * 14, None, True)  # a whole week and what is around it
@example(11, 10, None, True)  # within a day
@example(20, 24, None, False)  # over a midnight, with no whole day
@example(11 + 24, 24 * 3, 1, True)  # from midnight to midnight
def test_any_period_is_the_sum_of_its_weeks_days_and_hours(
    cast: Cast, crews: list[Crew], back: int, hours: int, of: int | None, is_now_far: bool
) -> None:
    until = hour_of(NOW) + timedelta(hours=1) - timedelta(hours=back)
    period = Period(until - timedelta(hours=hours), until)
    scope = scope_of(cast, period, crew=None if of is None else crews[of])
    names = ("runs", "spent_nusd", "took_ms")
    both = compared_run_sums(scope, by=("version", "state"), only=names, series=("week", "state"))
    calls = compared_call_sums(scope, by=("state",), only=("calls", "spent_nusd"))
    with pytest.MonkeyPatch.context() as patched:
        patched.setattr(percentiles_module, "MOST_EXACT", -1)
        patched.setattr(timezone, "now", lambda: NOW + timedelta(days=400 * is_now_far))
        spreads = percentiles_of([(scope, 1), (scope.before, 1)])
    for one, found, found_calls, spread in zip(
        (scope, scope.before), (both.now, both.before), (calls.now, calls.before), spreads, strict=True
    ):
        runs = [run for run in within(one) if one.crew in (None, run.crew)]
        assert found == run_sums(one, by=("version", "state"), only=names)
        assert (total(found.values()).runs, total(found.values()).spent_nusd) == (
            len(runs),
            sum(run.spent_nusd for run in runs),
        )
        assert found_calls == call_sums(one, by=("state",), only=("calls", "spent_nusd"))
        assert total(found_calls.values()).calls == sum(len(run.calls.all()) for run in runs)
        for measure in Measure:
            values = values_of(runs, measure)
            assert spread[measure].n == len(values)
            for share, value in ((0.5, spread[measure].median), (0.95, spread[measure].p95)):
                assert (value is None) == (not values)
                if value is not None:
                    true = values[math.ceil(share * len(values)) - 1]
                    assert abs(value - true) <= spread[measure].error * true + 1
    assert total(both.series.values()).runs == total(both.now.values()).runs


@pytest.mark.parametrize("measure", Measure)
@pytest.mark.parametrize("period", [last_hours(24, NOW), last_hours(9 * 24, NOW), last_hours(14, NOW)], ids=str)
def test_percentiles_from_buckets_are_as_close_as_they_say(
    cast: Cast, measure: Measure, period: Period, monkeypatch: pytest.MonkeyPatch
) -> None:
    scope = scope_of(cast, period)
    exact = percentiles(scope, runs=0)[measure]
    monkeypatch.setattr(percentiles_module, "MOST_EXACT", -1)
    close = percentiles(scope, runs=0)[measure]
    values = values_of(within(scope), measure)
    assert (exact.n, close.n, exact.median) == (len(values), len(values), values[(len(values) + 1) // 2 - 1])
    for found, true in ((close.median, exact.median), (close.p95, exact.p95)):
        assert found is not None
        assert true is not None
        assert abs(found - true) <= close.error * true + 1


def test_a_period_without_runs_has_no_figures(cast: Cast) -> None:
    scope = scope_of(cast, last_hours(24, NOW - timedelta(days=30)))
    assert (run_sums(scope), call_sums(scope, by=["model"])) == ({}, {})
    assert percentiles(scope, runs=0)[Measure.COST] == Percentiles(0, None, None, exact=True)


def test_another_teams_runs_are_not_counted(cast: Cast) -> None:
    assert run_sums(Scope(cast.viewer, simulated=False, period=last_hours(10 * 24, NOW))) != {}
    assert run_sums(Scope(cast.stranger, simulated=False, period=last_hours(10 * 24, NOW))) == {}


def test_a_period_that_ends_before_it_begins_is_refused() -> None:
    hour = hour_of(NOW)
    with pytest.raises(ValueError, match="ends before it begins"):
        Period(hour, hour)
    with pytest.raises(ValueError, match="full hours"):
        Period(NOW, NOW + timedelta(hours=1))


def test_only_what_gave_nothing_is_waste() -> None:
    assert waste_of(CostClass.RETRY, RunState.SUCCEEDED) == "retry"
    assert waste_of(CostClass.WORK, RunState.FAILED) == "failed_run"
    assert waste_of(CostClass.FAILED, RunState.FAILED) == "failed"
    assert waste_of(CostClass.WORK, RunState.CANCELLED) == "cancelled_run"
    assert waste_of(CostClass.WORK, RunState.RUNNING) == waste_of(CostClass.MANAGER, RunState.SUCCEEDED) == ""


def test_figures_are_added_field_by_field() -> None:
    ones = Figures(*range(1, 1 + len(fields(Figures))))
    twice = ones + ones
    assert [getattr(twice, one.name) for one in fields(Figures)] == [2 * (n + 1) for n in range(len(fields(Figures)))]
