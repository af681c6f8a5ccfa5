"""Why one side took longer than the other, from launch to end: an exact split, of groups for a mean run.

A run's time is its wait for a worker, plus what its tasks took, each by itself: models, tools, waits and our own work;
plus what the crew's own calls took and what it was set aside for; less what was gained by doing things at once. The
last one is what remains, so that the parts are the whole: time between tasks lies in it too.
"""

from __future__ import annotations

from collections.abc import Sequence
from fractions import Fraction

from runs.run.findings.task_times import TaskFacts, TaskTime, pause_beyond_people, task_times
from runs.splits.align import Pair
from runs.splits.cells import Models, Reason, Reasons, Split, by_model, of_task, one_model, split_of, with_crew
from runs.splits.facts import CREW, CallSums, Side, TaskSums
from runs.splits.shapley import shares, total
from runs.states import CostClass

ZERO = Fraction(0)


def why_time(baseline: Side, other: Side, pairs: Sequence[Pair]) -> Split | None:
    """None if one of the sides has no run that began and ended."""
    if not baseline.is_timed or not other.is_timed:
        return None
    reasons = Reasons()
    before, after = times_of(baseline), times_of(other)
    for pair in with_crew(pairs):
        task = pair.new if pair.new is not None else pair.old
        assert task is not None
        old, new = of_task(baseline, pair.old), of_task(other, pair.new)
        if pair.how in ("added", "removed"):
            change = _whole(other, new, after, pair.new) - _whole(baseline, old, before, pair.old)
            reasons.add(Reason(task, pair.how), change)
            continue
        _of_calls(reasons, task, (baseline, old), (other, new))
        for what in ("tools", "waited", "person", "own"):
            reasons.add(Reason(task, what), getattr(after[task], what) - getattr(before[pair.old or CREW], what))
    for what, of_side in (("queue", _queue), ("paused", paused)):
        reasons.add(Reason(CREW, what), of_side(other) - of_side(baseline))
    span, whole = _span(baseline), _span(other)
    reasons.add(Reason(CREW, "order"), whole - span - total(reasons.shares.values()))
    return split_of(span, whole, dict(reasons.shares))


def _span(side: Side) -> Fraction:
    return side.mean_ms(side.totals.queue_ms + side.totals.duration_ms)


def _queue(side: Side) -> Fraction:
    return side.mean_ms(side.totals.queue_ms)


def paused(side: Side) -> Fraction:
    """See ``pause_beyond_people``."""
    person = sum(task.person_ms for task in side.tasks)
    return pause_beyond_people(side.mean_ms(side.totals.paused_ms), side.mean_ms(person))


def times_of(side: Side) -> dict[str, TaskTime]:
    """By task, and of the crew as a whole, of a mean run."""
    facts = {CREW: _facts_of(side, of_task(side, CREW), None)}
    facts |= {task.key: _facts_of(side, of_task(side, task.key), task) for task in side.tasks}
    return task_times(facts, paused(side))


def _facts_of(side: Side, rows: Sequence[CallSums], task: TaskSums | None) -> TaskFacts:
    tools = sum(row.latency_ms for row in rows if row.kind == "tool") - sum(row.nested_ms for row in rows)
    return TaskFacts(
        whole=side.mean_ms(task.duration_ms if task else 0),
        asked=_asked(side, rows),
        tools=side.mean_ms(tools),
        waited=side.mean_ms(sum(row.waited_ms for row in rows)),
        person=side.mean_ms(task.person_ms if task else 0),
    )


def _asked(side: Side, rows: Sequence[CallSums]) -> Fraction:
    """What models took, and outputs that were taken over."""
    return side.mean_ms(sum(row.latency_ms for row in rows if row.kind != "tool"))


def _whole(side: Side, rows: Sequence[CallSums], times: dict[str, TaskTime], key: str | None) -> Fraction:
    """All that a task took that the other side lacks."""
    if key is None:
        return ZERO
    time = times[key]
    return _asked(side, rows) + time.tools + time.waited + time.person + time.own


Calls = tuple[Side, Sequence[CallSums]]


def _of_calls(reasons: Reasons, task: str, before: Calls, after: Calls) -> None:
    """Model calls of work by model; those of other classes, such as retries, each as a reason of its own."""
    asked = [[row for row in rows if row.kind != "tool"] for _, rows in (before, after)]
    for name in dict.fromkeys(row.cost_class for rows in asked for row in rows):
        olds, news = ([row for row in rows if row.cost_class == name] for rows in asked)
        if name == CostClass.WORK:
            for models in by_model(olds, news):
                _of_models(reasons, task, models, before[0], after[0])
        else:
            change = _asked(after[0], news) - _asked(before[0], olds)
            reasons.add(Reason(task, name, one_model(olds, news)), change)


def _of_models(reasons: Reasons, task: str, models: Models, baseline: Side, other: Side) -> None:
    """Calls × tokens of an answer × milliseconds of a token."""
    old, new = _factors(baseline, models.baseline), _factors(other, models.other)
    if old is None or new is None:
        change = _asked(other, models.other) - _asked(baseline, models.baseline)
        reasons.add(Reason(task, "speed", models.model, models.model_before), change)
        return
    calls, tokens, speed = shares(old if old[0] else (ZERO, *new[1:]), new if new[0] else (ZERO, *old[1:]))
    reasons.add(Reason(task, "calls", models.model, models.model_before), calls)
    reasons.add(Reason(task, "completion", models.model, models.model_before), tokens)
    what = "model" if models.model_before else "speed"
    reasons.add(Reason(task, what, models.model, models.model_before), speed)


def _factors(side: Side, rows: Sequence[CallSums]) -> tuple[Fraction, Fraction, Fraction] | None:
    """None where time was taken and no token came."""
    calls = sum(row.calls for row in rows)
    tokens, latency = sum(row.tokens["completion"] for row in rows), sum(row.latency_ms for row in rows)
    if not tokens:
        return None if latency or calls else (ZERO, ZERO, ZERO)
    return side.mean_ms(calls), Fraction(tokens, calls), Fraction(latency, tokens)
