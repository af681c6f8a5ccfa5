"""Whom a comment names."""

from __future__ import annotations

import pytest

from runs.telling.mentions import MOST_MENTIONS, mentioned
from teams.models import User

ADA = User(pk=1, name="Ada", email="ada@example.com")
LOVELACE = User(pk=2, name="Ada Lovelace", email="lovelace@example.com")
ZOE = User(pk=3, name="Zo\u00eb", email="zoe@example.com")
SECOND_ZOE = User(pk=4, name="ZO\u00cb", email="zoe2@example.com")
NAMELESS = User(pk=5, name="", email="bo@example.com")
MEMBERS = (ADA, LOVELACE, ZOE, SECOND_ZOE, NAMELESS)


@pytest.mark.parametrize(
    ("text", "named"),
    [
        ("@Ada, look", {ADA}),
        ("ask @ada lovelace.", {LOVELACE}),
        ("@Ada Love", {ADA}),
        ("@Adam and @Ada_1", set()),
        ("(@bo@example.com)", {NAMELESS}),
        ("mail ada@example.com", set()),
        ("@@Ada", set()),
        ("@Zo\u00eb!", {ZOE, SECOND_ZOE}),
        ("@", set()),
        ("@lovelace@example.com\n@ADA", {ADA, LOVELACE}),
        ("@nobody @Ada", {ADA}),
    ],
)
def test_members_are_named_as_people_write_them(text: str, named: set[User]) -> None:
    assert mentioned(text, MEMBERS) == named


def test_so_many_signs_are_looked_at() -> None:
    assert mentioned("@x " * (MOST_MENTIONS - 1) + "@Ada", MEMBERS) == {ADA}
    assert mentioned("@x " * MOST_MENTIONS + "@Ada", MEMBERS) == set()


def test_names_are_found_however_their_letters_are_written() -> None:
    people = [User(pk=1, email="a@x", name="Jörg Weiß"), User(pk=2, email="b@x", name="Jose\u0301")]
    assert {one.pk for one in mentioned("@jörg weiß and @Jos\xe9", people)} == {1, 2}
    assert {one.pk for one in mentioned("@JÖRG WEISS and @Jose\u0301", people)} == {1, 2}
