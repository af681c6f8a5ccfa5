"""Sums of a bill: every dimension has the same total, cells sum to margins, and a month is what its bill booked."""

from __future__ import annotations

from datetime import UTC, date, datetime, timedelta
from itertools import combinations
from typing import Any

import pytest
from django.db import connection
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from runs.bill_sums.counter_lines import counter_lines, late_figures
from runs.bill_sums.dimensions import DIMENSIONS
from runs.bill_sums.months import label_names, months_of
from runs.bill_sums.sums import PARTS, Scope, Sums, added, sums_of, total
from runs.ledger import rollups
from runs.models import Bill, Call, Correction
from runs.models.call import CALL_PARTS
from runs.states import CostClass, RunState
from teams.models import ApiToken
from teams.models import Scope as TokenScope
from tests.cast import Cast, make_crew
from tests.ledger import make_call, make_run
from tests.runs.batches.made import make_batch

pytestmark = pytest.mark.django_db

MONTHS = (date(2026, 8, 1), date(2026, 9, 1), date(2026, 10, 1))
LABELS = ({}, {"customer": "Alder"}, {"customer": "Kestrel", "project": "shop"}, {"project": 7})
OTHER_PARTS = dict(zip(CALL_PARTS[1:], (2, 3, 5, 7, 11, 13, 17, 19, 23, 29), strict=False))
"""Each part has an amount of its own, so that one in the place of another would show."""
assert len(OTHER_PARTS) == len(CALL_PARTS) - 1
ALL = (*DIMENSIONS, "label:customer", "label:project")


@st.composite
def histories(draw: Any) -> list[dict[str, Any]]:
    """Runs with their calls, told by numbers that choose among a few crews, people, models and months."""
    number = lambda most: draw(st.integers(0, most))  # noqa: E731
    return [
        {
            "crew": number(1),
            "person": number(2),
            "token": number(1),
            "labels": number(3),
            "batch": number(2),
            "state": draw(st.sampled_from(["succeeded", "failed", "cancelled", "running"])),
            "calls": [
                {
                    "month": number(2),
                    "day": number(27),
                    "model": draw(st.sampled_from(["gpt-4o", "o4-mini", ""])),
                    "agent": draw(st.sampled_from(["finance", "news", ""])),
                    "cost_class": draw(st.sampled_from(["work", "retry", "failed", "cache_hit"])),
                    "cost": draw(st.none() | st.integers(0, 10**12)),
                    "parts": draw(st.booleans()),
                    "simulated": draw(st.booleans()),
                    "booked": draw(st.none() | st.integers(0, 10**12)),
                    "corrected": draw(st.sampled_from(["", "", "own", "later"])),
                }
                for _ in range(number(4))
            ],
        }
        for _ in range(number(4))
    ]


def write(cast: Cast, history: list[dict[str, Any]]) -> None:
    crews = [make_crew(cast.editor), make_crew(cast.owner)]
    tokens = [None, _token(cast)]
    people = [cast.runner, cast.editor, cast.owner]
    batches = [None, *(make_batch(cast.runner, crew, rows=1) for crew in crews)]
    for told in history:
        run = make_run(
            people[told["person"]],
            crews[told["crew"]],
            state=told["state"],
            api_token=tokens[told["token"]],
            metadata=LABELS[told["labels"]],
            batch=batches[told["batch"]],
        )
        for step, line in enumerate(told["calls"]):
            _call(run, step, line)
    rollups.rebuild(cast.team.pk)


def _token(cast: Cast) -> ApiToken:
    return ApiToken.objects.create(
        team=cast.team, user=cast.runner.user, name="CI", prefix="x", secret_hash="h", scope=TokenScope.RUN
    )


def _call(run: Any, step: int, line: dict[str, Any]) -> None:
    month, cost = MONTHS[line["month"]], line["cost"]
    moment = datetime(month.year, month.month, 1, 12, tzinfo=UTC) + timedelta(days=line["day"])
    parts = {**OTHER_PARTS, "prompt": (cost or 0) - sum(OTHER_PARTS.values())}
    call = make_call(
        run,
        step=step,
        state="ok",
        model=line["model"],
        agent=line["agent"],
        cost_class=line["cost_class"],
        cost_nusd=cost,
        simulated=line["simulated"],
        billed_month=month,
        started_at=moment,
        finished_at=moment,
        **({f"{name}_nusd": nusd for name, nusd in parts.items()} if line["parts"] and cost is not None else {}),
    )
    if line["corrected"]:
        later = line["corrected"] == "later" and line["month"] == 0
        to = MONTHS[2] if later else month
        Correction.objects.create(call=call, booked_nusd=line["booked"], cost_nusd=cost, month=to)


def book(cast: Cast) -> dict[date, int]:
    """What bills would have booked, call by call; August is closed, so what came later went to October."""
    spent = dict.fromkeys(MONTHS, 0)
    for call in Call.objects.filter(simulated=False).select_related("correction"):
        fix = getattr(call, "correction", None)
        if fix is None or fix.month == call.billed_month:
            spent[call.billed_month] += call.cost_nusd or 0
        else:
            spent[call.billed_month] += fix.booked_nusd or 0
            spent[fix.month] += (call.cost_nusd or 0) - (fix.booked_nusd or 0)
    for month, nusd in spent.items():
        closed = datetime(2026, 9, 2, tzinfo=UTC) if month == MONTHS[0] else None
        Bill.objects.filter(team=cast.team, month=month).delete()  # a closed one is not changed
        Bill.objects.create(team=cast.team, month=month, spent_nusd=nusd, closed_at=closed)
    return spent


@settings(max_examples=12, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(histories())
def test_whatever_is_asked_the_total_is_the_bills(cast: Cast, history: list[dict[str, Any]]) -> None:
    _forget()
    write(cast, history)
    spent = book(cast)
    for month in MONTHS:
        whole = _same_everywhere(Scope(cast.viewer, simulated=False, month=month))
        assert whole.spent_nusd == spent[month]
        real = Call.objects.filter(simulated=False, billed_month=month)
        for name in CALL_PARTS:
            assert whole.part(name) == sum(getattr(call, f"{name}_nusd") or 0 for call in real), name
        made_up = _same_everywhere(Scope(cast.viewer, simulated=True, month=month))
        calls = Call.objects.filter(simulated=True, billed_month=month)
        assert made_up.spent_nusd == sum(call.cost_nusd or 0 for call in calls)
        assert (made_up.calls, made_up.counter_lines) == (len(calls), 0)
    days = Scope(cast.viewer, simulated=False, month=None, since=date(2026, 1, 1), until=date(2027, 1, 1))
    everything = _same_everywhere(days)
    assert everything.spent_nusd == sum(spent.values()), "counter-lines balance over all months"


def _forget() -> None:
    """What the example before wrote: all are of one transaction."""
    with connection.cursor() as cursor:
        cursor.execute("DELETE FROM runs_correction; DELETE FROM runs_call; DELETE FROM runs_billsum")
        cursor.execute("DELETE FROM runs_runsum; DELETE FROM runs_callsum; DELETE FROM runs_runbucket")
        cursor.execute("DELETE FROM runs_runday; DELETE FROM runs_callday; DELETE FROM runs_weekbucket")
        cursor.execute("DELETE FROM runs_taskcallsum; DELETE FROM runs_run; DELETE FROM teams_apitoken")


def _same_everywhere(scope: Scope) -> Sums:
    """The total of the scope, which every dimension and every pair of them has too."""
    whole = total(sums_of(scope).values())
    assert sum(whole.part(name) for name in PARTS) == whole.spent_nusd
    one = {name: sums_of(scope, (name,)) for name in ALL}
    for name, rows in one.items():
        assert total(rows.values()) == whole, name
    for first, second in combinations(("crew", "agent", "model", "waste", "label:customer", "day"), 2):
        pivot = sums_of(scope, (first, second))
        assert added(((key[0],), row) for key, row in pivot.items()) == one[first]
        assert added(((key[1],), row) for key, row in pivot.items()) == one[second]
    for (value,), rows in one["crew"].items():
        only = Scope(scope.who, scope.simulated, scope.month, scope.since, scope.until, {"crew": value})
        assert total(sums_of(only).values()) == rows
    if scope.month is not None:
        assert sum(line.nusd for line in counter_lines(scope, most=1000)) == whole.moved_nusd
    return whole


@pytest.fixture
def november(cast: Cast) -> Scope:
    return Scope(cast.viewer, simulated=False, month=date(2026, 11, 1))


def test_waste_is_that_of_runs_which_gave_nothing_too(cast: Cast, november: Scope) -> None:
    crew = make_crew(cast.editor)
    when = {"billed_month": november.month, "started_at": datetime(2026, 11, 3, tzinfo=UTC)}
    for state, cost_class, nusd in (
        (RunState.SUCCEEDED, CostClass.WORK, 1),
        (RunState.SUCCEEDED, CostClass.RETRY, 20),
        (RunState.FAILED, CostClass.WORK, 300),
        (RunState.FAILED, CostClass.RETRY, 4000),
    ):
        make_call(make_run(cast.runner, crew, state=state), cost_class=cost_class, cost_nusd=nusd, **when)
    rollups.rebuild(cast.team.pk)
    wasted = {key[0]: row.spent_nusd for key, row in sums_of(november, ("waste",)).items()}
    assert wasted == {"": 1, "retry": 4020, "failed_run": 300}


def test_months_and_labels_are_found(cast: Cast) -> None:
    run = make_run(cast.runner, make_crew(cast.editor), metadata={"customer": "Alder"})
    make_call(run, billed_month=MONTHS[0])
    make_call(run, step=1, billed_month=MONTHS[2], simulated=True)
    rollups.rebuild(cast.team.pk)
    assert MONTHS[0] in months_of(cast.viewer, simulated=False)
    assert MONTHS[2] in months_of(cast.viewer, simulated=True)
    assert label_names(cast.viewer) == ["customer"]
    assert label_names(cast.stranger) == []
    assert len(months_of(cast.stranger, simulated=False)) == 1, "the present month"


def test_exact_figures_of_the_month_itself_are_told(cast: Cast, november: Scope) -> None:
    call = make_call(make_run(cast.runner, make_crew(cast.editor)), cost_nusd=70, billed_month=november.month)
    Correction.objects.create(call=call, booked_nusd=100, cost_nusd=70, month=november.month)
    found = late_figures(november)
    assert (found.count, found.booked_nusd, found.cost_nusd) == (1, 100, 70)


def test_what_an_account_and_a_token_cost_stays_theirs_when_they_are_removed(cast: Cast, november: Scope) -> None:
    token = _token(cast)
    person, run = cast.runner.user.pk, make_run(cast.runner, make_crew(cast.editor), api_token=token)
    make_call(run, cost_nusd=70, billed_month=november.month)
    rollups.rebuild(cast.team.pk)
    before = sums_of(november, ("person", "token"))
    assert list(before) == [(person, token.pk)]
    token.delete()
    cast.runner.user.delete()
    run.refresh_from_db()
    assert (run.created_by_id, run.api_token_id) == (None, None)
    rollups.take_out(run.pk)
    assert sums_of(november) == {}
    rollups.add(run.pk)
    assert sums_of(november, ("person", "token")) == before
