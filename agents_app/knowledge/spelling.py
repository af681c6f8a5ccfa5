"""Which words are spelled alike: those that begin the same and share most of their pairs of letters.

The number of comparisons is counted, because whoever writes documents and queries decides how many there could be.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable

ALIKE_START = 3
"""Words are alike only if they begin with the same so many letters: then the index can find the candidates."""
LONGEST_COMPARED = 40
ALIKE = 0.6
"""Of the pairs of letters in both words (Dice's coefficient); also the least share of the longer word's length."""


class Spelling:
    """The words of a query. After ``comparisons`` of them with others, only equal words are found alike."""

    def __init__(self, wanted: Iterable[str], *, comparisons: int) -> None:
        self.comparisons_left = comparisons
        self._wanted = frozenset(wanted)
        self._by_start: dict[str, list[tuple[str, frozenset[str]]]] = defaultdict(list)
        for word in self._wanted:
            if ALIKE_START < len(word) <= LONGEST_COMPARED:
                self._by_start[word[:ALIKE_START]].append((word, _pairs(word)))

    @property
    def starts(self) -> list[str]:
        """How words begin that may be alike."""
        return sorted(self._by_start)

    def alike(self, word: str) -> dict[str, float]:
        """The wanted words that are like this one, each with how much: from ``ALIKE`` to 1."""
        found = {word: 1.0} if word in self._wanted else {}
        near = self._by_start.get(word[:ALIKE_START]) if ALIKE_START < len(word) <= LONGEST_COMPARED else None
        if found or not near or self.comparisons_left < len(near):
            return found
        self.comparisons_left -= len(near)
        pairs = _pairs(word)
        for wanted, wanted_pairs in near:
            likeness = 2 * len(pairs & wanted_pairs) / (len(pairs) + len(wanted_pairs))
            lengths = sorted((len(word), len(wanted)))
            if likeness >= ALIKE and lengths[0] >= ALIKE * lengths[1]:
                found[wanted] = likeness
        return found


def _pairs(word: str) -> frozenset[str]:
    """Each two letters that follow each other; before the first and after the last stands a space."""
    padded = f" {word} "
    return frozenset(padded[at : at + 2] for at in range(len(padded) - 1))
