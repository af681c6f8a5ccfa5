"""A person's word on an answer: the card on the run's page, what a press of its buttons does, and who may."""

from __future__ import annotations

import re
from typing import Any
from uuid import UUID

import pytest
from django.utils import timezone

from engine.record.journal import TaskStatus
from runs.models import Review, Run
from runs.run.actions import Decision, decide
from runs.states import RunState
from teams.access import Principal
from teams.refusals import Conflict
from tests.cast import Cast, make_crew
from tests.ledger import make_call, make_run, make_task
from tests.pages import html, signed_in

pytestmark = pytest.mark.django_db
HOSTILE = "<script>alert(1)</script>\"'><img src=x onerror=alert(1)>"


@pytest.fixture
def run(cast: Cast) -> Run:
    """A run whose task ``brief`` shows its first answer to a person."""
    run = make_run(cast.owner, make_crew(cast.owner), state=RunState.WAITING, waiting_for="person")
    make_task(run, "figures", state=TaskStatus.SUCCEEDED, started_at=run.started_at, finished_at=timezone.now())
    task = make_task(
        run, "brief", position=1, state=TaskStatus.WAITING, started_at=run.started_at, output_raw="**Draft**"
    )
    Review.objects.create(task_run=task, number=0, answer="**Draft**")
    return run


def address(run: Run, task: str = "brief") -> str:
    return f"/t/acme/runs/{run.pk}/tasks/{task}/review/"


def typed(approved: str, comment: str = "", number: int = 0) -> dict[str, Any]:
    return {"brief-approved": approved, "brief-comment": comment, "brief-number": number}


def page_of(who: Principal, run: Run) -> str:
    return html(signed_in(who).get(f"/t/acme/runs/{run.pk}/"))


def test_the_page_shows_the_answer_and_both_buttons(cast: Cast, run: Run) -> None:
    page = page_of(cast.runner, run)
    assert "Waits for you: Brief" in page
    assert "<strong>Draft</strong>" in page
    assert f'formaction="{address(run)}" name="brief-approved" value="yes"' in page
    assert f'formaction="{address(run)}" name="brief-approved" value="no"' in page


def test_a_viewer_sees_the_answer_without_buttons(cast: Cast, run: Run) -> None:
    page = page_of(cast.viewer, run)
    assert "Waits for a person: Brief" in page
    assert "<strong>Draft</strong>" in page
    assert "review/" not in page
    assert signed_in(cast.viewer).post(address(run), typed("yes")).status_code == 403
    assert signed_in(cast.stranger).post(address(run), typed("yes")).status_code == 404
    assert Review.objects.get().approved is None


def test_approving_lets_the_run_go_on(cast: Cast, run: Run) -> None:
    response = signed_in(cast.runner).post(address(run), typed("yes"))
    assert response["Location"] == f"/t/acme/runs/{run.pk}/"
    review = Review.objects.get()
    assert (review.approved, review.decided_by) == (True, cast.runner.user)
    run.refresh_from_db()
    assert (run.state, run.waiting_for) == (RunState.QUEUED, "")
    page = page_of(cast.viewer, run)
    assert "Waits for" not in page
    assert "approved" in page
    assert str(cast.runner.user) in page


def test_sending_back_needs_a_comment(cast: Cast, run: Run) -> None:
    response = signed_in(cast.runner).post(address(run), typed("no", "  "))
    assert response.status_code == 422
    assert "Say what should be different." in html(response)
    assert signed_in(cast.runner).get(address(run))["Location"] == f"/t/acme/runs/{run.pk}/"
    assert Review.objects.get().approved is None
    signed_in(cast.runner).post(address(run), typed("no", "Shorter, please"))
    review = Review.objects.get()
    assert (review.approved, review.comment) == (False, "Shorter, please")
    assert "Shorter, please" in page_of(cast.viewer, run)


def test_what_was_typed_stays_when_it_is_refused(cast: Cast, run: Run) -> None:
    page = html(signed_in(cast.runner).post(address(run), typed("no", "x" * 20_001)))
    assert "At most 20,000 characters." in page
    assert "x" * 20_001 in page


@pytest.mark.parametrize("fields", [{}, {"brief-approved": "maybe", "brief-number": "0"}, {"brief-approved": "yes"}])
def test_nonsense_decides_nothing(cast: Cast, run: Run, fields: dict[str, str]) -> None:
    assert signed_in(cast.runner).post(address(run), fields).status_code == 422
    assert signed_in(cast.runner).post(address(run, "unknown"), fields).status_code == 422
    assert Review.objects.get().approved is None


def test_an_answer_that_was_not_looked_at_is_not_approved(cast: Cast, run: Run) -> None:
    task = run.tasks.get(key="brief")
    task.reviews.update(approved=False, decided_at=timezone.now())
    Review.objects.create(task_run=task, number=1, answer="Second")
    response = signed_in(cast.runner).post(address(run), typed("no", "Typed in vain?"))
    page = html(response)
    assert response.status_code == 422
    assert "Look at the newer one below" in page
    assert "Typed in vain?" in page
    assert 'name="brief-number" value="1"' in page
    assert Review.objects.get(number=1).approved is None


def test_a_word_for_what_no_longer_waits_is_told_and_kept(cast: Cast, run: Run) -> None:
    signed_in(cast.owner).post(address(run), typed("yes"))
    response = signed_in(cast.runner).post(address(run), typed("no", "Typed in vain?"))
    page = html(response)
    assert response.status_code == 422
    assert "No answer of this task waits" in page
    assert "Typed in vain?" in page


def test_a_button_that_is_pressed_twice_says_one_thing(cast: Cast, run: Run) -> None:
    client = signed_in(cast.runner)
    first, second = (client.post(address(run), typed("yes")) for _ in range(2))
    assert first["Location"] == second["Location"]


def test_the_api_can_name_the_answer_that_was_looked_at(cast: Cast, run: Run) -> None:
    with pytest.raises(Conflict):
        decide(cast.runner, run, "brief", Decision(approved=True, number=1))
    assert decide(cast.runner, run, "brief", Decision(approved=True)).state == RunState.QUEUED


def test_a_hostile_answer_is_shown_as_text(cast: Cast, run: Run) -> None:
    Review.objects.update(answer=HOSTILE)
    signed_in(cast.runner).post(address(run), typed("no", HOSTILE))
    for page in (page_of(cast.runner, run), html(signed_in(cast.viewer).get(f"/t/acme/runs/{run.pk}/tasks/brief/"))):
        assert "<script>alert" not in page
        assert "<img src=x" not in page


def test_an_ended_run_asks_nobody(cast: Cast, run: Run) -> None:
    signed_in(cast.runner).post(f"/t/acme/runs/{run.pk}/cancel/")
    page = page_of(cast.runner, run)
    assert "Waits for" not in page
    assert "not looked at" in page


def test_lists_say_that_it_waits_for_a_person(cast: Cast, run: Run) -> None:
    client = signed_in(cast.viewer)
    assert "for a person" in html(client.get("/t/acme/runs/"))
    assert "waits for a person" in html(client.get("/t/acme/runs/now/"))
    assert "waits for a person" in html(client.get("/t/acme/runs/last/", {"crew": "company-brief"}))


def test_the_timeline_shades_the_time_that_people_took(cast: Cast, run: Run) -> None:
    page = page_of(cast.viewer, run)
    assert 'class="person"' in page
    assert re.search(r"waiting for a person, \S+ \S+ in all", page)


def rows_of(response: Any) -> list[tuple[UUID, int]]:
    """The table's calls in their order, and whether each lies below a delegation."""
    row = r'<tr( class="below")?>\s*<td class="grow">.*?/calls/([0-9a-f-]{36})/"'
    found = re.findall(row, response.context["rows"], re.DOTALL)
    return [(UUID(pk), int(bool(below))) for below, pk in found]


class TestCalls:
    def test_a_co_workers_calls_lie_below_their_delegation(self, cast: Cast, run: Run) -> None:
        figures, brief = run.tasks.get(key="figures"), run.tasks.get(key="brief")
        asked = make_call(run, task=brief, step=0, purpose="manager", agent="manager")
        handed = make_call(run, task=brief, step=1, kind="tool", tool="delegate_work", model="", cost_nusd=0)
        other = make_call(run, task=figures, step=0)
        inner = make_call(run, task=brief, step=0, branch="1.", agent="lead")
        client = signed_in(cast.viewer)
        assert rows_of(client.get(f"/t/acme/runs/{run.pk}/")) == [
            (asked.pk, 0),
            (handed.pk, 0),
            (inner.pk, 1),
            (other.pk, 0),
        ]
        below = client.get(f"/t/acme/runs/{run.pk}/calls/{handed.pk}/")
        assert rows_of(below) == [(inner.pk, 1)]
        above = client.get(f"/t/acme/runs/{run.pk}/calls/{inner.pk}/")
        assert above.context["above"].pk == handed.pk
        task = client.get(f"/t/acme/runs/{run.pk}/tasks/brief/")
        assert rows_of(task) == [(asked.pk, 0), (handed.pk, 0), (inner.pk, 1)]
        assert ">manager<" in html(task)

    def test_a_co_workers_call_without_its_delegation_keeps_its_place(self, cast: Cast, run: Run) -> None:
        inner = make_call(run, task=run.tasks.get(key="brief"), branch="7.")
        assert rows_of(signed_in(cast.viewer).get(f"/t/acme/runs/{run.pk}/calls/")) == [(inner.pk, 1)]

    def test_what_caches_saved_is_said_with_its_age(self, cast: Cast, run: Run) -> None:
        hit = {"cache_hit": True, "cost_class": "cache_hit", "cost_nusd": 0, "prompt_tokens": 0, "completion_tokens": 0}
        task = run.tasks.get(key="brief")
        call = make_call(run, task=task, cache_age_s=90.0, saved_nusd=1_500_000, **hit)
        taken = make_call(
            run, task=task, step=1, kind="task", model="", cache_age_s=300_000.0, saved_nusd=500_000, **hit
        )
        client = signed_in(cast.viewer)
        page = html(client.get(f"/t/acme/runs/{run.pk}/"))
        assert 'id="run-saved"><span class="num" title="$0.002000000">' in page
        for text in ("reused, 90.0 s old", "reused, 3.5 d old", "Output of an earlier run", "2 calls from a cache"):
            assert text in page
        assert "saved" in html(client.get(f"/t/acme/runs/{run.pk}/calls/{call.pk}/"))
        assert "was taken over" in html(client.get(f"/t/acme/runs/{run.pk}/calls/{taken.pk}/"))

    def test_a_saving_that_nobody_knows_makes_the_sum_a_lower_bound(self, cast: Cast, run: Run) -> None:
        make_call(run, cache_hit=True, cost_class="cache_hit", cost_nusd=0, cache_age_s=1.0)
        assert "≥&thinsp;<span" in page_of(cast.viewer, run)

    def test_time_waited_for_the_providers_rate_is_drawn_apart(self, cast: Cast, run: Run) -> None:
        call = make_call(run, task=run.tasks.get(key="brief"), step=3, waited_ms=2000)
        page = page_of(cast.viewer, run)
        assert 'class="waited"' in page
        assert "waited 2.0 s" in page
        assert "2.0 s in all" in page
        assert "Waited for its turn" in html(signed_in(cast.viewer).get(f"/t/acme/runs/{run.pk}/calls/{call.pk}/"))

    def test_planning_has_a_row_of_its_own(self, cast: Cast, run: Run) -> None:
        make_call(run, purpose="planning", agent="planner")
        timeline = signed_in(cast.viewer).get(f"/t/acme/runs/{run.pk}/").context["timeline"]
        assert [row.name for row in timeline.rows] == ["The crew", "Figures", "Brief"]
        assert timeline.rows[0].duration_ms == 500
