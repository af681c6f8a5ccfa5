"""Saved views: whose they are, who may change them, and what is refused."""

from __future__ import annotations

from dataclasses import astuple

import pytest
from django.core.exceptions import PermissionDenied
from django.db import IntegrityError, transaction

from runs.models import SavedView
from runs.named import actions as named
from runs.named.actions import MAX_OF_PERSON
from runs.named.queries import seen_by
from runs.saved_views.actions import Shown, remove_view, rename_view, save_view
from teams.access import Principal
from teams.refusals import Conflict, Invalid
from tests.cast import Cast

pytestmark = pytest.mark.django_db
FAILED = Shown("status:failed since:7d", "cost", "cost,waste,by")


def names(who: Principal) -> list[str]:
    return [view.name for view in seen_by(who, SavedView)]


def test_a_person_keeps_their_own_and_an_editor_the_teams(cast: Cast) -> None:
    save_view(cast.viewer, "Mine", FAILED, for_team=False)
    save_view(cast.editor, "Ours", FAILED, for_team=True)
    assert names(cast.viewer) == ["Ours", "Mine"]
    assert names(cast.owner) == ["Ours"]
    assert names(cast.stranger) == []


@pytest.mark.parametrize("name", ["viewer", "runner"])
def test_smaller_roles_change_no_view_of_the_team(cast: Cast, name: str) -> None:
    who = getattr(cast, name)
    view = save_view(cast.owner, "Ours", FAILED, for_team=True)
    for act in (
        lambda: save_view(who, "Other", FAILED, for_team=True),
        lambda: save_view(who, "Ours", FAILED, for_team=True, replace=True),
        lambda: rename_view(who, view, "Other"),
        lambda: remove_view(who, view),
    ):
        with pytest.raises(PermissionDenied):
            act()
    assert names(cast.owner) == ["Ours"]


def test_it_keeps_filter_order_and_columns(cast: Cast) -> None:
    view = save_view(cast.viewer, "  Failed \n runs ", FAILED, for_team=False)
    assert (view.name, view.q, view.sort, view.columns) == ("Failed runs", *astuple(FAILED))
    assert view.changed_by == cast.viewer.user


def test_a_name_is_there_once_for_each_owner_whatever_its_case(cast: Cast) -> None:
    save_view(cast.owner, "Failed", FAILED, for_team=False)
    save_view(cast.owner, "Failed", FAILED, for_team=True)
    save_view(cast.editor, "failed", FAILED, for_team=False)
    with pytest.raises(Conflict, match="You have a view “Failed” already"):
        save_view(cast.owner, "FAILED", FAILED, for_team=False)
    with pytest.raises(Conflict, match="The team has"):
        save_view(cast.editor, "FAILED", FAILED, for_team=True)
    other = save_view(cast.owner, "Other", FAILED, for_team=False)
    with pytest.raises(Conflict):
        rename_view(cast.owner, other, "failed")
    for owner in (None, cast.owner.user):
        with pytest.raises(IntegrityError), transaction.atomic():
            SavedView.objects.create(team=cast.team, owner=owner, name="fAILED", sort="newest", columns="")


def test_replacing_keeps_the_views_address(cast: Cast) -> None:
    view = save_view(cast.editor, "Failed", FAILED, for_team=True)
    again = save_view(cast.owner, "FAILED", Shown("", "newest", "cost"), for_team=True, replace=True)
    assert (again.pk, again.name, again.q, again.columns) == (view.pk, "FAILED", "", "cost")
    assert again.changed_by == cast.owner.user
    assert again.changed_at >= view.changed_at


def test_renaming_to_another_case_of_its_own_name_is_no_conflict(cast: Cast) -> None:
    view = save_view(cast.viewer, "failed", FAILED, for_team=False)
    assert rename_view(cast.viewer, view, "Failed").name == "Failed"
    remove_view(cast.viewer, view)
    assert names(cast.viewer) == []


@pytest.mark.parametrize("name", ["", "  \n", "x" * 61])
def test_a_name_has_to_be_one(cast: Cast, name: str) -> None:
    with pytest.raises(Invalid) as refused:
        save_view(cast.viewer, name, FAILED, for_team=False)
    assert "name" in refused.value.fields


@pytest.mark.parametrize(
    "shown", [Shown("cost:x", "newest", ""), Shown("", "colour", ""), Shown("", "newest", "cost,colour")]
)
def test_what_no_list_shows_is_not_kept(cast: Cast, shown: Shown) -> None:
    with pytest.raises(Invalid):
        save_view(cast.viewer, "Odd", shown, for_team=False)
    assert not SavedView.objects.exists()


def test_there_are_at_most_so_many(cast: Cast, monkeypatch: pytest.MonkeyPatch) -> None:
    assert (named.MAX_OF_PERSON, named.MAX_OF_TEAM) == (50, 100)
    for number in range(MAX_OF_PERSON):
        save_view(cast.viewer, f"View {number}", FAILED, for_team=False)
    with pytest.raises(Invalid, match="Remove one first"):
        save_view(cast.viewer, "One more", FAILED, for_team=False)
    save_view(cast.viewer, "View 0", FAILED, for_team=False, replace=True)
    monkeypatch.setattr(named, "MAX_OF_TEAM", 0)
    with pytest.raises(Invalid, match="The team has 0"):
        save_view(cast.owner, "One more", FAILED, for_team=True)
