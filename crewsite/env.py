"""Reads typed values from the environment. An unreadable value stops the start with one sentence that names it."""

from __future__ import annotations

import math
import os
from typing import Any
from urllib.parse import parse_qsl, unquote, urlsplit

from crewsite.refusal import CannotStart


class BadEnvironment(CannotStart):
    """A variable of the environment cannot be used; the message says which, and what it should be."""


def text(name: str, default: str = "") -> str:
    """Without surrounding blanks; an empty variable counts as unset."""
    return os.environ.get(name, "").strip() or default


def words(name: str, default: tuple[str, ...] = ()) -> tuple[str, ...]:
    """A list separated by commas or blanks."""
    return tuple(text(name).replace(",", " ").split()) or default


def flag(name: str, *, default: bool = False) -> bool:
    value = text(name).lower()
    if not value:
        return default
    if value in ("1", "true", "yes", "on"):
        return True
    if value in ("0", "false", "no", "off"):
        return False
    raise BadEnvironment(f"{name} is {value!r}; it should be 1 or 0.")


def number(name: str, default: float, *, least: float, most: float) -> float:
    value = text(name)
    try:
        found = float(value) if value else default
    except ValueError:
        found = math.nan
    if not least <= found <= most:
        raise BadEnvironment(f"{name} is {value!r}; it should be a number from {least:g} to {most:g}.")
    return found


def integer(name: str, default: int, *, least: int, most: int) -> int:
    found = number(name, default, least=least, most=most)
    if found != int(found):
        raise BadEnvironment(f"{name} is {text(name)!r}; it should be a whole number.")
    return int(found)


def url(name: str, default: str = "", *, schemes: tuple[str, ...]) -> str:
    """``schemes`` without ``://``. The value is never repeated in the complaint: it may hold a password."""
    value = text(name, default)
    if value and urlsplit(value).scheme not in schemes:
        raise BadEnvironment(f"{name} should begin with {' or '.join(f'{scheme}://' for scheme in schemes)}.")
    return value


def database(address: str) -> dict[str, Any]:
    """``postgresql://user:password@host:port/name?option=value`` as Django's settings of a database.

    Options are libpq's (``sslmode``, ``connect_timeout``, ...).
    """
    parts = urlsplit(address)
    name = unquote(parts.path.lstrip("/"))
    if parts.scheme not in ("postgresql", "postgres") or not name:
        raise BadEnvironment("DATABASE_URL should be postgresql://user:password@host:port/name.")
    try:
        port = parts.port
    except ValueError:
        raise BadEnvironment("The port in DATABASE_URL is not a number from 1 to 65535.") from None
    return {
        "ENGINE": "django.db.backends.postgresql",
        "NAME": name,
        "USER": unquote(parts.username or ""),
        "PASSWORD": unquote(parts.password or ""),
        "HOST": unquote(parts.hostname or ""),
        "PORT": str(port or ""),
        "OPTIONS": dict(parse_qsl(parts.query)),
    }
