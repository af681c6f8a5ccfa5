"""Completion of the filter: fields, then values of the team's own, at the word in which somebody types."""

from __future__ import annotations

from typing import Any

import pytest

from agents_app.actions import create_crew
from agents_app.models import Crew
from runs.history.completion import MOST, completion
from runs.history.fields.registry import FIELDS
from runs.history.filters import RunFilter
from runs.ledger import rollups
from runs.models import Run
from runs.states import RunState
from teams.models import User
from tests.cast import Cast, brief_spec, make_crew
from tests.ledger import make_call, make_run
from tests.pages import RUNS, signed_in
from tests.runs.batches.made import make_batch

pytestmark = pytest.mark.django_db


def offered(cast: Cast, text: str, at: int | None = None) -> list[str]:
    return [option.text for option in completion(cast.viewer, text, len(text) if at is None else at).options]


@pytest.fixture
def run(cast: Cast, crew: Crew) -> Run:
    create_crew(cast.owner, name="Support, EU", spec=brief_spec())
    User.objects.filter(pk=cast.owner.user.pk).update(name="Ada Owner")
    run = make_run(
        cast.owner,
        crew,
        state=RunState.FAILED,
        error="No",
        error_code="rate_limited",
        metadata={"customer": "Zen, Ltd", "n": 5, 'odd"': "x", "list": [1]},
    )
    make_call(run, model="gpt-4o", agent="finance")
    make_call(run, step=1, model="", kind="tool", tool="web_search", agent="news")
    rollups.rebuild(cast.team.pk)
    return run


def test_fields_come_first(cast: Cast) -> None:
    assert offered(cast, "") == [f"{name}:" for name in FIELDS]
    assert offered(cast, "status:failed ") == [f"{name}:" for name in FIELDS]
    assert offered(cast, "st") == ["status:"]
    assert offered(cast, "-T") == ["-tokens:", "-tag:", "-tool:"]
    assert offered(cast, "zebra") == []
    assert offered(cast, '"st') == []


@pytest.mark.parametrize(
    ("text", "options"),
    [
        ("status:", ["status:queued", "status:running", "status:waiting", "status:succeeded", "status:failed"]),
        ("-status:fa", ["-status:failed"]),
        ("status:failed,run", ["status:failed,running"]),
        ("crew:supp", ["crew:=support-eu"]),
        ("crew:EU", ["crew:=support-eu"]),
        ("crew:a,=comp", ["crew:a,=company-brief"]),
        ("by:m", ["by:me"]),
        ("by:ADA", ["by:=owner@example.com"]),
        ("model:4o", ["model:=gpt-4o"]),
        ("agent:", ["agent:=finance", "agent:=news"]),
        ("tool:", ["tool:=web_search"]),
        ("error:rate", ["error:=rate_limited"]),
        ("tag:cust", ["tag:customer", 'tag:customer="Zen, Ltd"']),
        ('tag:customer="zen, ', ['tag:customer="Zen, Ltd"']),
        ("tag:n=", ["tag:n=5"]),
        ("since:2", ["since:24h"]),
        ("simulated:n", ["simulated:no"]),
        ("nothing:x", []),
    ],
)
def test_values_of_a_field_follow(cast: Cast, run: Run, text: str, options: list[str]) -> None:
    assert offered(cast, text)[: len(options) or None] == options


def test_batches_are_offered_by_name_and_by_id_where_a_name_does_not_tell(cast: Cast, run: Run) -> None:
    mine = make_batch(cast.runner, run.crew, name="Leads of May")
    two = [make_batch(cast.runner, run.crew, name="Again") for _ in "ab"]
    make_batch(cast.stranger, make_crew(cast.stranger), name="Leads of others")
    assert offered(cast, "batch:LEADS") == ['batch:="Leads of May"']
    assert offered(cast, "batch:") == [*(f"batch:{one.pk}" for one in reversed(two)), 'batch:="Leads of May"']
    assert offered(cast, f"batch:{mine.pk}") == [f"batch:{mine.pk}"]
    for option in offered(cast, "batch:"):
        RunFilter.parse(option, cast.viewer)


def test_every_value_that_is_offered_is_understood_and_finds_its_run(cast: Cast, run: Run) -> None:
    for name in FIELDS:
        options = completion(cast.viewer, f"{name}:", len(name) + 1).options
        for option in options:
            found = RunFilter.parse(option.text, cast.owner).apply(Run.objects.all())
            if name in ("by", "model", "agent", "tool", "error", "tag") and "viewer" not in option.text:
                named = option.text.removeprefix("by:=")
                assert found.exists() or (name == "by" and named != "owner@example.com"), option.text


def test_a_word_is_completed_where_somebody_types_in_it(cast: Cast) -> None:
    found = completion(cast.viewer, "😀 stat cost:>1", 5)
    assert (found.start, found.end) == (2, 6)
    assert [option.text for option in found.options] == ["status:"]
    found = completion(cast.viewer, "😀 stat", 2)
    assert (found.start, found.end, len(found.options)) == (2, 2, len(FIELDS))


@pytest.mark.parametrize(
    ("text", "at"), [("x" * 9000, 9000), ("crew:" + "é%_\\'" * 80, 10**4 - 1), ("crew:", -5), ('by:"', 4)]
)
def test_odd_texts_are_answered(cast: Cast, run: Run, text: str, at: int) -> None:
    assert completion(cast.viewer, text, at).options is not None


def test_there_is_a_bound_and_a_fixed_number_of_queries(
    cast: Cast, crew: Crew, django_assert_max_num_queries: Any
) -> None:
    for number in range(MOST + 3):
        make_call(make_run(cast.owner, crew), agent=f"agent-{number}")
    for name in FIELDS:
        with django_assert_max_num_queries(1):
            assert len(offered(cast, f"{name}:")) <= MOST


def test_others_learn_nothing_of_the_team(cast: Cast, run: Run) -> None:
    theirs = {name: completion(cast.stranger, f"{name}:", len(name) + 1).options for name in FIELDS}
    for name in ("crew", "model", "agent", "tool", "error", "tag"):
        assert theirs[name] == ()
    assert [option.text for option in theirs["by"]] == ["by:me", "by:=stranger@example.com"]
    assert signed_in(cast.stranger).get(f"{RUNS}completion/", {"q": "crew:"}).status_code == 404


def test_the_page_asks_by_address(cast: Cast, run: Run) -> None:
    client = signed_in(cast.viewer)
    answer = client.get(f"{RUNS}completion/", {"q": "agent:fin", "at": "9"}).json()
    assert answer == {
        "start": 0,
        "end": 9,
        "options": [
            {"text": "agent:=finance", "label": "finance", "about": "1 call in the newest 200 runs", "goes_on": False}
        ],
    }
    for at in ("", "x", "99999", "-1"):
        assert client.get(f"{RUNS}completion/", {"q": "st", "at": at}).json()["options"]
