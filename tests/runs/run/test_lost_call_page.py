"""The question about a lost tool call on the run's page: what it shows, what each button says, and who may."""

from __future__ import annotations

import pytest

from engine.record.journal import TaskStatus
from runs.models import Call, Review, Run
from runs.states import CallState, RunState
from tests.cast import Cast, make_crew
from tests.ledger import make_call, make_run, make_task
from tests.pages import signed_in

pytestmark = pytest.mark.django_db
HOSTILE = '{"note": "<script>alert(1)</script>"}'


@pytest.fixture
def lost(cast: Cast) -> Call:
    """A call of a tool that may have been carried out; its task and its run wait."""
    run = make_run(cast.owner, make_crew(cast.owner), state=RunState.WAITING, waiting_for="person")
    task = make_task(run, "brief", state=TaskStatus.WAITING, started_at=run.started_at)
    call = make_call(
        run, task=task, kind="tool", tool="place_order", arguments=HOSTILE, state=CallState.UNKNOWN, cost_nusd=0
    )
    Review.objects.create(task_run=task, number=0, call=call)
    return call


def address(call: Call) -> str:
    return f"/t/acme/runs/{call.run_id}/tasks/brief/review/calls/{call.pk}/"


def typed(call: Call, approved: str) -> dict[str, str]:
    return {f"brief-{call.pk}-approved": approved, f"brief-{call.pk}-number": "0"}


def test_the_page_asks_and_shows_the_arguments_as_text(cast: Cast, lost: Call) -> None:
    page = signed_in(cast.runner).get(f"/t/acme/runs/{lost.run_id}/").content.decode()
    assert "Was this carried out?" in page
    assert "place_order" in page
    assert "<script>alert(1)" not in page
    assert f'formaction="{address(lost)}" name="brief-{lost.pk}-approved" value="no"' in page


@pytest.mark.parametrize(("word", "happened"), [("yes", True), ("no", False)])
def test_either_word_is_kept_and_lets_the_run_go_on(cast: Cast, lost: Call, word: str, happened: bool) -> None:
    response = signed_in(cast.runner).post(address(lost), typed(lost, word))
    assert response.status_code == 302
    review = Review.objects.get()
    assert (review.approved, review.decided_by) == (happened, cast.runner.user)
    assert Run.objects.get(pk=lost.run_id).state == RunState.QUEUED
    page = signed_in(cast.viewer).get(f"/t/acme/runs/{lost.run_id}/").content.decode()
    assert ("it was carried out" if happened else "it was not") in page


def test_viewers_may_not_and_strangers_find_nothing(cast: Cast, lost: Call) -> None:
    assert signed_in(cast.viewer).post(address(lost), typed(lost, "yes")).status_code == 403
    assert signed_in(cast.stranger).post(address(lost), typed(lost, "yes")).status_code == 404
    assert Review.objects.get().approved is None
