"""People's way into a made-up team and out of it: its pages open, it goes without a trace, and nothing else does."""

from __future__ import annotations

from datetime import timedelta
from decimal import Decimal
from io import StringIO

import pytest
from django.apps import apps
from django.core.management import CommandError, call_command
from django.db import connection
from django.db.models import Count, Max, Sum

from agents_app.models import Crew
from runs.comments.actions import comment
from runs.demo import removing, story
from runs.demo.actions import make_history, open_example, remove_example, remove_history
from runs.demo.making import Order, last_hour
from runs.models import Call, InboxEntry, Run
from runs.states import RunState
from runs.telling.subjects import about_crew, about_run
from teams.actions import add_provider
from teams.models import Membership, Role, Team, User
from teams.refusals import Conflict, Invalid
from tests.cast import Cast, make_crew, make_person
from tests.ledger import make_call, make_run
from tests.pages import html, signed_in
from tests.runs.books import make_books
from tests.runs.demo.histories import RUNS, broken, made, onlooker

pytestmark = pytest.mark.django_db


class TestPages:
    def test_list_run_call_crew_and_version_open(self, cast: Cast) -> None:
        who = onlooker(made())
        client = signed_in(who)
        run = Run.objects.filter(team=who.team, state="succeeded", crew__slug="support-replies").latest("id")
        failed = Run.objects.filter(team=who.team, state="failed").latest("id")
        answered = run.calls.filter(kind="model", state="ok").latest("id")
        assert "Simulated" in html(client.get(f"/t/made-up/runs/{run.pk}/calls/{answered.pk}/"))
        for path in (
            "runs/",
            f"runs/{run.pk}/",
            f"runs/{failed.pk}/",
            "crews/",
            "crews/support-replies/",
            "settings/people/",
        ):
            shown = client.get(f"/t/made-up/{path}")
            assert shown.status_code == 200, path
            assert "Made-up history:" in html(shown), path
        assert client.get("/t/made-up/crews/support-replies/versions/3/").status_code == 200

    def test_an_ordinary_teams_page_says_nothing_of_it(self, cast: Cast) -> None:
        assert "Made-up history:" not in html(signed_in(cast.owner).get("/t/acme/crews/"))

    def test_an_empty_team_offers_it_and_one_click_makes_it(self, cast: Cast) -> None:
        client = signed_in(cast.viewer)
        assert "three months of history" in html(client.get("/t/acme/crews/"))
        made = client.post("/t/acme/example/")
        assert made["Location"] == f"/t/example-{cast.viewer.user.pk}/"
        team = Team.objects.get(slug=f"example-{cast.viewer.user.pk}")
        assert team.is_demo
        assert Run.objects.filter(team=team).count() == 1500
        assert client.get(made["Location"]).status_code == 200
        assert broken() == []
        assert client.post("/t/acme/example/")["Location"] == made["Location"]
        assert Team.objects.filter(is_demo=True).count() == 1

    def test_one_click_removes_it_again(self, cast: Cast) -> None:
        made("made-up", owner=cast.owner.user)
        client = signed_in(cast.owner)
        answer = client.post("/t/made-up/example/remove/", follow=True)
        assert "The made-up team is removed" in html(answer)
        assert not Team.objects.filter(slug="made-up").exists()
        assert client.get("/t/made-up/crews/").status_code == 404

    def test_only_an_owner_is_offered_its_removal(self, cast: Cast) -> None:
        team = made()
        Membership.objects.create(team=team, user=cast.runner.user, role=Role.RUNNER)
        client = signed_in(cast.runner)
        assert "Remove this team" not in html(client.get("/t/made-up/crews/"))
        assert client.post("/t/made-up/example/remove/").status_code == 403

    def test_an_ordinary_team_is_not_removed(self, cast: Cast) -> None:
        answer = signed_in(cast.owner).post("/t/acme/example/remove/", follow=True)
        assert "not a made-up team" in html(answer)
        assert Team.objects.filter(slug="acme").exists()


class TestRemoval:
    def test_it_removes_all_of_the_team_and_nothing_else(self) -> None:
        make_books()
        before = _everything()
        team = made()
        who = onlooker(team)
        make_crew(who)
        assert _everything() != before
        remove_history(team)
        User.objects.filter(pk=who.user.pk).delete()
        assert _everything() == before

    def test_people_who_exist_stay(self, cast: Cast) -> None:
        team = made(owner=cast.owner.user)
        remove_history(team)
        assert User.objects.filter(pk=cast.owner.user.pk).exists()
        assert not User.objects.filter(email__endswith=".invalid").exists()

    def test_it_knows_a_path_for_every_model_of_a_team(self) -> None:
        known = {model for model, _ in removing.leading_to(Team)}
        owned = {model for model in apps.get_models() if hasattr(model, "TEAM_PATH")}
        assert owned <= known

    def test_an_ordinary_team_and_one_with_something_real_are_refused(self, cast: Cast) -> None:
        with pytest.raises(Invalid):
            remove_history(cast.team)
        team = made()
        Run.objects.filter(pk=Run.objects.filter(team=team).latest("id").pk).update(simulated=False)
        with pytest.raises(Invalid):
            remove_history(team)
        assert Run.objects.filter(team=team).count() == RUNS

    def test_not_while_a_run_is_in_progress(self) -> None:
        team = made()
        who = onlooker(team)
        make_run(who, Crew.objects.filter(team=team).first(), state=RunState.RUNNING, simulated=True)
        with pytest.raises(Conflict, match="1 run is still in progress"):
            remove_history(team)

    def test_what_was_run_there_later_goes_too(self) -> None:
        team = made()
        who = onlooker(team)
        run = make_run(who, Crew.objects.filter(team=team).first(), simulated=True)
        make_call(run, simulated=True)
        reader = make_person(team, Role.OWNER, email="reader@example.com")
        comment(reader, about_run(run), f"Look, @{who.user.email}")
        comment(reader, about_crew(run.crew), f"Look, @{who.user.email}")
        assert InboxEntry.objects.filter(user=who.user).count() == 2
        remove_history(team)
        assert not Run.objects.exists()
        assert not InboxEntry.objects.exists()

    def test_a_large_one_is_an_operators(self, monkeypatch: pytest.MonkeyPatch) -> None:
        who = onlooker(made())
        monkeypatch.setattr("runs.demo.actions.REMOVED_AT_ONCE", RUNS - 1)
        with pytest.raises(Conflict, match="remove_history --team made-up"):
            remove_example(who)
        monkeypatch.setattr("runs.demo.actions.REMOVED_AT_ONCE", RUNS)
        remove_example(who)
        assert not Team.objects.filter(slug="made-up").exists()


class TestOrders:
    @pytest.mark.parametrize(
        "order",
        [
            Order(0, 30, last_hour()),
            Order(10, 0, last_hour()),
            Order(10, 366, last_hour()),
            Order(10_000_001, 30, last_hour()),
            Order(10, 30, last_hour() + timedelta(hours=2)),
            Order(10, 30, last_hour() - timedelta(minutes=1)),
        ],
    )
    def test_orders_out_of_bounds_are_refused(self, order: Order) -> None:
        with pytest.raises(Invalid):
            make_history("made-up", order)
        assert not Team.objects.exists()

    def test_a_slug_that_is_taken_is_refused_and_its_team_untouched(self, cast: Cast) -> None:
        with pytest.raises(Conflict):
            made("acme")
        assert not Run.objects.exists()

    def test_an_example_slug_that_somebody_else_has_is_not_entered(self, cast: Cast) -> None:
        Team.objects.create(slug=f"example-{cast.viewer.user.pk}", name="Not theirs")
        with pytest.raises(Conflict):
            open_example(cast.viewer.user)

    def test_a_made_up_team_takes_no_key_and_so_stays_simulated(self) -> None:
        with pytest.raises(Invalid, match="simulated"):
            add_provider(onlooker(made(runs=5)), provider="openai", api_key="sk-a")

    def test_nobody_made_up_can_sign_in(self) -> None:
        team = made(runs=5)
        for user in removing.made_people(team):
            assert not user.is_active
            assert not user.has_usable_password()
        assert removing.made_people(team).count() == len(story.PEOPLE)


@pytest.mark.django_db(transaction=True)
def test_the_commands_make_in_two_jobs_what_one_job_makes_and_remove_it() -> None:
    told = _command("make_history", "--team", "made-up", "--runs", "1200", "--days", "30")
    assert told.splitlines()[-1].startswith("1,200 runs of made-up were made in ")
    team = Team.objects.get(slug="made-up")
    two_jobs = _sums(team)
    assert broken() == []
    assert _command("remove_history", "--team", "made-up").startswith("made-up and its 1,200 runs were removed")
    assert not Call.objects.exists()
    _command("make_history", "--team", "made-up", "--runs", "1200", "--days", "30", "--jobs", "1")
    assert _sums(Team.objects.get(slug="made-up")) == two_jobs
    _command("remove_history", "--team", "made-up")


def test_the_commands_say_what_is_wrong() -> None:
    for words, fault in (
        (("make_history", "--team", "a", "--runs", "0", "--days", "1"), "runs: Give a number"),
        (("make_history", "--team", "a", "--runs", "1", "--days", "1", "--owner", "no@one.example"), "nobody"),
        (("remove_history", "--team", "nobody"), "no team"),
    ):
        with pytest.raises(CommandError, match=fault):
            _command(*words)


def _command(*words: str) -> str:
    out = StringIO()
    call_command(*words, stdout=out)
    return out.getvalue()


def _sums(team: Team) -> dict[str, Decimal]:
    return Call.objects.filter(team=team).aggregate(
        n=Count("id"), nusd=Sum("cost_nusd"), tokens=Sum("prompt_tokens"), last=Max("started_at")
    )


def _everything() -> dict[str, int]:
    """How many rows each table has, and a sum over all that is in them."""
    counts = {}
    with connection.cursor() as cursor:
        for model in apps.get_models(include_auto_created=True):
            table = connection.ops.quote_name(model._meta.db_table)
            cursor.execute(
                f"SELECT count(*), coalesce(sum(hashtextextended(row::text, 0)::numeric), 0) FROM {table} AS row"
            )
            counts[model._meta.db_table] = cursor.fetchone()
    return counts
