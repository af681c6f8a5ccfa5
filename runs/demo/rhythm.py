"""When the runs of a made-up history are launched: how many in each hour, and of which crews.

Office hours, weekends, growth and chance. The same seed gives the same hours. No run is made here.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from itertools import accumulate
from random import Random

from runs.demo.story import StoryCrew

OFFICE_HOURS = (1, 1, 0, 1, 1, 2, 4, 12, 34, 62, 74, 70, 48, 58, 72, 70, 58, 34, 16, 9, 6, 4, 3, 2)
"""How busy people are in each hour of a day, in UTC. The hour at 2 is the scheduler's alone."""
NIGHT_HOUR = 2
NIGHTLY_SHARE = 0.05
GROWTH = 0.35
"""By how much more the last day is used than the first."""
HOUR = timedelta(hours=1)


@dataclass(frozen=True, slots=True)
class Hour:
    """The runs with the numbers from ``first`` up to ``stop``, launched in the hour that begins at ``begins``.

    ``crews`` are their positions in the story, and ``shares`` run up to 1 in the same order.
    """

    begins: datetime
    first: int
    stop: int
    crews: tuple[int, ...]
    shares: tuple[float, ...]


def hours(crews: Sequence[StoryCrew], *, runs: int, days: int, until: datetime, seed: int) -> list[Hour]:
    """The hours in which something is launched. Their numbers run from 0 to ``runs`` without a gap."""
    all_hours = [until - HOUR * before for before in range(days * 24, 0, -1)]
    chance = Random(f"rhythm {seed}")  # noqa: S311 - the same numbers for the same seed, on purpose
    nightly = [place for place, crew in enumerate(crews) if crew.nightly]
    a_night = round(runs * NIGHTLY_SHARE / days) or int(runs >= 5 * days)
    nights = sum(begins.hour == NIGHT_HOUR for begins in all_hours)
    weights = list(_weights(crews, all_hours, until, chance))
    counts = iter(_spread(runs - nights * a_night, [sum(row) for row in weights], chance))
    made, number = [], 0
    for begins, row in zip(all_hours, weights, strict=True):
        by_people = next(counts)
        here = (*nightly,) if begins.hour == NIGHT_HOUR else tuple(place for place, weight in enumerate(row) if weight)
        count = a_night if begins.hour == NIGHT_HOUR else by_people
        if count:
            shares = [1.0] * len(here) if begins.hour == NIGHT_HOUR else [row[place] for place in here]
            total = sum(shares)
            up_to = tuple(share / total for share in accumulate(shares))
            made.append(Hour(begins, number, number + count, here, up_to))
            number += count
    return made


def _weights(
    crews: Sequence[StoryCrew], all_hours: Sequence[datetime], until: datetime, chance: Random
) -> Iterator[list[float]]:
    """For each hour, how much each crew is used by people."""
    luck: dict[object, float] = {}
    first = all_hours[0]
    for begins in all_hours:
        days_left = (until - begins) / timedelta(days=1)
        busy = OFFICE_HOURS[begins.hour] * luck.setdefault(begins.date(), chance.uniform(0.82, 1.18))
        busy *= 1 + GROWTH * ((begins - first) / (until - first))
        weekend = begins.weekday() >= 5
        yield [
            busy * crew.weight * (crew.weekend if weekend else 1)
            if crew.until_days <= days_left <= crew.versions[0].since_days
            else 0.0
            for crew in crews
        ]


def _spread(count: int, weights: Sequence[float], chance: Random) -> list[int]:
    """Whole numbers in the weights' proportion, by chance where those are not whole; they sum to the count exactly."""
    all_reached = list(accumulate(weights))
    last, counts = 0, []
    for weight, reached in zip(weights, all_reached, strict=True):
        if not weight:
            counts.append(0)
            continue
        whole = reached >= all_reached[-1]
        mark = count if whole else min(count, int(count * reached / all_reached[-1] + chance.random()))
        counts.append(max(0, mark - last))
        last = max(last, mark)
    return counts
