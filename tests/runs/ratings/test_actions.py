"""Ratings: who may say what, their bounds, and figures that are those of the ratings whatever happens."""

from __future__ import annotations

from typing import Any

import pytest
from django.utils import timezone
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from agents_app.models import Crew
from runs.comments.actions import comment
from runs.figures.scope import Scope, last_hours
from runs.figures.sums import run_sums, total
from runs.ledger import rollups
from runs.ledger.invariants import look
from runs.models import Comment, Rating, Run, RunDay, RunSum
from runs.ratings import actions
from runs.states import RunState
from runs.telling.subjects import about_run
from teams.actions import issue_token
from teams.refusals import Conflict, Invalid
from tests.cast import Cast
from tests.ledger import make_run

pytestmark = pytest.mark.django_db

INVARIANTS = ["run_ratings", "runsum"]


def kept(run: Run) -> tuple[int, int]:
    run.refresh_from_db()
    return run.rating_sum, run.rating_count


def broken() -> list[str]:
    return [finding.name for finding in look(INVARIANTS) if finding.count]


acts = st.lists(
    st.tuples(
        st.sampled_from(("owner", "viewer", "token")),
        st.integers(0, 1),  # which run
        st.sampled_from((None, 1, 2, 3, 4, 5, "late figure")),
    ),
    max_size=12,
)


@settings(max_examples=40, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(acts)
def test_kept_figures_are_those_of_the_ratings_after_any_sequence(cast: Cast, crew: Crew, acts: list[Any]) -> None:
    Rating.objects.all().delete()
    RunSum.objects.all().delete()
    RunDay.objects.all().delete()
    Run.objects.all().delete()
    token = issue_token(cast.owner)[0]
    runs = [make_run(cast.owner, crew, state=state) for state in (RunState.SUCCEEDED, RunState.FAILED)]
    due: dict[tuple[str, int], int] = {}
    for name, number, act in acts:
        who, by = (cast.owner, token) if name == "token" else (getattr(cast, name), None)
        if act == "late figure":
            rollups.take_out(runs[number].pk)
            Run.objects.filter(pk=runs[number].pk).update(prompt_tokens=7)
            rollups.add(runs[number].pk)
        elif act is None:
            actions.take_back(who, runs[number], token=by)
            due.pop((name, number), None)
        else:
            actions.rate(who, runs[number], stars=act, token=by)
            due[name, number] = act
    for number, run in enumerate(runs):
        stars = [given for (_, rated), given in due.items() if rated == number]
        assert kept(run) == (sum(stars), len(stars))
    Run.objects.update(prompt_tokens=0)
    rollups.rebuild(cast.team.pk)
    figures = total(run_sums(Scope(cast.viewer, simulated=False, period=last_hours(2, timezone.now()))).values())
    assert (figures.rating_sum, figures.rating_count) == (sum(due.values()), len(due))
    assert broken() == []


def test_rollups_follow_each_rating_without_being_rebuilt(cast: Cast, crew: Crew) -> None:
    run = make_run(cast.owner, crew)
    actions.rate(cast.owner, run, stars=2)
    actions.rate(cast.viewer, run, stars=5)
    actions.rate(cast.owner, run, stars=4)
    row = RunSum.objects.get()
    day = RunDay.objects.get()
    for sums in (row, day):
        assert (sums.rating_sum, sums.rating_count, sums.runs, sums.took_ms) == (9, 2, 1, 30_000)
    assert broken() == []


def test_a_person_has_one_rating_and_each_of_their_tokens_another(cast: Cast, crew: Crew) -> None:
    run = make_run(cast.owner, crew)
    judge, other = (issue_token(cast.owner, name=name)[0] for name in ("judge", "other"))
    for token, stars in ((None, 1), (judge, 2), (other, 3), (judge, 5), (None, 4)):
        actions.rate(cast.owner, run, stars=stars, token=token)
    assert kept(run) == (12, 3)
    actions.take_back(cast.owner, run, token=judge)
    assert sorted(Rating.objects.values_list("stars", flat=True)) == [3, 4]


@pytest.mark.parametrize("state", [RunState.QUEUED, RunState.RUNNING, RunState.WAITING])
def test_a_run_that_has_not_ended_is_not_rated_but_may_be_commented(cast: Cast, crew: Crew, state: RunState) -> None:
    run = make_run(cast.owner, crew, state=state)
    with pytest.raises(Conflict, match="has not ended"):
        actions.rate(cast.owner, run, stars=3)
    comment(cast.viewer, about_run(run), "It is slow today.")
    assert (kept(run), Comment.objects.count()) == ((0, 0), 1)


@pytest.mark.parametrize(
    ("typed", "field"), [({"stars": 0}, "stars"), ({"stars": 6}, "stars"), ({"stars": 3, "word": "x" * 201}, "word")]
)
def test_what_is_no_rating_is_refused_at_its_field(cast: Cast, crew: Crew, typed: Any, field: str) -> None:
    run = make_run(cast.owner, crew)
    with pytest.raises(Invalid) as refused:
        actions.rate(cast.owner, run, **typed)
    assert list(refused.value.fields) == [field]
    assert not Rating.objects.exists()


def test_a_word_stands_on_one_line_and_holds_nothing_that_cannot_be_stored(cast: Cast, crew: Crew) -> None:
    actions.rate(cast.owner, make_run(cast.owner, crew), stars=3, word=" thin\x00,\n  but right ")
    assert Rating.objects.get().word == "thin\ufffd, but right"
