"""Values of the environment: read with their type, and refused by name."""

from __future__ import annotations

import pytest

from crewsite import env


@pytest.mark.parametrize(("text", "value"), [("1", True), ("Yes", True), ("off", False), ("0", False), (" ", False)])
def test_a_flag_is_read_in_the_usual_words(monkeypatch: pytest.MonkeyPatch, text: str, value: bool) -> None:
    monkeypatch.setenv("SWITCH", text)
    assert env.flag("SWITCH") is value


@pytest.mark.parametrize("text", ["zero", "0", "65536", "80.5", "nan", "inf"])
def test_a_port_that_is_none_is_refused_by_name(monkeypatch: pytest.MonkeyPatch, text: str) -> None:
    monkeypatch.setenv("PORT", text)
    with pytest.raises(env.BadEnvironment, match="PORT"):
        env.integer("PORT", 8000, least=1, most=65535)


def test_an_empty_variable_counts_as_unset(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("PORT", "")
    assert env.integer("PORT", 8000, least=1, most=65535) == 8000


def test_words_are_separated_by_commas_or_blanks(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("HOSTS", "a.example, b.example  c.example,")
    assert env.words("HOSTS") == ("a.example", "b.example", "c.example")


def test_a_refused_url_is_not_repeated(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("BROKER_URL", "sqs://key:secret@queue")
    with pytest.raises(env.BadEnvironment) as refusal:
        env.url("BROKER_URL", schemes=("redis", "amqp"))
    assert "redis:// or amqp://" in str(refusal.value)
    assert "secret" not in str(refusal.value)


def test_a_database_url_is_taken_apart() -> None:
    found = env.database("postgresql://us%40er:p%2Fw@db.example:6432/crew%20site?sslmode=require&connect_timeout=3")
    assert (found["USER"], found["PASSWORD"], found["HOST"]) == ("us@er", "p/w", "db.example")
    assert (found["PORT"], found["NAME"]) == ("6432", "crew site")
    assert found["OPTIONS"] == {"sslmode": "require", "connect_timeout": "3"}


def test_an_ipv6_database_host_loses_its_brackets() -> None:
    assert env.database("postgres://u@[::1]/db")["HOST"] == "::1"


@pytest.mark.parametrize("url", ["", "mysql://u@h/db", "postgresql://u:hidden@h", "postgresql://u:hidden@h:port/db"])
def test_what_is_no_postgresql_address_is_refused_without_its_password(url: str) -> None:
    with pytest.raises(env.BadEnvironment) as refusal:
        env.database(url)
    assert "hidden" not in str(refusal.value)
