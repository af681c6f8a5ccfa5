"""Typed readers of environment variables. For a bad value they raise a sentence that names the variable."""

from __future__ import annotations

import os
from typing import Any
from urllib.parse import parse_qsl, unquote, urlsplit

MAIL_PORTS = {"smtp": 587, "smtps": 465, "smtp+plain": 25}
USUAL_PORTS = {"http": 80, "https": 443}
YES, NO = ("1", "true", "yes", "on"), ("0", "false", "no", "off")


class BadEnvironment(Exception):
    """An environment variable has a value that cannot be used. The message names it and says what can."""


def text(name: str, default: str = "") -> str:
    return os.environ.get(name, "").strip() or default


def flag(name: str, *, default: bool) -> bool:
    value = text(name).lower()
    if value and value not in (*YES, *NO):
        raise BadEnvironment(f"{name} is {value!r}; use 1 or 0.")
    return value in YES if value else default


def choice(name: str, default: str, allowed: tuple[str, ...]) -> str:
    """One of the allowed words, as it stands there; upper or lower case does not matter."""
    value = text(name, default)
    chosen = next((word for word in allowed if word.lower() == value.lower()), None)
    if chosen is None:
        raise BadEnvironment(f"{name} is {value!r}; use one of {', '.join(allowed)}.")
    return chosen


def number(name: str, default: float, *, least: float = 0, most: float = 1e9) -> float:
    value = text(name)
    try:
        parsed = float(value) if value else default
    except ValueError:
        raise BadEnvironment(f"{name} is {value!r}; use a number.") from None
    if not least <= parsed <= most:
        raise BadEnvironment(f"{name} is {value!r}; use a number from {least:g} to {most:g}.")
    return parsed


def origin(name: str, default: str) -> str:
    """``http://host`` or ``https://host:port`` as browsers write it: without a slash at the end or a usual port."""
    value = text(name, default)
    complaint = f"{name} is {value!r}; give scheme and host alone, such as https://crews.example.com."
    try:
        parts = urlsplit(value)
        port = parts.port
    except ValueError:
        raise BadEnvironment(complaint) from None
    more = parts.path.strip("/") or parts.query or parts.fragment or "@" in parts.netloc
    if parts.scheme not in USUAL_PORTS or not parts.hostname or more:
        raise BadEnvironment(complaint)
    host = f"[{parts.hostname}]" if ":" in parts.hostname else parts.hostname
    return f"{parts.scheme}://{host}" + (f":{port}" if port not in (None, USUAL_PORTS[parts.scheme]) else "")


def host_of(url: str) -> str:
    """The host of an origin, as Django's ``ALLOWED_HOSTS`` has it."""
    host = urlsplit(url).hostname or ""
    return f"[{host}]" if ":" in host else host


def names(name: str) -> tuple[str, ...]:
    """Comma- or space-separated words."""
    return tuple(text(name).replace(",", " ").split())


SILENCE_LIMITS = {
    "connect_timeout": "10",
    "tcp_user_timeout": "20000",
    "keepalives_idle": "10",
    "keepalives_interval": "5",
    "keepalives_count": "3",
}
"""In seconds, but ``tcp_user_timeout`` in milliseconds. Without these limits a network that swallows packets, as when
the database's host is gone, holds a worker's writer and the keeper of its leases for a quarter of an hour."""


def mail(url: str) -> dict[str, Any]:
    """Django's mail settings from ``smtp://user:password@host:port`` (TLS by STARTTLS), ``smtps://`` (TLS from the
    start) or ``smtp+plain://`` (no TLS, for a relay on the same machine)."""
    try:
        parts = urlsplit(url)
        port = parts.port
    except ValueError as error:
        raise BadEnvironment(f"EMAIL_URL cannot be read: {error}.") from None
    if parts.scheme not in MAIL_PORTS or not parts.hostname:
        raise BadEnvironment(
            f"EMAIL_URL must begin with {', '.join(f'{name}://' for name in MAIL_PORTS)} and name a host."
        )
    return {
        "EMAIL_HOST": parts.hostname,
        "EMAIL_PORT": port or MAIL_PORTS[parts.scheme],
        "EMAIL_HOST_USER": unquote(parts.username or ""),
        "EMAIL_HOST_PASSWORD": unquote(parts.password or ""),
        "EMAIL_USE_TLS": parts.scheme == "smtp",
        "EMAIL_USE_SSL": parts.scheme == "smtps",
    }


def database(url: str) -> dict[str, Any]:
    """Django's database settings from a ``postgresql://`` URL; query parameters become connection options."""
    try:
        parts = urlsplit(url)
        port = parts.port
    except ValueError as error:
        raise BadEnvironment(f"DATABASE_URL cannot be read: {error}.") from None
    if parts.scheme not in ("postgres", "postgresql") or not parts.path.strip("/"):
        raise BadEnvironment(
            "DATABASE_URL must look like postgresql://user:password@host:5432/name. Crewsite runs on PostgreSQL only."
        )
    options = SILENCE_LIMITS | dict(parse_qsl(parts.query))
    return {
        "ENGINE": "django.db.backends.postgresql",
        "NAME": unquote(parts.path.strip("/")),
        "USER": unquote(parts.username or ""),
        "PASSWORD": unquote(parts.password or ""),
        "HOST": unquote(parts.hostname or options.pop("host", "")),
        "PORT": str(port or ""),
        "OPTIONS": options,
    }
