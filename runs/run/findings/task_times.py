"""What the time of a run's tasks went to, task by task, as if they ran one after another.

A run's own page and comparisons use the same rules, so that both say the same.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from fractions import Fraction

ZERO = Fraction(0)


@dataclass(frozen=True, slots=True)
class TaskFacts:
    """Of one task, or of the crew's own calls, in milliseconds."""

    whole: Fraction  # from the task's begin to its end; 0 for the crew
    asked: Fraction  # what models took, and outputs that were taken over
    tools: Fraction  # what tool calls took, less what lies within them of co-workers' calls
    waited: Fraction  # for a turn at the provider, or for money that calls in flight held
    person: Fraction


@dataclass(frozen=True, slots=True)
class TaskTime:
    """What a task's time went to, in milliseconds. What models took is with the calls."""

    tools: Fraction
    waited: Fraction
    person: Fraction
    own: Fraction  # what is left of the task's time


def pause_beyond_people(paused: Fraction, person: Fraction) -> Fraction:
    """While nobody worked on the run, apart from what people took: for a budget, or until a worker came again."""
    return max(ZERO, paused - person)


def task_times(facts: Mapping[str, TaskFacts], pause: Fraction) -> dict[str, TaskTime]:
    """By task. What the run was set aside for (``pause``, see above) lies in tasks that were under way, so it is taken
    out of their own time, the longest first."""
    times = {key: _time_of(of_task) for key, of_task in facts.items()}
    left = pause
    for key in sorted(times, key=lambda key: -times[key].own):
        taken = min(left, times[key].own)
        left -= taken
        time = times[key]
        times[key] = TaskTime(time.tools, time.waited, time.person, time.own - taken)
    return times


def _time_of(facts: TaskFacts) -> TaskTime:
    known = facts.asked + facts.tools + facts.waited + facts.person
    return TaskTime(facts.tools, facts.waited, facts.person, max(ZERO, facts.whole - known))
