"""Names of people and teams, as they are kept."""

from __future__ import annotations

import re

from engine.text import is_storable
from teams.refusals import Invalid

MAX_NAME_CHARS = 120


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
