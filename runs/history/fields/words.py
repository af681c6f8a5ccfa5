"""How a filter's text falls into words: between blanks, with quotation marks around what belongs together.

Signs within quotation marks are only text: ``crew:"Support, EU"`` is one name, and ``"status:failed"`` is looked for as
it stands.
"""

from __future__ import annotations

from dataclasses import dataclass

QUOTE = '"'


class Misread(ValueError):
    """A word or a value that cannot be understood. The message is for people, and says what to write."""


@dataclass(frozen=True, slots=True)
class Quotable:
    """A text without its quotation marks, which knows what stood between them."""

    text: str
    quoted: tuple[bool, ...]  # one for each character

    def __getitem__(self, part: slice) -> Quotable:
        return Quotable(self.text[part], self.quoted[part])

    def find(self, sign: str) -> int:
        """Where a sign stands for the first time outside of quotation marks, -1 if nowhere."""
        places = (at for at, inside in enumerate(self.quoted) if not inside and self.text[at] == sign)
        return next(places, -1)

    def begins(self, sign: str) -> bool:
        return self.find(sign) == 0

    def split(self, sign: str) -> list[Quotable]:
        """The parts between the signs outside of quotation marks."""
        at = self.find(sign)
        return [self] if at < 0 else [self[:at], *self[at + 1 :].split(sign)]


@dataclass(frozen=True, slots=True)
class Word:
    """One word and its place in the filter's text, in characters; ``end`` is behind its last one."""

    whole: Quotable
    start: int
    end: int

    @property
    def negated(self) -> bool:
        return self.whole.begins("-") and len(self.whole.text) > 1

    @property
    def bare(self) -> Quotable:
        """The word without its minus sign."""
        return self.whole[1:] if self.negated else self.whole

    @property
    def name(self) -> str:
        """What stands before the colon, in small letters; "" of a plain word."""
        return self.bare.text[: max(0, self.bare.find(":"))].lower()

    @property
    def value(self) -> Quotable:
        """What stands behind the colon; of a plain word all of it."""
        return self.bare[self.bare.find(":") + 1 :] if self.name else self.bare


def words_of(text: str) -> tuple[list[Word], bool]:
    """The words, and whether the last quotation mark is closed; if not, the last word reaches to the end."""
    words: list[Word] = []
    signs: list[str] = []
    quoted: list[bool] = []
    start, inside = -1, False
    for at, sign in enumerate(text + " "):
        if at < len(text) and (inside or not sign.isspace()):
            start = at if start < 0 else start
            if sign == QUOTE:
                inside = not inside
            else:
                signs.append(sign)
                quoted.append(inside)
        elif start >= 0:
            words.append(Word(Quotable("".join(signs), tuple(quoted)), start, at))
            signs, quoted, start = [], [], -1
    return words, not inside


def written(name: str, value: str) -> str:
    """A word of a field."""
    return f"{name}:{quoted(value)}"


def quoted(value: str) -> str:
    """A value as it is typed: what has blanks or commas goes between quotation marks, but for an equals sign in front.
    Quotation marks of its own are left out, because nothing can stand for them.
    """
    plain = value.replace(QUOTE, "")
    exact = "=" if plain.startswith("=") else ""
    rest = plain.removeprefix("=")
    special = any(sign.isspace() or sign == "," for sign in rest)
    return f"{exact}{QUOTE}{rest}{QUOTE}" if special else plain
