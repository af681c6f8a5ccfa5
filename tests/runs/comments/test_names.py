"""Names of members are completed while somebody writes a comment."""

from __future__ import annotations

from typing import Any
from urllib.parse import urlencode

import pytest

from runs.comments.names import MOST, names_at
from runs.telling.mentions import mentioned
from teams.models import Role, Team, User
from teams.programs.actions import make_program
from tests.cast import Cast, make_person
from tests.pages import html, signed_in

pytestmark = pytest.mark.django_db


def call(who: Any, name: str) -> None:
    User.objects.filter(pk=who.user.pk).update(name=name)


def offered(cast: Cast, text: str, at: int | None = None) -> list[str]:
    return [one.text for one in names_at(cast.owner, text, len(text) if at is None else at).options]


@pytest.fixture
def people(cast: Cast) -> Cast:
    call(cast.editor, "Ada Lovelace")
    call(cast.runner, "Ádám Weiß")
    call(cast.viewer, "Grace Hopper")
    call(cast.stranger, "Ada of Others")
    call(cast.owner, "Ada Myself")
    make_program(cast.owner, name="Adam's nightly", role=Role.RUNNER)
    closed = make_person(cast.team, Role.VIEWER, email="ada.closed@example.com")
    User.objects.filter(pk=closed.user.pk).update(is_active=False)
    return cast


def test_members_are_offered_whom_the_letters_behind_the_sign_begin(people: Cast) -> None:
    assert offered(people, "@") == ["Ada Lovelace", "Grace Hopper", "Ádám Weiß"]
    for typed in ("@ada", "Look, @ADA L", "(@editor@exa", "@lovel", "a\n@ada"):
        assert offered(people, typed) == ["Ada Lovelace"], typed
    assert offered(people, "@a\u0301d") == ["Ádám Weiß"], "spelt with a mark of its own"
    assert offered(people, "@WEISS") == ["Ádám Weiß"], "spelt in capital letters"
    for typed in ("", "ada", "@@ada", "mail ada@exam", "@nobody", "@Ada Lovelace said", "@\nada", "@ada\x00"):
        assert offered(people, typed) == [], typed
    assert offered(people, "@Ada Lovelace") == [], "it is written out"
    assert offered(people, "Hi @ada, well", at=7) == ["Ada Lovelace"]
    for at in (-5, 0, 10_000):
        assert offered(people, "@ada", at=at) == (["Ada Lovelace"] if at > 0 else [])


def test_what_is_offered_names_one_person_alone_and_takes_the_place_of_what_was_typed(people: Cast) -> None:
    call(make_person(people.team, Role.VIEWER, email="second@example.com"), "ada lovelace")
    assert offered(people, "@ada") == ["editor@example.com", "second@example.com"]
    found = names_at(people.owner, "🦀 @grac", 7)
    text = "🦀 @grac"[: found.start] + found.options[0].text + "🦀 @grac"[found.end :]
    assert text == "🦀 @Grace Hopper"
    assert {user.email for user in mentioned(text, User.objects.all())} == {"viewer@example.com"}
    assert (found.options[0].label, found.options[0].about) == ("Grace Hopper", "viewer@example.com")


def test_so_many_are_offered_by_one_query(people: Cast, django_assert_num_queries: Any) -> None:
    for number in range(MOST):
        call(make_person(people.team, Role.VIEWER, email=f"{number}@example.com"), f"Zed {number}")
    with django_assert_num_queries(1):
        assert len(offered(people, "@")) == MOST
    assert offered(people, "@7") == ["Zed 7"]


def test_the_page_asks_for_its_own_team_alone(people: Cast) -> None:
    path = "/t/acme/comments/names/"
    asked = {"q": "@<b>", "at": 4}
    call(people.editor, "<b>Ada</b>")
    answer = signed_in(people.viewer).get(f"{path}?{urlencode(asked)}")
    assert answer.json()["options"][0]["text"] == "<b>Ada</b>"
    assert answer["Content-Type"] == "application/json"
    assert signed_in(people.stranger).get(path).status_code == 404
    assert signed_in(people.viewer).post(path).status_code == 405
    for odd in ("", "?at=x", "?at=9999999", "?q=%00@&at=2"):
        assert signed_in(people.viewer).get(f"{path}{odd}").status_code in (200, 400)
    Team.objects.filter(pk=people.team.pk).update(name="Acme")
    page = html(signed_in(people.viewer).get("/t/acme/bills/2026-10/comments/"))
    assert f'data-completes="{path}"' in page
