"""Which task of a graph stands in which row, and where in the row, so that few lines cross.

A light Sugiyama method: longest chains give the rows, long lines get a slot in each row that they pass, and rows are
sorted by the mean place of their neighbours. It works with names and numbers only; ``place`` makes pixels of them.
"""

from __future__ import annotations

from bisect import bisect_right
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from itertools import pairwise

SWEEPS = 8
SWAP_ROUNDS = 4
MOST_SLOTS = 600

Pair = tuple[str, str]


@dataclass(frozen=True, slots=True)
class Rows:
    """``rows``: the slots of each row in order. ``ways``: for each line its slots from source to target.

    A slot is a task's key or, where a line passes a row, a name that no task has.
    """

    rows: tuple[tuple[str, ...], ...]
    ways: Mapping[Pair, tuple[str, ...]]


def arranged(keys: Sequence[str], lines: Iterable[Pair], *, most: int) -> Rows:
    """Rows of at most ``most`` tasks. ``keys`` come in an order in which nearly all lines run forwards.

    Lines that run backwards (a draft's cycles) get no way and do not count for the order. If more lines pass rows than
    anyone could tell apart, they get no slots and run straight.
    """
    pairs = list(lines)
    position = {key: index for index, key in enumerate(keys)}
    forwards = [pair for pair in pairs if position[pair[0]] < position[pair[1]]]
    rank = _ranks(keys, forwards, most=most)
    rows: list[list[str]] = [[] for _ in range(max(rank.values(), default=-1) + 1)]
    for key in keys:
        rows[rank[key]].append(key)
    ways: dict[Pair, tuple[str, ...]] = {}
    tangled = sum(rank[target] - rank[source] - 1 for source, target in forwards) > MOST_SLOTS
    for number, (source, target) in enumerate(forwards):
        passed = range(rank[source] + 1, rank[source] + 1 if tangled else rank[target])
        slots = [f"{number}:{row}" for row in passed]  # a colon is in no key
        for row, slot in zip(passed, slots, strict=True):
            rows[row].append(slot)
        ways[source, target] = (source, *slots, target)
    return Rows(_fewest_crossings(rows, ways), ways)


def _ranks(keys: Sequence[str], lines: Sequence[Pair], *, most: int) -> dict[str, int]:
    """The row of each task: the first row with a free place below all tasks that it waits for.

    Tasks with the longest chains behind them are placed first.
    """
    above: dict[str, list[str]] = {}
    below: dict[str, list[str]] = {}
    for source, target in lines:
        above.setdefault(target, []).append(source)
        below.setdefault(source, []).append(target)
    chain: dict[str, int] = {}
    for key in reversed(keys):
        chain[key] = 1 + max((chain[other] for other in below.get(key, ())), default=0)
    rank: dict[str, int] = {}
    left = list(keys)
    while left:
        free = [key for key in left if all(other in rank for other in above.get(key, ()))]
        row = max(rank.values(), default=-1) + 1
        chosen = set(sorted(free, key=lambda key: -chain[key])[: _even(len(free), most)])
        rank.update(dict.fromkeys((key for key in free if key in chosen), row))
        left = [key for key in left if key not in chosen]
    return rank


def _even(count: int, most: int) -> int:
    """How many of ``count`` stand in a row if they are spread evenly over as few rows as possible."""
    return -(-count // -(-count // most))


def _fewest_crossings(rows: list[list[str]], ways: Mapping[Pair, tuple[str, ...]]) -> tuple[tuple[str, ...], ...]:
    """The best of several sweeps down and up. Each sorts rows by their neighbours' places, then swaps within them."""
    up, down = _neighbours(ways)
    best = tuple(map(tuple, rows))
    lowest = _badness(best, down)
    for sweep in range(SWEEPS):
        _sweep(rows, up if sweep % 2 == 0 else down, downwards=sweep % 2 == 0)
        _swap(rows, up, down)
        badness = _badness(rows, down)
        if badness < lowest:
            best, lowest = tuple(map(tuple, rows)), badness
    return best


def _badness(rows: Sequence[Sequence[str]], down: Mapping[str, list[str]]) -> tuple[int, float]:
    """The number of crossings, then how far lines run sideways between centred rows."""
    place = {slot: index - (len(row) - 1) / 2 for row in rows for index, slot in enumerate(row)}
    sideways = sum(_weight(a, b) * abs(place[a] - place[b]) for a, others in down.items() for b in others)
    return crossings(rows, down), round(sideways, 6)


def _neighbours(ways: Mapping[Pair, tuple[str, ...]]) -> tuple[dict[str, list[str]], dict[str, list[str]]]:
    up: dict[str, list[str]] = {}
    down: dict[str, list[str]] = {}
    for way in ways.values():
        for upper, lower in pairwise(way):
            down.setdefault(upper, []).append(lower)
            up.setdefault(lower, []).append(upper)
    return up, down


def _sweep(rows: list[list[str]], neighbours: Mapping[str, list[str]], *, downwards: bool) -> None:
    place = {slot: index - (len(row) - 1) / 2 for row in rows for index, slot in enumerate(row)}
    for row in rows if downwards else rows[::-1]:
        means = {slot: _mean([place[other] for other in neighbours.get(slot, ())], place[slot]) for slot in row}
        row.sort(key=means.__getitem__)
        place.update({slot: index - (len(row) - 1) / 2 for index, slot in enumerate(row)})


def _mean(values: Sequence[float], otherwise: float) -> float:
    return sum(values) / len(values) if values else otherwise


def _swap(rows: list[list[str]], up: Mapping[str, list[str]], down: Mapping[str, list[str]]) -> None:
    """Swaps neighbours in a row where that removes crossings, or shortens lines without adding any."""
    place = {slot: index - (len(row) - 1) / 2 for row in rows for index, slot in enumerate(row)}
    for _ in range(SWAP_ROUNDS):
        swapped = False
        for row in rows:
            for left in range(len(row) - 1):
                slot, right_slot = row[left], row[left + 1]
                gain = _gain(slot, right_slot, up, place) + _gain(slot, right_slot, down, place)
                if gain > 0 or (gain == 0 and _shorter(slot, right_slot, up, down, place)):
                    row[left], row[left + 1] = right_slot, slot
                    place[slot], place[right_slot] = place[right_slot], place[slot]
                    swapped = True
        if not swapped:
            return


def _gain(left: str, right: str, neighbours: Mapping[str, list[str]], place: Mapping[str, float]) -> int:
    """How many crossings disappear if ``right`` stands before ``left``."""
    pairs = [(place[a], place[b]) for a in neighbours.get(left, ()) for b in neighbours.get(right, ())]
    return sum(a > b for a, b in pairs) - sum(a < b for a, b in pairs)


def _shorter(
    left: str, right: str, up: Mapping[str, list[str]], down: Mapping[str, list[str]], place: Mapping[str, float]
) -> bool:
    """Whether the lines of both run less far sideways, in sum, if ``right`` stands before ``left``."""
    before = after = 0.0
    for slot, here, there in ((left, place[left], place[right]), (right, place[right], place[left])):
        for other in (*up.get(slot, ()), *down.get(slot, ())):
            before += _weight(slot, other) * abs(here - place[other])
            after += _weight(slot, other) * abs(there - place[other])
    return after < before - 1e-6


def _weight(slot: str, other: str) -> int:
    """How much it matters that this part of a line is straight: more in long lines, whose slots have a colon."""
    return 1 + 2 * (":" in slot) + 2 * (":" in other)


def crossings(rows: Sequence[Sequence[str]], down: Mapping[str, list[str]]) -> int:
    """How many pairs of lines cross between neighbouring rows."""
    total = 0
    for upper, lower in pairwise(rows):
        place = {slot: index for index, slot in enumerate(lower)}
        seen: list[int] = []
        for slot in upper:
            ends = [place[other] for other in down.get(slot, ()) if other in place]
            total += sum(len(seen) - bisect_right(seen, end) for end in ends)
            seen = sorted([*seen, *ends])
    return total
