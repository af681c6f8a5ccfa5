"""The typed filter of runs: ``crew:support status:failed,cancelled cost:0.10..0.50 -model:gpt-4o since:7d by:me``.

All words hold together. A minus sign in front turns a word round: it finds just the runs that the word does not. Words
without a field are looked for in crews' names and in errors. What cannot be understood is refused, each word by itself.
The fields are in ``fields/registry.py``, how a text falls into words in ``fields/words.py``.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass

from django.db.models import Q, QuerySet

from runs.history.fields.asked import Asked
from runs.history.fields.conditions import not_true
from runs.history.fields.names import plain_word
from runs.history.fields.registry import FIELDS
from runs.history.fields.values import moment
from runs.history.fields.words import Misread, Word, words_of, written
from runs.models import Run
from teams.access import Principal
from teams.refusals import Invalid

MAX_CHARS = 500
MAX_WORDS = 20
KNOWN = ", ".join(f"{name}:" for name in FIELDS)


@dataclass(frozen=True, slots=True)
class Fault:
    """A part of the filter that is not understood, from ``start`` to before ``end``, in characters."""

    start: int
    end: int
    message: str


class NotUnderstood(Invalid):
    """The filter has faults. The message, also at the field ``q``, names each word and where it begins."""

    def __init__(self, text: str, faults: Sequence[Fault]) -> None:
        self.text = text
        self.faults = tuple(faults)
        self.complaints = [
            f"{text[fault.start : fault.end]} (at character {fault.start + 1}): {fault.message}." for fault in faults
        ]
        message = " ".join(self.complaints)
        super().__init__(message, fields={"q": message})

    @property
    def rest(self) -> str:
        """The filter without the words at fault."""
        at_fault = {fault.start for fault in self.faults}
        words = words_of(self.text)[0]
        return " ".join(self.text[word.start : word.end] for word in words if word.start not in at_fault)

    def pieces(self) -> Iterator[tuple[str, bool]]:
        """The filter's text from beginning to end, and whether each piece is at fault."""
        at = 0
        for fault in self.faults:
            yield self.text[at : fault.start], False
            yield self.text[fault.start : fault.end], True
            at = fault.end
        yield self.text[at:], False


@dataclass(frozen=True, slots=True)
class RunFilter:
    """A parsed filter."""

    text: str = ""  # as it was typed
    conditions: tuple[Q, ...] = ()  # all of them hold
    words: tuple[Word, ...] = ()

    @classmethod
    def parse(cls, text: str, who: Principal | None = None) -> RunFilter:
        """``who`` asks, for ``by:me``. Raises ``Invalid`` at the field ``q`` for what cannot be understood."""
        text = text.strip()
        if len(text) > MAX_CHARS:
            raise _refusal(f"The filter is longer than {MAX_CHARS} characters. Leave some words out.")
        words, closed = words_of(text)
        if len(words) > MAX_WORDS:
            raise _refusal(f"The filter has more than {MAX_WORDS} words. Leave some out.")
        if not closed:
            raise NotUnderstood(text, [_unclosed(words[-1])])
        asked, conditions, faults = Asked(who), [], []
        for word in words:
            try:
                condition = _condition(word, asked)
                conditions.append(not_true(condition) if word.negated else condition)
            except Misread as misread:
                faults.append(Fault(word.start, word.end, str(misread)))
        if faults := faults or _times_crossed(words, asked):
            raise NotUnderstood(text, faults)
        return cls(text, tuple(conditions), tuple(words))

    def narrowed(self, choices: Mapping[str, str]) -> str:
        """The text with these fields set to these values, or left out where a value is empty. The other words stay as
        they were typed, and so do those with a minus sign.
        """
        kept = [self.text[word.start : word.end] for word in self.words if word.negated or word.name not in choices]
        return " ".join([*kept, *(written(name, value) for name, value in choices.items() if value)])

    def apply(self, runs: QuerySet[Run]) -> QuerySet[Run]:
        for condition in self.conditions:
            runs = runs.filter(condition)
        return runs

    def value(self, name: str) -> str:
        """What was typed for a field, "" if nothing was."""
        return next((word.value.text for word in self.words[::-1] if word.name == name and not word.negated), "")


def _condition(word: Word, asked: Asked) -> Q:
    if unsearchable := next((sign for sign in word.whole.text if sign == "\0" or "\ud800" <= sign <= "\udfff"), ""):
        raise Misread(f"It holds the character U+{ord(unsearchable):04X}, which no text here can have: leave it out")
    if not word.value.text:
        raise Misread("There is no value behind the colon" if word.name else "There is nothing to look for")
    if word.name in FIELDS:
        return FIELDS[word.name].find(word.value, asked)
    if word.name.isalpha():
        raise Misread(f"There is no field {word.name}: write {KNOWN} or put quotation marks around the text to find it")
    return plain_word(word.bare, asked)


def _unclosed(word: Word) -> Fault:
    return Fault(word.start, word.end, "The quotation mark is not closed: write one more behind it")


def _times_crossed(words: Sequence[Word], asked: Asked) -> list[Fault]:
    """The last of ``since:`` and ``until:`` if no time is left between them."""
    ends = [word for word in words if word.name in ("since", "until") and not word.negated]
    begins = [moment(word.value.text, asked.now) for word in ends if word.name == "since"]
    stops = [moment(word.value.text, asked.now) for word in ends if word.name == "until"]
    if not begins or not stops or max(begins) < min(stops):
        return []
    message = f"It ends at {min(stops):%Y-%m-%d %H:%M} UTC, before it begins at {max(begins):%Y-%m-%d %H:%M} UTC"
    return [Fault(ends[-1].start, ends[-1].end, f"{message}: write an earlier since: or a later until:")]


def _refusal(message: str) -> Invalid:
    return Invalid(message, fields={"q": message})
