"""Reads typed values from the environment. An unreadable value stops the start with one sentence that names it."""

from __future__ import annotations

import os
from urllib.parse import urlsplit


class BadEnvironment(Exception):
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


def integer(name: str, default: int, *, least: int, most: int) -> int:
    value = text(name)
    if not value:
        return default
    try:
        number = int(value)
    except ValueError:
        number = least - 1
    if not least <= number <= most:
        raise BadEnvironment(f"{name} is {value!r}; it should be a whole number from {least} to {most}.")
    return number


def url(name: str, default: str = "", *, schemes: tuple[str, ...]) -> str:
    """``schemes`` without ``://``. The value is never repeated in the complaint: it may hold a password."""
    value = text(name, default)
    if value and urlsplit(value).scheme not in schemes:
        raise BadEnvironment(f"{name} should begin with {' or '.join(f'{scheme}://' for scheme in schemes)}.")
    return value
