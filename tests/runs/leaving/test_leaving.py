"""Before somebody goes it is said what stays behind, and decided what becomes of their runs."""

from __future__ import annotations

from datetime import timedelta

import pytest
from django.core.exceptions import PermissionDenied
from django.utils import timezone

from runs.batches.actions import add_rows
from runs.leaving import actions
from runs.leaving.queries import Belongings
from runs.models import Allowance, Run
from runs.months import this_month
from runs.schedules.actions import pause as pause_schedule
from runs.states import RunState
from teams.actions import issue_token
from teams.models import ApiToken, Membership, Role
from teams.refusals import Conflict
from tests.cast import Cast, make_crew
from tests.ledger import make_run
from tests.pages import html, signed_in
from tests.runs.batches.made import make_batch
from tests.runs.schedules.made import hourly

pytestmark = pytest.mark.django_db


def remove(who: Membership) -> str:
    return f"/t/acme/settings/people/{who.pk}/remove/"


@pytest.fixture
def membership(cast: Cast) -> Membership:
    """Of the editor, who made a crew, has a token, a budget, two runs, of which one waits, two rows of a batch, and two
    schedules, of which one is on."""
    crew = make_crew(cast.editor)
    for state in (RunState.QUEUED, RunState.SUCCEEDED):
        make_run(cast.editor, crew, state=state)
    batch = make_batch(cast.runner, crew, rows=1)
    add_rows(cast.editor, batch, [{"company": "Late"}, {"company": "Later"}])
    hourly(cast.editor, crew)
    pause_schedule(cast.editor, hourly(cast.editor, crew))
    issue_token(cast.editor)
    expired, _ = issue_token(cast.editor)
    ApiToken.objects.filter(pk=expired.pk).update(expires_at=timezone.now() - timedelta(days=1))
    Allowance.objects.create(team=cast.team, user=cast.editor.user, month=this_month(), spent_nusd=1_500_000_000)
    Membership.objects.filter(user=cast.editor.user).update(budget_nusd=5_000_000_000)
    return Membership.objects.get(user=cast.editor.user)


def test_it_is_said_and_decided_before(cast: Cast, membership: Membership) -> None:
    client = signed_in(cast.owner)
    shown = client.get(remove(membership))
    assert shown.context["left"] == Belongings(
        crews=1,
        runs=2,
        under_way=1,
        rows=2,
        schedules=1,
        tokens=1,
        own_views=0,
        budget_nusd=5_000_000_000,
        spent_nusd=1_500_000_000,
    )
    page = " ".join(html(shown).split())
    for said in (
        "Remove editor@example.com from Acme?",
        "1 crew made. The team keeps it.",
        "2 runs launched, of which the team keeps figures and cost. 1 under way.",
        "2 rows waiting, until somebody takes them over.",
        "1 schedule that goes off, until somebody turns it on.",
        "1 token that works, until then. Revoked at once, for good.",
        "spent this month stays on the team's bill. Their own budget of",
        "They are cancelled",
    ):
        assert said in page, said
    assert client.post(remove(membership), {}).status_code == 422
    gone = html(client.post(remove(membership), {"runs": "go_on"}, follow=True))
    assert "editor@example.com is no longer in the team." in gone
    assert set(Run.objects.values_list("state", "created_by")) == {
        ("queued", cast.editor.user.pk),
        ("succeeded", cast.editor.user.pk),
    }
    assert Allowance.objects.get(user=cast.editor.user).spent_nusd == 1_500_000_000
    assert signed_in(cast.editor).get("/t/acme/").status_code == 404


def test_runs_under_way_are_cancelled_where_that_was_decided(
    cast: Cast, membership: Membership, monkeypatch: pytest.MonkeyPatch
) -> None:
    with monkeypatch.context() as patch:
        patch.setattr(actions, "MOST_CANCELLED", 0)
        with pytest.raises(Conflict):
            actions.leave(cast.owner, membership, cancel_runs=True)
    left = signed_in(cast.editor).post(remove(membership), {"runs": "cancel"})
    assert left["Location"] == "/"
    assert set(Run.objects.values_list("state", flat=True)) == {"cancelled", "succeeded"}
    assert not Membership.objects.filter(pk=membership.pk).exists()


def test_nothing_is_cancelled_if_nobody_may_go(cast: Cast, membership: Membership) -> None:
    make_run(cast.owner, make_crew(cast.owner), state=RunState.QUEUED)
    own = Membership.objects.get(user=cast.owner.user)
    refused = signed_in(cast.owner).post(remove(own), {"runs": "cancel"})
    assert refused.status_code == 409
    assert "Make somebody else an owner first" in html(refused)
    assert Run.objects.filter(state=RunState.QUEUED).count() == 2


def test_others_take_out_themselves_alone(cast: Cast, membership: Membership) -> None:
    assert signed_in(cast.runner).get(remove(membership)).status_code == 403
    assert signed_in(cast.runner).post(remove(membership), {"runs": "go_on"}).status_code == 403
    assert signed_in(cast.stranger).get(remove(membership)).status_code == 404
    assert signed_in(cast.stranger).get(f"/t/others/settings/people/{membership.pk}/remove/").status_code == 404
    with pytest.raises(PermissionDenied):
        actions.leave(cast.runner, membership, cancel_runs=True)
    viewer = Membership.objects.get(user=cast.viewer.user, role=Role.VIEWER)
    assert "Leave the team" in html(signed_in(cast.viewer).get(remove(viewer)))
    assert signed_in(cast.viewer).post(remove(viewer), {"runs": "go_on"})["Location"] == "/"
