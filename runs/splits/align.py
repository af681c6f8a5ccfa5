"""Which task of one side is which of the other: by key, then renamed ones by likeness, unless a person said it.

Likeness is a guess, so it is shown as one. The work is bounded: texts are cut, and only so many pairs are looked at.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass

LIKE_ENOUGH = 0.5
MAX_TEXT_CHARS = 2_000
MAX_PAIRS = 2_500
"""Of tasks without a namesake: fifty on each side. Beyond that nothing is guessed."""
WORD = re.compile(r"\w+")


@dataclass(frozen=True, slots=True)
class TaskText:
    """What a task is known by, apart from its key."""

    key: str
    name: str = ""
    description: str = ""
    agent: str = ""


@dataclass(frozen=True, slots=True)
class Pair:
    """A task of the baseline and the one of the other side. None: the other side alone has it, or lacks it."""

    old: str | None
    new: str | None
    how: str  # "key", "likeness", "chosen", "added" or "removed"


def aligned(old: Sequence[TaskText], new: Sequence[TaskText], chosen: Mapping[str, str]) -> list[Pair]:
    """Every task of both sides in one pair, in the order of ``old``, then what was added.

    ``chosen``: key in ``old`` to key in ``new``, or to "" for a task that is none of them. What names no task is left
    out of account.
    """
    partner, how = _chosen(old, new, chosen)
    taken = set(partner.values())
    fixed = set(partner) | {key for key, value in chosen.items() if value == ""}
    for task in old:
        if task.key not in fixed and any(other.key == task.key for other in new) and task.key not in taken:
            partner[task.key], how[task.key] = task.key, "key"
            taken.add(task.key)
    free_old = [task for task in old if task.key not in partner and task.key not in fixed]
    free_new = [task for task in new if task.key not in taken]
    for before, after in _alike(free_old, free_new):
        partner[before], how[before] = after, "likeness"
        taken.add(after)
    pairs = [Pair(task.key, partner.get(task.key), how.get(task.key, "removed")) for task in old]
    return pairs + [Pair(None, task.key, "added") for task in new if task.key not in taken]


def _chosen(
    old: Sequence[TaskText], new: Sequence[TaskText], chosen: Mapping[str, str]
) -> tuple[dict[str, str], dict[str, str]]:
    """The choices that name a task on each side, each of the other side's at most once."""
    olds, news = {task.key for task in old}, {task.key for task in new}
    partner: dict[str, str] = {}
    for before, after in chosen.items():
        if before in olds and after in news and after not in partner.values():
            partner[before] = after
    return partner, dict.fromkeys(partner, "chosen")


def _alike(old: Sequence[TaskText], new: Sequence[TaskText]) -> list[tuple[str, str]]:
    """The likest pairs first, each task once."""
    if not old or not new or len(old) * len(new) > MAX_PAIRS:
        return []
    words = {id(task): _words_of(task) for task in (*old, *new)}
    scored = sorted(
        (
            (-likeness(words[id(a)], words[id(b)]), i, j, a.key, b.key)
            for i, a in enumerate(old)
            for j, b in enumerate(new)
        ),
    )
    pairs: dict[str, str] = {}
    for score, _, _, before, after in scored:
        if -score >= LIKE_ENOUGH and before not in pairs and after not in pairs.values():
            pairs[before] = after
    return list(pairs.items())


Words = tuple[frozenset[str], frozenset[str], str]


def _words_of(task: TaskText) -> Words:
    return _words(f"{task.key} {task.name}"), _words(task.description), task.agent


def _words(text: str) -> frozenset[str]:
    return frozenset(WORD.findall(text[:MAX_TEXT_CHARS].lower().replace("_", " ")))


def likeness(one: Words, other: Words) -> float:
    """From 0 to 1: how many words the names and the descriptions share, and whether the agent is the same."""
    names, texts = _shared(one[0], other[0]), _shared(one[1], other[1])
    agent = 1.0 if one[2] and one[2] == other[2] else 0.0
    if not one[1] or not other[1]:
        return 0.75 * names + 0.25 * agent
    return 0.25 * names + 0.6 * texts + 0.15 * agent


def _shared(one: Iterable[str], other: Iterable[str]) -> float:
    """Dice's coefficient of two sets."""
    a, b = set(one), set(other)
    return 2 * len(a & b) / (len(a) + len(b)) if a or b else 0.0
