"""Who is there, what may be done next, and what is looked at after each step. The deeds are elsewhere."""

from __future__ import annotations

import inspect
from collections import Counter
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from itertools import count
from typing import Any, ClassVar, TypeVar

from hypothesis import note
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, initialize, invariant, rule

from runs.ledger.invariants import INVARIANTS, check
from tests.runs.protocol.facts import Facts, Violated
from tests.runs.protocol.model import RunModel
from tests.runs.protocol.worker import Worker
from tests.runs.protocol.world import World

T = TypeVar("T")

SIDES = 10_000
FAVOUR = 12
OF_THE_CLOCK = {"nothing_idle", "ended_calls"}
"""Invariants that go by how long something took, where here hours pass in a step and nobody sweeps."""
NOT_KEPT = {"closed_bill_copy"}
"""Here months pass for bills that are closed, so they are closed without the frozen copy that says its month."""
TEAM_OF = (0, 1, 0)
"""The team of each person of the world."""


@dataclass(frozen=True)
class Act:
    """What may happen in a step: how often, whether most examples do without it, and when it is possible."""

    weight: int
    rare: bool
    when: Callable[[Any], Any]


def act(*, weight: int = 1, rare: bool = False, when: Callable[[Any], Any] = lambda stage: True) -> Any:
    def marked(method: Any) -> Any:
        method.act = Act(weight, rare, when)
        return method

    return marked


class Stage(RuleBasedStateMachine):
    """One rule chooses by weight among all that is possible: with a rule for each, Hypothesis leaves out half of them
    in an example, and without claims and calls nothing happens.

    ``strict``: each answer must be the model's; else only the facts in the database judge, and the model goes by them.
    """

    world: ClassVar[World]
    facts: ClassVar[Facts]
    strict: ClassVar[bool] = True
    favourites: ClassVar[tuple[str, ...]] = ()
    """What is done more often than its weight says."""
    seen: ClassVar[Counter[Any]]
    """How often each thing happened, over all examples."""

    def __init__(self) -> None:
        super().__init__()
        self.teams = self.world.begin()
        self.runs: list[RunModel] = []
        self.workers: list[Worker] = []
        self.numbers = count(1)
        marked = {name: member.act for name, member in inspect.getmembers(type(self)) if hasattr(member, "act")}
        self._acts = sorted(marked.items(), key=lambda one: -one[1].weight)
        self._dice: list[int] = []
        self._whole = False

    def teardown(self) -> None:
        """After an example that found nothing, the product's own invariants are looked at too."""
        found = check(set(INVARIANTS) - OF_THE_CLOCK - NOT_KEPT) if self._whole else []
        if found:
            raise Violated(found[0].name, found[0].rows[0])

    @initialize(chosen=st.integers(0, 2**10 - 1))
    def choose(self, chosen: int) -> None:
        """Which rare things may happen: examples do without most."""
        rare = [name for name, act in self._acts if act.rare]
        absent = {name for place, name in enumerate(rare) if not chosen >> place & 1}
        self._acts = [one for one in self._acts if one[0] not in absent]

    @rule(dice=st.tuples(*[st.integers(0, SIDES - 1)] * 6))
    def step(self, dice: tuple[int, ...]) -> None:
        self._dice, self._whole = list(dice), False
        weights = {name: act.weight + FAVOUR * (name in self.favourites) for name, act in self._acts if act.when(self)}
        possible = [name for name, weight in weights.items() for _ in range(weight)]
        getattr(self, self.pick("step", possible))()

    def pick(self, label: str, candidates: Sequence[T]) -> T:
        """By the next of the step's numbers, so that each step takes the same number of choices whatever happens.

        Else what Hypothesis learns from one example would mean something else in the next.
        """
        number = self._dice.pop(0)
        self._dice.append((number * 7919 + 104_729) % SIDES)
        picked = candidates[number % len(candidates)]
        note(f"    {label}: {picked}")
        return picked

    def pick_worker(self, able: Sequence[Worker]) -> Worker:
        """More often than by chance one that lost its run and does not know it."""
        fenced = [worker for worker in able if not worker.run.held_at(worker.epoch)]
        return self.pick("worker", fenced if fenced and self.pick("fenced", (False, False, True)) else able)

    @invariant()
    def all_promises_are_kept(self) -> None:
        self.seen["steps"] += 1
        if (found := self.facts.check(self.runs, self.teams)) and self.strict:
            raise Violated("every row is as the model has it", "\n".join(sorted(found)))
        self._whole = True

    def expect(self, what: str, promise: str, real: Any, promised: Any) -> None:
        if isinstance(promised, str | int):
            self.seen[what, promised] += 1
        if self.strict and real != promised:
            raise Violated(promise, f"{real!r}, and not {promised!r}")
