"""What one side of a comparison is made of: sums over its runs, their tasks and their calls. No database here."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from fractions import Fraction

from agents_app.models import CrewVersion
from runs.models import Run
from runs.splits.interval import Sample
from runs.states import WASTED

CREW = ""
"""In place of a task's key: calls of the crew as a whole."""
TOKEN_KINDS = ("prompt", "cached", "cache_write", "completion")
"""Tokens that have a price each: of the prompt those neither read from a cache nor written to it, those two, and the
answer's."""


@dataclass(frozen=True, slots=True)
class CallSums:
    """Sums over settled calls that share task, model, cost class, kind, and whether their price is known."""

    task: str  # its key, or CREW
    model: str
    cost_class: str
    kind: str  # "model", "tool" or "task"
    priced: bool
    calls: int
    requests: int  # model requests that were answered
    cost_nusd: int  # 0 where not priced
    tokens: Mapping[str, int]  # by TOKEN_KINDS
    spend: Mapping[str, Fraction]  # by TOKEN_KINDS: tokens times the price that was applied, in USD per million
    latency_ms: int
    waited_ms: int
    nested_ms: int  # what co-workers' calls took, their waits included, which lies within a tool call
    fees_nusd: int = 0  # of the cost what no price of tokens explains: requests, searches, citations, provider's own


@dataclass(frozen=True, slots=True)
class TaskSums:
    """Sums over the runs' tasks of one key."""

    key: str
    position: int
    name: str
    agent: str  # its key
    agent_role: str
    runs: int  # in which it began
    duration_ms: int
    person_ms: int = 0  # while it waited for people


@dataclass(frozen=True, slots=True)
class Totals:
    """Sums over the runs. ``timed``: those that began and ended; the milliseconds are theirs."""

    runs: int
    succeeded: int
    timed: int
    spent_nusd: int
    unpriced_calls: int
    unpriced_runs: int  # with at least one unpriced call
    prompt_tokens: int
    cached_prompt_tokens: int
    cache_write_tokens: int
    completion_tokens: int
    reasoning_tokens: int
    requests: int
    queue_ms: int  # from launch to claim
    duration_ms: int  # from claim to end
    paused_ms: int
    rating_sum: int = 0  # the stars of all ratings
    rating_count: int = 0
    rated_runs: int = 0

    @property
    def total_tokens(self) -> int:
        return self.prompt_tokens + self.completion_tokens


@dataclass(frozen=True, slots=True)
class Spread:
    """How a group's values are spread: order statistics, each a value that a run has."""

    sample: Sample
    p5: int
    p25: int
    p75: int
    p95: int
    least: int
    most: int


@dataclass(frozen=True, slots=True)
class Side:
    """One run, or a group of runs of one kind, real or simulated."""

    id: str  # as in an address: a run's id, slug@number or a filter
    label: str
    simulated: bool
    totals: Totals
    tasks: Sequence[TaskSums]
    calls: Sequence[CallSums]
    run: Run | None = None  # None: a group
    version: CrewVersion | None = None  # of the run or the group; of a filter its newest run's
    filter: str = ""  # finds the group's runs on the page of runs
    cost: Spread | None = None  # of runs whose calls are all priced
    time: Spread | None = None  # from claim to end
    stars: Sample | None = None  # the mean of its ratings, in thousandths; None: nobody rated it
    notes: Sequence[str] = field(default=())
    calls_of: Mapping[str, Sequence[CallSums]] = field(init=False, repr=False, compare=False)  # by task

    def __post_init__(self) -> None:
        calls_of: defaultdict[str, list[CallSums]] = defaultdict(list)
        for row in self.calls:
            calls_of[row.task].append(row)
        object.__setattr__(self, "calls_of", dict(calls_of))

    @property
    def is_group(self) -> bool:
        return self.run is None

    @property
    def runs(self) -> int:
        return self.totals.runs

    @property
    def waste_nusd(self) -> int:
        return sum(row.cost_nusd for row in self.calls if row.cost_class in WASTED)

    @property
    def is_timed(self) -> bool:
        return self.totals.timed > 0

    def mean(self, total: int) -> Fraction:
        """Of one run."""
        return Fraction(total, max(1, self.totals.runs))

    def mean_ms(self, total: int) -> Fraction:
        """Of one run that began and ended."""
        return Fraction(total, max(1, self.totals.timed))
