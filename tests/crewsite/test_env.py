"""Mail settings from one address, and what is refused with the variable's name."""

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
