"""Reports by themselves: what they say, to whom, once each whatever workers do, and how they are stopped."""

from __future__ import annotations

import re
from concurrent.futures import ThreadPoolExecutor
from datetime import date, datetime, timedelta
from email import message_from_string, policy
from email.message import EmailMessage
from typing import Any

import pytest
from django.core import mail
from django.db import connection, transaction
from django.test import Client
from django.utils import timezone

from runs.ledger import rollups
from runs.models import Bill, Call, Correction, Report, ReportKind, ReportMail, ReportWish
from runs.notices.sending import TAKEN_S
from runs.reports import making
from runs.reports.figures import Figures, figures_from, figures_of
from runs.reports.mail import send_due_reports
from runs.reports.making import make, make_due
from runs.reports.periods import ended_by, last_period, period_of
from runs.reports.texts import plain, told
from runs.worker import sweeper
from teams.actions import LOCAL_OWNER_EMAIL
from teams.models import Delivery, Membership, User
from teams.webhooks.actions import add_webhook
from tests.cast import Cast, make_cast
from tests.pages import html, signed_in
from tests.receiver import MailServer
from tests.runs.reports.history import (
    DECEMBER,
    MONDAY,
    NOVEMBER,
    OCTOBER,
    USD,
    fold,
    make_autumn,
    named,
    ran,
    want,
)

pytestmark = pytest.mark.django_db

PAGE = "/t/acme/reports/"


@pytest.fixture
def autumn(cast: Cast, settings: Any) -> Cast:
    settings.EMAIL_READY = True
    settings.PUBLIC_URL = "https://crews.example"
    make_autumn(cast)
    return cast


def november(cast: Cast, now: datetime = DECEMBER) -> Figures:
    figures = figures_of(cast.team, last_period(ReportKind.MONTH, now), now)
    assert figures is not None
    return figures


def mailed(now: datetime = DECEMBER) -> list[Any]:
    """What is made and sent by then."""
    make_due(now)
    mail.outbox.clear()
    send_due_reports()
    return list(mail.outbox)


class TestWords:
    def test_a_month_with_its_bill_budget_and_largest_changes(self, autumn: Cast) -> None:
        figures = november(autumn)
        bill = Bill.objects.get(month=NOVEMBER)
        assert (figures.spent_nusd, figures.budget_nusd) == (bill.spent_nusd, bill.budget_nusd)
        text = plain(told(autumn.team, figures, DECEMBER), stop="https://crews.example/stop/")
        assert text == (
            "Acme spent $100.00 in November 2026, in 4 runs: $40.00 more than in October 2026 ($60.00).\n\n"
            "November 2026: $100.00 of a budget of $200 (50 %).\n\n"
            "Largest changes against October 2026:\n"
            "  +$41.00  Support ($20.00 before, $61.00 now)\n"
            "  +$12.00  Briefs ($0 before, $12.00 now)\n"
            "  −$10.00  Content ($30.00 before, $20.00 now)\n"
            "  −$3.00  everything else\n\n"
            "What it was for: https://crews.example/t/acme/bills/2026-11/?money=real\n\n"
            "As booked at 06:00 on 1 Dec 2026. Days, weeks and months are in UTC; amounts are in US dollars; simulated "
            "runs cost nothing and are left out.\n\n"
            "You get this because you asked for it. Other reports, or none: https://crews.example/t/acme/reports/\n"
            "Stop these, without signing in: https://crews.example/stop/\n"
        )

    def test_changes_and_the_rest_are_the_difference(self, autumn: Cast) -> None:
        figures = november(autumn)
        changes = sum(change.difference_nusd for change in figures.changes)
        assert changes + figures.other_nusd == figures.difference_nusd == 40 * USD
        assert figures_from(figures.as_json()) == figures

    def test_a_week_stands_against_the_month_so_far_with_its_forecast(self, autumn: Cast) -> None:
        crew = named(autumn.editor, "Daily")
        for day in range(1, 16):
            ran(autumn.runner, crew, date(2026, 11, day), USD)
        fold(autumn, budget_nusd=200 * USD)
        figures = figures_of(autumn.team, last_period(ReportKind.WEEK, MONDAY), MONDAY)
        assert figures is not None
        assert (figures.spent_nusd, figures.before_nusd, figures.month_nusd) == (107 * USD, 7 * USD, 115 * USD)
        text = plain(told(autumn.team, figures, MONDAY))
        assert "Acme spent $107.00 in the week 9-15 Nov 2026, in 11 runs: $100.00 more than in the week before" in text
        assert "November 2026 so far: $115.00 of a budget of $200 (58 %). Forecast: $" in text
        assert re.search(r"Forecast: \$\d+-\d+ by 30 Nov \(80 %\); the budget ends ", text)

    def test_unknown_prices_are_said_and_nothing_before_too(self, cast: Cast) -> None:
        ran(cast.runner, named(cast.editor, "New"), NOVEMBER, None, unpriced_calls=1)
        fold(cast)
        text = plain(told(cast.team, november(cast), DECEMBER))
        assert "spent at least $0 in November 2026, in 1 run: nothing ran in October 2026." in text
        assert "1 call has no known price and is not in these sums." in text
        assert "without a budget" in text

    def test_a_corrected_bill_is_what_is_told(self, autumn: Cast) -> None:
        Bill.objects.filter(month=NOVEMBER).update(spent_nusd=100_500_000_000)
        figures = november(autumn)
        assert (figures.spent_nusd, figures.other_nusd) == (100_500_000_000, -2_500_000_000)

    def test_what_came_late_for_a_closed_month_is_told_where_its_bill_took_it(self, autumn: Cast) -> None:
        call = Call.objects.get(run__crew__name="Support", billed_month=OCTOBER)
        Correction.objects.create(call=call, booked_nusd=20 * USD, cost_nusd=22 * USD, month=NOVEMBER)
        Call.objects.filter(pk=call.pk).update(cost_nusd=22 * USD)
        rollups.rebuild(autumn.team.pk)
        Bill.objects.filter(month=OCTOBER).update(closed_at=DECEMBER)
        Bill.objects.filter(month=NOVEMBER).update(spent_nusd=102 * USD)
        figures = november(autumn)
        assert (figures.before_nusd, figures.spent_nusd) == (60 * USD, 102 * USD)
        support = figures.changes[0]
        assert (support.crew, support.before_nusd, support.spent_nusd) == ("Support", 20 * USD, 63 * USD)
        assert figures.other_nusd == -3 * USD  # of Notes alone


class TestWhoGetsThem:
    def test_nobody_unasked(self, autumn: Cast) -> None:
        assert mailed() == []
        assert not Report.objects.exists()

    def test_whoever_wanted_it_before_it_was_due(self, autumn: Cast) -> None:
        want(autumn.viewer, [ReportKind.MONTH])
        want(autumn.editor, [ReportKind.MONTH], since=DECEMBER + timedelta(seconds=1))
        want(autumn.runner, [ReportKind.WEEK])
        assert [one.to for one in mailed()] == [["viewer@example.com"]]

    def test_nobody_of_another_team_and_nobody_who_left(self, autumn: Cast) -> None:
        for who in (autumn.stranger, autumn.viewer, autumn.editor):
            want(who)
        User.objects.filter(pk=autumn.editor.user.pk).update(is_active=False)
        make_due(DECEMBER)
        Membership.objects.filter(user=autumn.viewer.user).delete()
        assert send_due_reports() == 0
        assert {row.mail for row in ReportMail.objects.all()} == {"none"}
        assert {row.user_id for row in ReportMail.objects.all()} == {autumn.viewer.user.pk}

    def test_who_has_no_real_address_gets_none(self, autumn: Cast) -> None:
        User.objects.filter(pk=autumn.owner.user.pk).update(email=LOCAL_OWNER_EMAIL)
        want(autumn.owner)
        make_due(DECEMBER)
        assert not ReportMail.objects.exists()

    def test_a_team_in_which_nothing_real_ran_hears_nothing(self, cast: Cast, settings: Any) -> None:
        settings.EMAIL_READY = True
        want(cast.owner)
        add_webhook(cast.owner, url="https://example.com/hook", events=["report.month"])
        ran(cast.runner, named(cast.editor, "Tried"), date(2026, 11, 28), 5 * USD, simulated=True)
        fold(cast)
        assert mailed() == []
        assert not Delivery.objects.exists()
        assert {report.figures for report in Report.objects.all()} == {None}


class TestOnce:
    def test_looking_again_makes_and_sends_nothing_more(self, autumn: Cast) -> None:
        want(autumn.owner)
        assert len(mailed()) == 1, "the month; nothing ran in the week"
        assert mailed() == []
        assert mailed(DECEMBER + timedelta(days=5)) == []
        assert ReportMail.objects.count() == 1

    def test_a_worker_that_dies_while_it_makes_them_leaves_them_to_the_next(self, autumn: Cast) -> None:
        want(autumn.owner)

        with transaction.atomic():
            assert make(autumn.team, last_period(ReportKind.MONTH, DECEMBER), DECEMBER)
            transaction.set_rollback(True)  # as the database does when a worker's connection ends
        assert not ReportMail.objects.exists()
        assert len(mailed()) == 1

    def test_a_worker_that_dies_while_it_sends_leaves_them_to_the_next_under_the_same_id(self, autumn: Cast) -> None:
        want(autumn.owner)
        (first,) = mailed()
        left = {"mail": "due", "attempts": 1, "next_try_at": timezone.now() + timedelta(seconds=TAKEN_S)}
        ReportMail.objects.update(**left)
        assert mailed() == [], "not before the dead one's time is over"
        ReportMail.objects.update(next_try_at=timezone.now())
        (again,) = mailed()
        assert again.extra_headers["Message-ID"] == first.extra_headers["Message-ID"]

    def test_what_was_told_stays_as_it_was(self, autumn: Cast) -> None:
        want(autumn.owner)
        make_due(DECEMBER)
        Bill.objects.update(spent_nusd=1)
        send_due_reports()
        assert "$100.00 in November 2026" in mail.outbox[-1].body


@pytest.mark.django_db(transaction=True)
def test_many_workers_at_once_make_one_report_and_send_it_once(transactional_db: None, settings: Any) -> None:
    settings.EMAIL_READY = True
    cast = make_cast()
    make_autumn(cast)
    want(cast.owner)
    want(cast.viewer)
    add_webhook(cast.owner, url="https://example.com/hook", events=["report.month", "report.week"])
    Report.objects.all().delete()

    def work(number: int) -> int:
        try:
            make(cast.team, period_of(ReportKind.MONTH, NOVEMBER), DECEMBER)
            return send_due_reports()
        finally:
            connection.close()

    with ThreadPoolExecutor(6) as pool:
        sent = list(pool.map(work, range(6)))
    sent.append(send_due_reports())
    assert (sum(sent), Report.objects.count(), Delivery.objects.count()) == (2, 1, 1)
    assert sorted(one.to[0] for one in mail.outbox) == ["owner@example.com", "viewer@example.com"]
    making._Due.at = 0.0
    sweeper.sweep()
    assert Report.objects.filter(kind=ReportKind.WEEK).count() == 1, "sweepers make those that are due now"


def test_webhooks_are_told_exact_amounts(autumn: Cast) -> None:
    add_webhook(autumn.owner, url="https://example.com/hook", events=["report.month"])
    autumn.owner.team.webhooks.update(created_at=DECEMBER - timedelta(days=9))
    make_due(DECEMBER)
    (delivery,) = Delivery.objects.all()
    assert delivery.event == "report.month"
    data: dict[str, Any] = delivery.payload["data"]
    assert (data["from"], data["to"], data["time_zone"]) == ("2026-11-01", "2026-11-30", "UTC")
    assert (data["spent_usd"], data["before_usd"], data["runs"]) == ("100", "60", 4)
    assert data["changes"][0] == {
        "crew": "Support",
        "spent_usd": "61",
        "before_usd": "20",
        "difference_usd": "41",
    }
    assert data["month"] == {"month": "2026-11", "spent_usd": "100", "budget_usd": "200", "forecast": None}


class TestMail:
    def test_a_real_server_gets_both_parts_and_the_way_out(self, autumn: Cast, settings: Any) -> None:
        settings.EMAIL_BACKEND = "django.core.mail.backends.smtp.EmailBackend"
        crew = named(autumn.editor, "<b>Support & Sons</b>")
        ran(autumn.runner, crew, date(2026, 11, 20), 90 * USD)
        fold(autumn, budget_nusd=200 * USD)
        want(autumn.viewer, [ReportKind.MONTH])
        make_due(DECEMBER)
        with MailServer() as server:
            settings.EMAIL_HOST, settings.EMAIL_PORT = "127.0.0.1", server.port
            assert send_due_reports() == 1
        ((recipients, source),) = server.mails
        message = message_from_string(source, policy=policy.default)
        assert isinstance(message, EmailMessage)
        assert recipients == ["viewer@example.com"]
        assert message["Subject"] == "[Crewsite] Acme: $190.00 in November 2026"
        assert message["List-Unsubscribe-Post"] == "List-Unsubscribe=One-Click"
        stop = message["List-Unsubscribe"].strip(" <>")  # a long line is folded before it
        assert stop.startswith("https://crews.example/reports/stop/")
        text, page = (message.get_body((kind,)) for kind in ("plain", "html"))
        assert text is not None
        assert page is not None
        plain_text, page_text = text.get_content(), page.get_content()
        assert stop in plain_text
        assert stop in page_text
        for words in ("Acme spent $190.00 in November 2026", "$190.00 of a budget of $200 (95 %)", "+$90.00"):
            assert words in plain_text
            assert words in page_text
        assert "<b>Support & Sons</b>" in plain_text
        assert "&lt;b&gt;Support &amp; Sons&lt;/b&gt;" in page_text

    def test_without_https_there_is_no_one_click(self, autumn: Cast, settings: Any) -> None:
        settings.PUBLIC_URL = "http://127.0.0.1:8000"
        want(autumn.viewer)
        (one,) = mailed()
        assert "List-Unsubscribe-Post" not in one.extra_headers
        assert "List-Unsubscribe" in one.extra_headers

    def test_a_name_cannot_smuggle_a_header_in(self, autumn: Cast) -> None:
        autumn.team.name = "Acme\r\nBcc: all@example.com"
        autumn.team.save()
        want(autumn.viewer)
        (one,) = mailed()
        assert "\n" not in one.subject


class TestStopping:
    def link(self, autumn: Cast) -> str:
        want(autumn.viewer)
        want(autumn.editor)
        one = next(one for one in mailed() if one.to == ["viewer@example.com"])
        return str(one.extra_headers["List-Unsubscribe"]).strip("<>").removeprefix("https://crews.example")

    def test_one_click_without_signing_in_stops_this_kind_for_this_person_alone(self, autumn: Cast) -> None:
        link = self.link(autumn)
        stranger = Client(enforce_csrf_checks=True)
        asked = stranger.get(link)
        assert asked.status_code == 200
        assert ReportWish.objects.get(user=autumn.viewer.user).month_since, "looking changes nothing"
        for _ in "twice":
            done = stranger.post(link, {"List-Unsubscribe": "One-Click"})
            assert (done.status_code, "no more reports" in html(done)) == (200, True)
        wish = ReportWish.objects.get(user=autumn.viewer.user)
        assert (wish.month_since, wish.week_since is None) == (None, False)
        assert ReportWish.objects.get(user=autumn.editor.user).month_since

    def test_a_mail_that_waits_is_not_sent_any_more(self, autumn: Cast) -> None:
        link = self.link(autumn)
        ReportMail.objects.filter(user=autumn.viewer.user).update(mail="due", next_try_at=timezone.now())
        Client().post(link)
        assert send_due_reports() == 0

    def test_what_is_made_up_stops_nothing(self, autumn: Cast) -> None:
        made_up = [f"/reports/stop/{secret}/" for secret in ("x", "eyJhIjoxfQ:bad", "a" * 300, "W10:", "..%2f")]
        for address in (*made_up, self.link(autumn)[:-3] + "xx/"):
            assert Client().post(address).status_code == 404
        assert ReportWish.objects.filter(month_since=None).count() == 0


class TestPage:
    def test_each_chooses_for_themselves(self, autumn: Cast) -> None:
        client = signed_in(autumn.viewer)
        assert client.post(PAGE, {"month": "on"}).status_code == 302
        wish = ReportWish.objects.get()
        assert (wish.user, wish.week_since, wish.month_since is None) == (autumn.viewer.user, None, False)
        since = wish.month_since
        client.post(PAGE, {"month": "on", "week": "on"})
        wish.refresh_from_db()
        assert (wish.month_since, wish.week_since is None) == (since, False)
        client.post(PAGE, {})
        wish.refresh_from_db()
        assert (wish.month_since, wish.week_since) == (None, None)
        assert signed_in(autumn.stranger).get(PAGE).status_code == 404

    def test_it_shows_what_would_be_sent_now(self, autumn: Cast) -> None:
        period = ended_by(ReportKind.MONTH, timezone.now())
        ran(autumn.runner, named(autumn.editor, "Late"), period.begins, 3 * USD)
        fold(autumn)
        page = html(signed_in(autumn.viewer).get(PAGE))
        assert "as it would be sent now" in page
        assert "viewer@example.com" in page
        assert "Owners add webhooks" in page

    def test_it_says_that_mail_is_not_set_up(self, cast: Cast) -> None:
        page = html(signed_in(cast.owner).get(PAGE))
        assert "E-mail is not set up" in page
        assert "no real run was made" in page
