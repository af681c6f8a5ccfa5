"""The protocol under random operations: launches, claims, calls, kills and clocks in any order, against a model.

What is promised is in ``tests.runs.protocol``; here it is run, also with each fence taken away, which must be noticed.
"""

from __future__ import annotations

import os
import random
from collections import Counter
from collections.abc import Iterator

import pytest
from hypothesis import HealthCheck, Phase, seed, settings
from hypothesis import strategies as st
from hypothesis.internal.conjecture import providers
from hypothesis.stateful import initialize, run_state_machine_as_test

from runs.ledger import abandoned_calls
from runs.ledger.invariants import INVARIANTS
from runs.worker import claim, sweeper
from tests.runs.protocol.acts_of_calls import CallActs
from tests.runs.protocol.acts_of_money import AT_ONCE, TEAM_BUDGETS_USD, MoneyActs
from tests.runs.protocol.acts_of_people import BUDGETS_USD, PeopleActs
from tests.runs.protocol.facts import FACTS, Facts, Violated
from tests.runs.protocol.fences import FENCES, GUARDED, NEW_EPOCH, take_away
from tests.runs.protocol.world import TASKS, World

pytestmark = pytest.mark.django_db(transaction=True)

USUAL = settings(
    deadline=None,
    database=None,
    report_multiple_bugs=False,
    suppress_health_check=list(HealthCheck),
    stateful_step_count=30,
)
IMPORTANT = {
    "taken over",
    ("settled", "late"),
    ("settled", "ok"),
    ("settled", "unknown"),
    *(("open", answer) for answer in ("opened", "cancelled", "run_budget", "team_budget")),
    *(("end", held) for held in (True, False)),
    *(("pause", held) for held in (True, False)),
    *(("claim", got) for got in (0, 1)),
    ("answer", "taken"),
}
CONTROL = settings(USUAL, max_examples=300, phases=[Phase.generate])


class ProtocolMachine(PeopleActs, MoneyActs, CallActs):
    @initialize(
        team_budget=st.sampled_from(TEAM_BUDGETS_USD),
        user_budget=st.sampled_from(TEAM_BUDGETS_USD),
        budget=st.sampled_from(BUDGETS_USD[:-1]),
        at_once=st.sampled_from(AT_ONCE),
    )
    def begin(self, team_budget: str | None, user_budget: str | None, budget: str | None, at_once: int | None) -> None:
        """A run under way: else half of all steps would go by with nothing to do."""
        self.set_limits(0, team_budget, user_budget, at_once=at_once)
        self.launch_run(budget=budget)
        self.claim_run(self.runs[0])
        self.start(self.workers[0], list(TASKS))


@pytest.fixture(autouse=True)
def examples_whatever_the_code_says(monkeypatch: pytest.MonkeyPatch) -> None:
    """Hypothesis also draws constants that it finds in the loaded code, so that any edit would change the examples."""
    monkeypatch.setattr(providers, "_get_local_constants", providers.Constants)
    providers.CONSTANTS_CACHE.cache.clear()


@pytest.fixture
def world(monkeypatch: pytest.MonkeyPatch) -> Iterator[World]:
    """Time passes only where the machine says so: leases and bells last for hours."""
    for module in (claim, abandoned_calls):
        monkeypatch.setattr(module, "LEASE_S", 40_000)
    monkeypatch.setattr(sweeper, "RING_AGAIN_AFTER_S", 90_000)
    world = World()
    yield world
    world.close()


def machine(world: World, *, strict: bool = True, favourite: str = "") -> type[ProtocolMachine]:
    given = {"world": world, "facts": Facts(world), "strict": strict, "favourite": favourite, "seen": Counter()}
    return type("Machine", (ProtocolMachine,), given)


def test_the_protocol_keeps_its_promises(world: World) -> None:
    """The same examples each time, so that what one machine finds another finds too."""
    tested = machine(world)
    run_state_machine_as_test(tested, settings=settings(USUAL, max_examples=75, derandomize=True))
    assert set(tested.seen) >= IMPORTANT, "the examples no longer reach what they are for"


@pytest.mark.slow_fault
def test_the_protocol_keeps_its_promises_in_many_examples(world: World) -> None:
    """Other examples each time; MACHINE_SEED repeats those of a run that failed, MACHINE_EXAMPLES says how many."""
    number = int(os.environ.get("MACHINE_SEED") or random.randrange(2**32))
    examples = int(os.environ.get("MACHINE_EXAMPLES", "1000"))
    tested = machine(world)
    long = settings(USUAL, max_examples=examples, stateful_step_count=50)
    try:
        run_state_machine_as_test(seed(number)(tested), settings=long)
    finally:
        figures = "\n".join(f"{times:8} {what}" for what, times in sorted(tested.seen.items(), key=str))
        print(f"MACHINE_SEED={number} MACHINE_EXAMPLES={examples}\n{figures}")  # noqa: T201 - its result


@pytest.mark.slow_fault
@pytest.mark.parametrize("fence", FENCES)
def test_without_this_fence_a_promise_is_broken(world: World, fence: str, monkeypatch: pytest.MonkeyPatch) -> None:
    take_away(fence, monkeypatch)
    with pytest.raises(Violated):
        run_state_machine_as_test(seed(1)(machine(world, favourite=GUARDED[fence])), settings=CONTROL)


def test_without_any_fence_the_database_alone_shows_it(world: World, monkeypatch: pytest.MonkeyPatch) -> None:
    """The model's predictions do not judge here: the rows do. Epochs are still counted, else no call would have one."""
    for fence in set(FENCES) - {NEW_EPOCH}:
        take_away(fence, monkeypatch)
    with pytest.raises(Violated) as broken:
        run_state_machine_as_test(seed(1)(machine(world, strict=False)), settings=CONTROL)
    assert broken.value.promise in FACTS | INVARIANTS
