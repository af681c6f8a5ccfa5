"""Inboxes: who is told of what, as they chose, and by how many mails."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import date, timedelta
from typing import Any

import pytest
from django.core import mail
from django.utils import timezone

from agents_app.actions import cut_version
from agents_app.models import Crew
from runs.comments.actions import comment, edit_comment, remove_comment
from runs.inbox import actions
from runs.inbox.forgetting import ALL_DAYS, READ_DAYS, forget
from runs.inbox.mail import PAUSE_S, make_mails, send_due_inboxes
from runs.inbox.queries import inbox
from runs.inbox.words import sentence
from runs.models import InboxEntry, InboxMail, InboxWish, MailState
from runs.notices.alerts import head_of
from runs.notices.events import announce_run
from runs.states import PERSON, RunState
from runs.telling.subjects import about_bill, about_crew, about_run, about_version
from teams.access import Principal
from teams.actions import LOCAL_OWNER_EMAIL
from teams.models import Membership, Team, User
from tests.cast import Cast, make_person
from tests.ledger import make_run
from tests.pages import html, signed_in

pytestmark = pytest.mark.django_db


@pytest.fixture(autouse=True)
def mail_is_set_up(settings: Any) -> Iterator[None]:
    settings.EMAIL_READY = True
    yield
    mail.outbox.clear()


def told(who: Principal) -> list[str]:
    return [sentence(one) for one in inbox(who)]


def test_those_are_told_whom_it_names_or_concerns(cast: Cast, crew: Crew) -> None:
    actions.choose(cast.editor, InboxWish.ALL, by_mail=True)
    run = about_run(make_run(cast.runner, crew))
    first = comment(cast.viewer, run, "Too long, @owner@example.com")
    assert told(cast.owner) == ["viewer@example.com named you in a comment on a run of Company brief"]
    assert told(cast.runner) == told(cast.editor) == ["viewer@example.com commented a run of Company brief"]
    assert told(cast.viewer) == []
    comment(cast.runner, run, "It is.")
    assert told(cast.viewer) == ["runner@example.com commented a run of Company brief"]  # who commented it before
    assert len(told(cast.owner)) == 1  # was only named
    edit_comment(cast.viewer, first, "Too long, @owner@example.com and @runner@example.com")
    assert (len(told(cast.owner)), len(told(cast.runner))) == (1, 1)  # nobody is told of one comment twice
    remove_comment(cast.viewer, first)
    assert (told(cast.owner), told(cast.runner)) == ([], [])


def test_a_version_is_its_maker_s_a_crew_its_author_s_and_a_bill_the_owners(cast: Cast, crew: Crew) -> None:
    version = cut_version(crew, by=cast.editor.user)
    comment(cast.viewer, about_version(version), "Why?")
    assert told(cast.editor) == ["viewer@example.com commented Company brief, version 1"]
    comment(cast.viewer, about_crew(crew), "Why?")
    comment(cast.viewer, about_bill(cast.team, date(2026, 10, 1)), "Why?")
    assert told(cast.owner) == [
        "viewer@example.com commented the bill of October 2026",
        "viewer@example.com commented Company brief",
    ]


def test_a_member_chooses_and_others_than_members_are_told_nothing(cast: Cast, crew: Crew) -> None:
    actions.choose(cast.owner, InboxWish.NONE, by_mail=True)
    actions.choose(cast.editor, InboxWish.ALL, by_mail=False)
    User.objects.filter(pk=cast.runner.user.pk).update(is_active=False)
    comment(cast.viewer, about_crew(crew), "@owner@example.com @runner@example.com @stranger@example.com")
    assert list(InboxEntry.objects.values_list("user", "mail_due")) == [(cast.editor.user.pk, False)]
    assert told(cast.stranger) == []


def test_who_launched_a_run_is_told_that_it_waits_for_a_person(cast: Cast, crew: Crew) -> None:
    actions.choose(cast.editor, InboxWish.ALL, by_mail=True)
    actions.choose(cast.viewer, InboxWish.ALL, by_mail=True)  # may not decide
    run = make_run(cast.runner, crew, state=RunState.RUNNING)
    run.state, run.waiting_for = RunState.WAITING, PERSON
    type(run).objects.filter(pk=run.pk).update(
        state=RunState.WAITING, waiting_for=PERSON, lease_owner="", lease_until=None
    )
    announce_run(run)
    assert told(cast.runner) == told(cast.editor) == ["A run of Company brief waits for a person"]
    assert (told(cast.viewer), told(cast.owner)) == ([], [])


def test_one_mail_in_ten_minutes_with_all_that_is_new(cast: Cast, crew: Crew) -> None:
    comment(cast.viewer, about_crew(crew), "First: see <https://example.com>")
    assert send_due_inboxes() == 1
    (first,) = mail.outbox
    assert (first.to, first.subject) == (
        ["owner@example.com"],
        "[Crewsite] Acme: viewer@example.com commented Company brief",
    )
    assert "First: see <https://example.com>" in first.body
    assert f"/t/acme/crews/{crew.slug}/#comment-" in first.body
    for text in ("Second", "Third"):
        comment(cast.viewer, about_crew(crew), text)
    assert send_due_inboxes() == 0
    InboxMail.objects.update(made_at=timezone.now() - timedelta(seconds=PAUSE_S + 1))
    assert send_due_inboxes() == 1
    assert mail.outbox[1].subject == "[Crewsite] Acme: 2 things for you"
    assert mail.outbox[1].body.index("Second") < mail.outbox[1].body.index("Third")
    assert "First" not in mail.outbox[1].body
    assert not InboxEntry.objects.filter(mail_due=True).exists()


def test_what_was_read_or_is_not_wanted_is_not_mailed(cast: Cast, crew: Crew) -> None:
    comment(cast.viewer, about_crew(crew), "First")
    make_mails()
    actions.read_all(cast.owner)  # between the making and the sending
    assert (send_due_inboxes(), mail.outbox) == (0, [])
    assert InboxMail.objects.get().mail == MailState.NONE
    InboxMail.objects.all().delete()
    comment(cast.viewer, about_crew(crew), "Second")
    actions.choose(cast.owner, InboxWish.MINE, by_mail=False)
    assert send_due_inboxes() == 0
    assert len(told(cast.owner)) == 2


def test_who_has_left_or_has_no_address_gets_no_mail(cast: Cast, crew: Crew) -> None:
    local = make_person(cast.team, cast.owner.role, email=LOCAL_OWNER_EMAIL)
    comment(cast.viewer, about_crew(crew), f"@{local.user.email}")
    Membership.objects.filter(user=cast.owner.user).delete()
    assert (send_due_inboxes(), mail.outbox) == (0, [])
    assert len(told(local)) == 1


def test_a_name_adds_no_lines_to_a_mail(cast: Cast, crew: Crew) -> None:
    cast.editor.user.name = "Ed\r\n\r\nYour password ends: x"
    cast.editor.user.save()
    comment(cast.editor, about_crew(crew), "Look, @owner@example.com")
    send_due_inboxes()
    sent = next(one for one in mail.outbox if one.to == ["owner@example.com"])
    assert sent.body.startswith("Ed Your password ends: x named you in a comment on ")
    assert "\n" not in sent.subject


def test_the_page_shows_what_is_new_and_opening_an_entry_reads_it(cast: Cast, crew: Crew) -> None:
    other = Team.objects.create(slug="second", name="Second")
    Membership.objects.create(team=other, user=cast.owner.user, role=cast.owner.role)
    comment(cast.viewer, about_crew(crew), "<b>Look</b>")
    client = signed_in(cast.owner)
    page = html(client.get("/t/acme/inbox/"))
    assert ("commented Company brief" in page, "&lt;b&gt;Look" in page, "1 new" in page) == (True, True, True)
    assert html(client.get("/t/second/inbox/")).count("Nothing so far") == 1
    assert (head_of(cast.owner).unread, head_of(cast.viewer).unread) == (1, 0)
    entry = InboxEntry.objects.get()
    assert signed_in(cast.viewer).get(f"/t/acme/inbox/{entry.pk}/").status_code == 404
    assert client.get(f"/t/second/inbox/{entry.pk}/").status_code == 404
    answer = client.get(f"/t/acme/inbox/{entry.pk}/")
    assert answer.headers["Location"] == f"/t/acme/crews/{crew.slug}/#comment-{entry.comment_id}"
    assert head_of(cast.owner).unread == 0
    comment(cast.viewer, about_crew(crew), "More")
    client.post("/t/acme/inbox/", {"read": "1"})
    assert head_of(cast.owner).unread == 0


def test_the_choice_is_made_on_the_page(cast: Cast) -> None:
    client = signed_in(cast.viewer)
    assert client.post("/t/acme/inbox/", {"wish": "everything"}).status_code == 422
    assert client.post("/t/acme/inbox/", {"wish": "none"}).status_code == 302
    page = html(client.get("/t/acme/inbox/"))
    assert 'value="none"' in page
    assert " ".join(page.split()).count("checked") == 1


def test_old_entries_and_mails_are_forgotten(cast: Cast, crew: Crew) -> None:
    for text in ("new", "read long ago", "made long ago", "mailed long ago"):
        comment(cast.viewer, about_crew(crew), text)
        make_mails()
        InboxMail.objects.update(made_at=timezone.now() - timedelta(days=31), mail=MailState.SENT, next_try_at=None)
    read, old = InboxEntry.objects.order_by("pk")[1:3]
    InboxEntry.objects.filter(pk=read.pk).update(read_at=timezone.now() - timedelta(days=READ_DAYS + 1))
    InboxEntry.objects.filter(pk=old.pk).update(made_at=timezone.now() - timedelta(days=ALL_DAYS + 1))
    forget()
    assert [one.excerpt for one in inbox(cast.owner)] == ["mailed long ago", "new"]
    assert not InboxMail.objects.exists()
