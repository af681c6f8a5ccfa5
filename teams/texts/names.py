"""Names of people and teams, as they are kept."""

from __future__ import annotations

import re

from django.utils.text import slugify

from engine.text import is_storable, latin
from teams.refusals import Invalid

MAX_NAME_CHARS = 120
MAX_SLUG_CHARS = 60
MADE_UP_PREFIX = "example-"
"""How the addresses of made-up teams begin; no other team gets one."""


PROGRAM = " (program)"
"""How the names of programs end, wherever they are shown, and no person's does."""
PROGRAMS_DOMAIN = "programs.invalid"
"""Of the addresses by which bills and the log tell programs apart. No mail goes there (RFC 2606)."""


def clean_name(typed: str) -> str:
    """A name on one line. Raises ``Invalid`` for none, for one too long and for signs that nobody sees."""
    name = re.sub(r"\s+", " ", typed).strip()
    fault = ""
    if not name:
        fault = "Give a name."
    elif len(name) > MAX_NAME_CHARS:
        fault = f"Give a name of at most {MAX_NAME_CHARS} characters."
    elif not is_storable(name) or not name.isprintable():
        fault = "Give a name of letters, digits and signs that can be seen."
    if fault:
        raise Invalid(fault, fields={"name": fault})
    return name


def own_name(typed: str) -> str:
    """A person's name. ``Invalid`` as ``clean_name``, and for one that would be taken for a program's."""
    name = clean_name(typed)
    if name.endswith(PROGRAM):
        fault = f"Names of programs end in {PROGRAM.strip()}. Choose another one."
        raise Invalid(fault, fields={"name": fault})
    return name


def slug_of(name: str, number: int = 1) -> str:
    """The address of the team of that name; of the second one of that name with ``number`` 2, and so on."""
    stem, end = slugify(latin(name)) or "team", "" if number == 1 else f"-{number}"
    slug = f"{stem[: MAX_SLUG_CHARS - len(end)].strip('-')}{end}"
    return slug_of(f"team {stem}", number) if slug.startswith(MADE_UP_PREFIX) else slug
