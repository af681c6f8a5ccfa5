"""Alerts of budgets: each threshold told once per figure, to whom it concerns, on pages, by e-mail and by webhook."""

from __future__ import annotations

from concurrent.futures import ThreadPoolExecutor
from datetime import timedelta
from decimal import Decimal
from typing import Any

import pytest
from django.core import mail
from django.db import connection
from django.test import Client
from django.utils import timezone

from agents_app.models import Crew
from runs.limits.actions import TeamLimits, set_limits
from runs.models import Alert, Allowance, Bill, Notice
from runs.months import this_month
from runs.notices import alerts
from runs.notices.mail import send_due_mails
from runs.states import RunState
from runs.worker import sweeper
from teams.access import Principal
from teams.models import Delivery, User
from teams.webhooks.actions import add_webhook
from tests.cast import Cast, make_cast
from tests.ledger import make_call, make_run
from tests.receiver import MailServer

pytestmark = pytest.mark.django_db

TEN = 10_000_000_000


@pytest.fixture
def mailing(settings: Any) -> None:
    settings.EMAIL_READY = True


def bill(cast: Cast, usd: float, *, budget_nusd: int | None = TEN) -> Bill:
    sums = {"spent_nusd": round(usd * 1e9), "budget_nusd": budget_nusd}
    return Bill.objects.update_or_create(team=cast.team, month=this_month(), defaults=sums)[0]


def allowance(who: Principal, usd: float, *, budget_nusd: int | None = TEN) -> Allowance:
    sums = {"spent_nusd": round(usd * 1e9), "budget_nusd": budget_nusd}
    key = {"team": who.team, "user": who.user, "month": this_month()}
    return Allowance.objects.update_or_create(**key, defaults=sums)[0]


def found() -> list[tuple[str, int]]:
    return [(alert.kind, alert.threshold) for alert in alerts.find_crossed()]


def shown(who: Principal) -> list[int]:
    return [alert.threshold for alert in alerts.head_of(who).alerts]


class TestFinding:
    def test_each_threshold_is_told_when_it_is_crossed_and_once(self, cast: Cast) -> None:
        seen = []
        for usd in (4.99, 5.0, 7.99, 8.0, 9.99, 10.0, 10.0):
            bill(cast, usd)
            seen.append([threshold for _, threshold in found()])
        assert seen == [[], [50], [], [80], [], [100], []]

    def test_of_several_crossed_at_once_the_highest_is_told(self, cast: Cast) -> None:
        bill(cast, 8.5)
        assert found() == [("team", 80)]
        assert found() == []

    def test_the_figures_are_those_of_then(self, cast: Cast) -> None:
        bill(cast, 5.25)
        found()
        bill(cast, 5.75)
        alert = Alert.objects.get()
        assert (alert.spent_nusd, alert.budget_nusd, alert.month) == (5_250_000_000, TEN, this_month())
        assert alerts.words_of(alert) == (f"Acme's budget of $10 for {alert.month:%B %Y} has passed 50 %: $5.25 spent.")

    def test_what_has_no_price_is_said_of_the_team_and_of_the_member(self, cast: Cast, crew: Crew) -> None:
        unpriced: dict[str, Any] = {"cost_nusd": None, "input_usd_per_mtok": None, "output_usd_per_mtok": None}
        for who, calls in ((cast.owner, 1), (cast.runner, 2)):
            run = make_run(who, crew)
            for step in range(calls):
                make_call(run, step=step, model="mine", **unpriced)
        bill(cast, 5.25)
        allowance(cast.owner, 6)
        told = {alert.kind: alerts.words_of(alert) for alert in alerts.find_crossed()}
        assert told["team"].endswith("$5.25 spent. 3 calls have no price and are in no figure.")
        assert told["member"].endswith("$6 spent. 1 call has no price and is in no figure.")

    def test_a_members_budget_is_found_beside_the_teams(self, cast: Cast) -> None:
        allowance(cast.runner, 9)
        allowance(cast.editor, 1)
        bill(cast, 5)
        assert sorted(found()) == [("member", 80), ("team", 50)]

    def test_what_has_no_budget_or_one_of_nothing_is_not_told(self, cast: Cast) -> None:
        bill(cast, 5, budget_nusd=None)
        allowance(cast.runner, 0, budget_nusd=0)
        assert found() == []

    def test_an_earlier_month_is_not_told(self, cast: Cast) -> None:
        before = (this_month() - timedelta(days=1)).replace(day=1)
        Bill.objects.create(team=cast.team, month=before, spent_nusd=TEN, budget_nusd=TEN)
        assert found() == []

    def test_a_raised_budget_counts_anew_and_the_old_figure_is_not_told_again(self, cast: Cast) -> None:
        bill(cast, 9)
        assert found() == [("team", 80)]
        bill(cast, 9, budget_nusd=2 * TEN)
        assert found() == []
        bill(cast, 10, budget_nusd=2 * TEN)
        assert found() == [("team", 50)]
        bill(cast, 10, budget_nusd=TEN + 1)
        assert found() == [("team", 80)]
        bill(cast, 9, budget_nusd=TEN)
        assert found() == []

    def test_a_budget_that_keeps_a_run_waiting_is_used_up_although_a_little_is_left(
        self, cast: Cast, crew: Crew
    ) -> None:
        bill(cast, 9.9)
        allowance(cast.runner, 9.9)
        assert sorted(found()) == [("member", 80), ("team", 80)]
        make_run(cast.runner, crew, state=RunState.WAITING, waiting_for="team_budget", needs_nusd=TEN)
        assert found() == [("team", 100)]
        make_run(cast.editor, crew, state=RunState.WAITING, waiting_for="user_budget", needs_nusd=TEN)
        assert found() == [], "that was another member's budget"
        make_run(cast.runner, crew, state=RunState.WAITING, waiting_for="user_budget", needs_nusd=TEN)
        assert found() == [("member", 100)]

    def test_so_is_one_that_has_just_stopped_a_run(self, cast: Cast, crew: Crew) -> None:
        bill(cast, 9.9)
        long_ago = {"error_code": "team_budget", "finished_at": timezone.now() - timedelta(minutes=3)}
        make_run(cast.runner, crew, state=RunState.FAILED, **long_ago)
        assert found() == [("team", 80)]
        make_run(cast.runner, crew, state=RunState.FAILED, **long_ago | {"finished_at": timezone.now()})
        assert found() == [("team", 100)]

    def test_one_call_that_is_too_large_does_not_use_a_budget_up(self, cast: Cast, crew: Crew) -> None:
        bill(cast, 6)
        make_run(cast.runner, crew, state=RunState.WAITING, waiting_for="team_budget", needs_nusd=TEN)
        assert found() == [("team", 50)]


@pytest.mark.django_db(transaction=True)
def test_ten_sweepers_at_once_make_one_alert_and_tell_it_once(transactional_db: None, settings: Any) -> None:
    settings.EMAIL_READY = True
    cast = make_cast()
    add_webhook(cast.owner, url="https://example.com/hook", events=["budget.threshold"])
    bill(cast, 9)
    allowance(cast.runner, 9)

    def sweep(number: int) -> int:
        try:
            return len(alerts.find_crossed())
        finally:
            connection.close()

    with ThreadPoolExecutor(10) as pool:
        made = list(pool.map(sweep, range(10)))
    assert sum(made) == 2
    assert Alert.objects.count() == 2
    assert Delivery.objects.count() == 2
    assert Notice.objects.count() == 3, "the owner of both, the member of their own"


@pytest.mark.django_db(transaction=True)
def test_the_sweeper_looks_for_them(transactional_db: None) -> None:
    bill(make_cast(), 5)
    sweeper.sweep()
    assert Alert.objects.count() == 1


class TestBanner:
    def test_only_the_highest_of_a_budget_is_shown(self, cast: Cast) -> None:
        for usd in (5, 8):
            bill(cast, usd)
            found()
        assert shown(cast.viewer) == [80]

    def test_each_person_puts_it_away_for_themselves(self, cast: Cast) -> None:
        bill(cast, 5)
        (alert,) = alerts.find_crossed()
        alerts.dismiss(cast.viewer, alert)
        alerts.dismiss(cast.viewer, alert)
        assert (shown(cast.viewer), shown(cast.owner)) == ([], [50])

    def test_a_lower_one_does_not_come_back_once_the_highest_is_put_away(self, cast: Cast) -> None:
        for usd in (5, 8):
            bill(cast, usd)
            found()
        alerts.dismiss(cast.owner, Alert.objects.get(threshold=80))
        assert shown(cast.owner) == []
        bill(cast, 10)
        found()
        assert shown(cast.owner) == [100]

    def test_it_goes_when_the_budget_is_another(self, cast: Cast) -> None:
        bill(cast, 9)
        found()
        set_limits(cast.owner, TeamLimits(budget_usd=Decimal(100)))
        assert shown(cast.owner) == []
        assert len(alerts.listed(cast.owner)) == 1, "the list keeps it"

    def test_a_members_is_seen_by_them_and_by_owners_alone(self, cast: Cast) -> None:
        allowance(cast.runner, 9)
        found()
        assert [shown(who) for who in (cast.runner, cast.owner, cast.editor, cast.viewer)] == [[80], [80], [], []]
        assert [len(alerts.listed(who)) for who in (cast.runner, cast.owner, cast.editor)] == [1, 1, 0]

    def test_strangers_see_nothing(self, cast: Cast) -> None:
        bill(cast, 9)
        (alert,) = alerts.find_crossed()
        assert shown(cast.stranger) == []
        client = Client()
        client.force_login(cast.stranger.user)
        assert client.post(f"/t/others/alerts/{alert.pk}/dismiss/").status_code == 404

    @pytest.mark.parametrize(
        ("back", "leads_to"),
        [
            ("/t/acme/runs/?q=x", "/t/acme/runs/?q=x"),
            ("//evil.example/", "/t/acme/limits/"),
            ("https://evil.example/", "/t/acme/limits/"),
            ("", "/t/acme/limits/"),
        ],
    )
    def test_it_is_on_every_page_and_putting_it_away_leads_back(self, cast: Cast, back: str, leads_to: str) -> None:
        bill(cast, 8)
        (alert,) = alerts.find_crossed()
        client = Client()
        client.force_login(cast.viewer.user)
        for page in ("crews", "runs", "settings/people", "limits"):
            assert alerts.words_of(alert).replace("'", "&#x27;") in client.get(f"/t/acme/{page}/").content.decode()
        answer = client.post(f"/t/acme/alerts/{alert.pk}/dismiss/", {"next": back})
        assert (answer.status_code, answer["Location"]) == (302, leads_to)
        assert 'class="alert told' not in client.get("/t/acme/crews/").content.decode()


class TestMail:
    def test_owners_and_the_member_get_one_each(self, cast: Cast, mailing: None) -> None:
        allowance(cast.runner, 8)
        found()
        assert send_due_mails() == 2
        assert sorted(one.to for one in mail.outbox) == [["owner@example.com"], ["runner@example.com"]]
        texts = {one.to[0]: one for one in mail.outbox}
        assert texts["runner@example.com"].subject == "[Crewsite] Acme: 80 % of the budget of runner@example.com"
        assert "$8 spent" in texts["runner@example.com"].body
        assert "/t/acme/limits/" in texts["runner@example.com"].body
        assert "you spend from it" in texts["runner@example.com"].body
        assert "you are an owner of Acme" in texts["owner@example.com"].body
        assert send_due_mails() == 0

    def test_a_name_cannot_smuggle_a_header_in(self, cast: Cast, mailing: None) -> None:
        User.objects.filter(pk=cast.runner.user.pk).update(name="Eve\r\nBcc: all@example.com")
        allowance(cast.runner, 8)
        found()
        assert send_due_mails() == 2
        assert all("\n" not in one.subject for one in mail.outbox)

    def test_an_address_that_no_mail_can_have_keeps_none_from_the_others(self, cast: Cast, mailing: None) -> None:
        User.objects.filter(pk=cast.owner.user.pk).update(email="owner\n@example.com")
        allowance(cast.runner, 8)
        found()
        assert send_due_mails() == 1
        assert [one.to for one in mail.outbox] == [["runner@example.com"]]
        assert Notice.objects.get(user=cast.owner.user).error.startswith("BadHeaderError")

    def test_without_a_mail_server_nothing_is_sent_and_the_page_says_so(self, cast: Cast) -> None:
        bill(cast, 8)
        found()
        assert (send_due_mails(), mail.outbox) == (0, [])
        client = Client()
        client.force_login(cast.owner.user)
        assert "E-mail is not set up" in client.get("/t/acme/limits/").content.decode()

    def test_a_real_server_gets_them(self, cast: Cast, mailing: None, settings: Any) -> None:
        settings.EMAIL_BACKEND = "django.core.mail.backends.smtp.EmailBackend"
        with MailServer() as server:
            settings.EMAIL_HOST, settings.EMAIL_PORT = "127.0.0.1", server.port
            bill(cast, 8)
            found()
            assert send_due_mails() == 1
        ((recipients, text),) = server.mails
        assert recipients == ["owner@example.com"]
        assert "Subject: [Crewsite] Acme: 80 % of the budget of the team" in text

    def test_while_the_server_is_away_it_is_tried_again_and_at_last_given_up(
        self, cast: Cast, mailing: None, settings: Any
    ) -> None:
        settings.EMAIL_BACKEND = "django.core.mail.backends.smtp.EmailBackend"
        settings.EMAIL_HOST, settings.EMAIL_PORT = "127.0.0.1", 9
        bill(cast, 8)
        found()
        pauses = []
        for _ in range(8):
            assert send_due_mails() == 0
            notice = Notice.objects.get()
            if notice.next_try_at:
                pauses.append(round((notice.next_try_at - timezone.now()).total_seconds(), -1))
            assert send_due_mails() == 0, "not before its time"
            Notice.objects.filter(mail="due").update(next_try_at=timezone.now())
        assert (notice.mail, notice.attempts, notice.next_try_at) == ("failed", 8, None)
        assert pauses == [10, 60, 300, 1800, 7200, 21600, 54000]


def test_webhooks_are_told_the_figures(cast: Cast) -> None:
    add_webhook(cast.owner, url="https://example.com/hook", events=["budget.threshold"])
    add_webhook(cast.owner, url="https://example.com/other", events=["run.failed"])
    allowance(cast.runner, 8)
    found()
    (delivery,) = Delivery.objects.all()
    payload: dict[str, Any] = delivery.payload
    assert (payload["event"], payload["team"], payload["id"]) == ("budget.threshold", "acme", str(delivery.pk))
    data = payload["data"]
    assert (data["budget"], data["member"], data["threshold"]) == ("member", "runner@example.com", 80)
    assert (data["budget_usd"], data["spent_usd"], data["held_usd"]) == ("10", "8", "0")
