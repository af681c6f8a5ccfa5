"""Mail settings and our own address from one variable each, and what is refused with the variable's name."""

from __future__ import annotations

import pytest

from crewsite import env


@pytest.mark.parametrize(
    ("url", "host", "port", "starttls", "tls"),
    [
        ("smtp://mail.example.com", "mail.example.com", 587, True, False),
        ("smtps://mail.example.com", "mail.example.com", 465, False, True),
        ("smtp+plain://127.0.0.1:2525", "127.0.0.1", 2525, False, False),
    ],
)
def test_the_scheme_says_how_it_is_encrypted(url: str, host: str, port: int, starttls: bool, tls: bool) -> None:
    found = env.mail(url)
    assert (found["EMAIL_HOST"], found["EMAIL_PORT"]) == (host, port)
    assert (found["EMAIL_USE_TLS"], found["EMAIL_USE_SSL"]) == (starttls, tls)


def test_user_and_password_may_hold_any_character() -> None:
    found = env.mail("smtp://me%40example.com:p%3A%2Fw@mail.example.com")
    assert (found["EMAIL_HOST_USER"], found["EMAIL_HOST_PASSWORD"]) == ("me@example.com", "p:/w")


@pytest.mark.parametrize("url", ["mail.example.com", "http://mail.example.com", "smtp://", "smtp://host:port"])
def test_what_cannot_be_one_is_refused_and_names_the_variable(url: str) -> None:
    with pytest.raises(env.BadEnvironment, match="EMAIL_URL"):
        env.mail(url)


@pytest.mark.parametrize(
    ("given", "origin", "host"),
    [
        ("https://crews.example.com/", "https://crews.example.com", "crews.example.com"),
        ("https://crews.example.com", "https://crews.example.com", "crews.example.com"),
        ("https://Crews.Example.com:443/", "https://crews.example.com", "crews.example.com"),
        ("http://crews.example.com:8000/", "http://crews.example.com:8000", "crews.example.com"),
        ("http://[::1]:8000", "http://[::1]:8000", "[::1]"),
    ],
)
def test_our_address_is_read_as_browsers_write_it(
    monkeypatch: pytest.MonkeyPatch, given: str, origin: str, host: str
) -> None:
    monkeypatch.setenv("PUBLIC_URL", given)
    assert env.origin("PUBLIC_URL", "") == origin
    assert env.host_of(origin) == host


@pytest.mark.parametrize(
    "given",
    [
        "crews.example.com",
        "https://",
        "https://a.b/crews",
        "https://me@a.b",
        "https://a.b?x",
        "ftp://a.b",
        "https://a:x",
    ],
)
def test_an_address_that_links_cannot_begin_with_is_refused(monkeypatch: pytest.MonkeyPatch, given: str) -> None:
    monkeypatch.setenv("PUBLIC_URL", given)
    with pytest.raises(env.BadEnvironment, match="PUBLIC_URL"):
        env.origin("PUBLIC_URL", "")
