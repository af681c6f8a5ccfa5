"""Comments on runs, crews, versions and bills: who may say what, their bounds, and whom they tell."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from datetime import date, timedelta

import pytest
from django.core.exceptions import PermissionDenied
from django.db import IntegrityError, transaction
from django.http import Http404
from django.utils import timezone

from agents_app.actions import cut_version
from agents_app.models import Crew
from runs.comments import actions
from runs.models import Comment
from runs.telling.subjects import Subject, about_bill, about_crew, about_run, about_version, subject_of
from teams.access import Principal
from teams.models import AuditEntry, TryCount
from teams.refusals import Conflict, Invalid, TooMany
from tests.cast import Cast
from tests.ledger import make_run

pytestmark = pytest.mark.django_db

MONTH = date(2026, 10, 1)
SUBJECTS: dict[str, Callable[[Cast, Crew], Subject]] = {
    "run": lambda cast, crew: about_run(make_run(cast.owner, crew)),
    "crew": lambda cast, crew: about_crew(crew),
    "version": lambda cast, crew: about_version(cut_version(crew, by=cast.owner.user)),
    "bill": lambda cast, crew: about_bill(cast.team, MONTH),
}


@pytest.fixture(params=SUBJECTS)
def subject(request: pytest.FixtureRequest, cast: Cast, crew: Crew) -> Subject:
    return SUBJECTS[request.param](cast, crew)


def test_a_comment_is_about_one_thing_and_says_which(cast: Cast, crew: Crew, subject: Subject) -> None:
    written = actions.comment(cast.viewer, subject, "Good.\r\nMostly.")
    assert written.text == "Good.\nMostly."
    assert list(subject.comments) == [written]
    assert subject_of(Comment.objects.get()) == subject
    other = about_bill(cast.team, date(2026, 9, 1)) if subject.field == "month" else about_bill(cast.team, MONTH)
    assert not other.comments.exists()
    with pytest.raises(IntegrityError), transaction.atomic():
        Comment.objects.create(team=cast.team, text="About nothing.")
    with pytest.raises(IntegrityError), transaction.atomic():
        Comment.objects.create(team=cast.team, text="About two.", crew=crew, month=MONTH)


def test_only_its_author_edits_a_comment_and_owners_remove_any(cast: Cast, subject: Subject) -> None:
    written = actions.comment(cast.runner, subject, "Good.")
    for who in (cast.owner, cast.viewer):
        with pytest.raises(PermissionDenied):
            actions.edit_comment(who, written, "Bad.")
    with pytest.raises(PermissionDenied):
        actions.remove_comment(cast.editor, written)
    edited = actions.edit_comment(cast.runner, written, "Better.")
    assert edited.text == "Better."
    assert edited.edited_at is not None
    actions.remove_comment(cast.owner, written)
    assert not Comment.objects.exists()
    assert list(AuditEntry.objects.filter(kind="comment").order_by("pk").values_list("action", "object", "person")) == [
        ("comment.written", subject.title, "runner@example.com"),
        ("comment.edited", subject.title, "runner@example.com"),
        ("comment.removed", subject.title, "owner@example.com"),
    ]


@pytest.mark.parametrize("text", ["", " \n ", "x" * 4_001])
def test_a_comment_has_something_to_say_and_a_bound(cast: Cast, crew: Crew, text: str) -> None:
    with pytest.raises(Invalid) as refused:
        actions.comment(cast.owner, about_crew(crew), text)
    assert list(refused.value.fields) == ["text"]


def test_there_is_room_for_so_many_comments(cast: Cast, crew: Crew) -> None:
    filled(about_crew(crew), cast.owner, actions.MAX_COMMENTS, minutes=90)
    with pytest.raises(Conflict, match="no room for more"):
        actions.comment(cast.viewer, about_crew(crew), "One more")
    actions.comment(cast.viewer, about_bill(cast.team, MONTH), "Elsewhere")


def test_a_person_writes_so_many_comments_an_hour_those_removed_too(
    cast: Cast, crew: Crew, monkeypatch: pytest.MonkeyPatch
) -> None:
    run, other = about_run(make_run(cast.owner, crew)), about_crew(crew)
    monkeypatch.setattr(actions, "WRITTEN", replace(actions.WRITTEN, most=3))
    actions.remove_comment(cast.owner, actions.comment(cast.owner, run, "Told, and taken back"))
    written = actions.comment(cast.owner, run, "x")
    actions.edit_comment(cast.owner, written, "x")  # nothing changes, and nothing counts
    assert actions.edit_comment(cast.owner, written, "@viewer@example.com").text == "@viewer@example.com"
    with pytest.raises(TooMany):
        actions.edit_comment(cast.owner, written, "@runner@example.com")
    written.refresh_from_db()
    assert written.text == "@viewer@example.com"
    with pytest.raises(TooMany, match="60 comments in the last hour") as refused:
        actions.comment(cast.owner, other, "One more")
    assert 59 * 60 < refused.value.retry_after_s <= 60 * 60
    actions.comment(cast.viewer, other, "Another person's")
    TryCount.objects.update(ends_at=timezone.now())
    actions.comment(cast.owner, other, "One more")


def test_who_comes_too_late_to_a_comment_that_was_removed_is_told_so(cast: Cast, crew: Crew) -> None:
    written = actions.comment(cast.owner, about_crew(crew), "Good.")
    Comment.objects.all().delete()
    with pytest.raises(Http404):
        actions.edit_comment(cast.owner, written, "Better.")
    with pytest.raises(Http404):
        actions.remove_comment(cast.owner, written)


def filled(subject: Subject, who: Principal, count: int, *, minutes: int) -> None:
    Comment.objects.bulk_create(Comment(**subject.key, author=who.user, text="x") for _ in range(count))
    Comment.objects.update(written_at=timezone.now() - timedelta(minutes=minutes))
