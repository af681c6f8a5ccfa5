"""Whom a comment names: ``@`` and a member's name or e-mail address, as it is written among people."""

from __future__ import annotations

from collections.abc import Collection, Iterator
from unicodedata import normalize

from teams.models import User

MOST_MENTIONS = 50
"""Signs ``@`` of one comment that are looked at."""


def mentioned(text: str, members: Collection[User]) -> set[User]:
    """The members whom the text names, in any case of letters. Of several names that begin alike the longest counts,
    and a name that several members have names them all."""
    text = normalize("NFC", text)
    named: dict[str, set[User]] = {}
    lengths: set[int] = set()
    for member in members:
        for name in (normalize("NFC", member.name), member.email):
            if name:
                named.setdefault(name.casefold(), set()).add(member)
                lengths |= {len(name), len(name.casefold())}  # "Weiß" is longer in capital letters
    longest_first = sorted(lengths, reverse=True)
    found: set[User] = set()
    for begin in name_begins(text):
        for length in longest_first:
            name, after = text[begin : begin + length].casefold(), text[begin + length : begin + length + 1]
            if name in named and not after.isalnum() and after != "_":
                found |= named[name]
                break
    return found


def name_begins(text: str) -> Iterator[int]:
    """Where a name may begin: behind an ``@`` that stands in no word."""
    at = -1
    for _ in range(MOST_MENTIONS):
        at = text.find("@", at + 1)
        if at < 0:
            return
        if not at or not (text[at - 1].isalnum() or text[at - 1] in "@._"):
            yield at + 1
