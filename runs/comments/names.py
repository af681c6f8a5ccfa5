"""Which members a comment can name where somebody types."""

from __future__ import annotations

from collections import Counter
from unicodedata import normalize

from runs.telling.mentions import name_begins
from runs.typed_values import Completion, Option
from teams.access import Principal
from teams.queries import members

MOST = 8
LOOKED_AT = 400
"""Characters before the cursor."""


def names_at(who: Principal, text: str, at: int) -> Completion:
    """The members whose name or address begins, as a whole or at a word, with what stands between the last ``@`` and
    the character ``at``: other people of the team, those first that begin so as a whole. Nobody where a name is
    written out. One query at most."""
    text = text[: min(max(0, at), LOOKED_AT)]
    begin = max(name_begins(text), default=None)
    if begin is None or "\n" in text[begin:]:
        return Completion(len(text), len(text), ())
    typed = _folded(text[begin:])
    people = members(who).filter(user__is_active=True, user__is_program=False)
    known = list(people.values_list("user_id", "user__name", "user__email"))
    names = Counter(_folded(name) for _, name, _ in known)
    found = []
    for user, name, email in known:
        if user != who.user.pk and (rank := _rank(typed, name, email)) is not None:
            written = name if name and names[_folded(name)] == 1 else email
            found.append((rank, _folded(name or email), email, Option(written, name or email, email if name else "")))
    options = tuple(option for *_, option in sorted(found, key=lambda one: one[:3])[:MOST])
    if len(options) == 1 and _folded(options[0].text) == typed:
        options = ()
    return Completion(begin, len(text), options)


def _rank(typed: str, name: str, email: str) -> int | None:
    """0 for what begins as a whole, 1 for a word within; None for what does not fit."""
    if _folded(name).startswith(typed) or email.startswith(typed):
        return 0
    return 1 if f" {typed}" in _folded(name) else None


def _folded(text: str) -> str:
    return normalize("NFC", text).casefold()
