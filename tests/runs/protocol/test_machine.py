"""The protocol under random operations: launches, claims, calls, kills and clocks in any order, against a model.

What is promised is in ``tests.runs.protocol``; here it is run, also with each fence taken away, which must be noticed.
"""

from __future__ import annotations

import os
import random

import pytest
from hypothesis import HealthCheck, Phase, seed, settings
from hypothesis.internal.conjecture import providers
from hypothesis.stateful import run_state_machine_as_test

from runs.ledger.invariants import INVARIANTS
from tests.runs.protocol.facts import FACTS, Violated
from tests.runs.protocol.fences import FENCES, GUARDED, NEW_EPOCH, take_away
from tests.runs.protocol.machine import machine
from tests.runs.protocol.world import World

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


@pytest.fixture(autouse=True)
def examples_whatever_the_code_says(monkeypatch: pytest.MonkeyPatch) -> None:
    """Hypothesis also draws constants that it finds in the loaded code, so that any edit would change the examples."""
    monkeypatch.setattr(providers, "_get_local_constants", providers.Constants)
    providers.CONSTANTS_CACHE.cache.clear()


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
        run_state_machine_as_test(seed(1)(machine(world, favourites=GUARDED[fence])), settings=CONTROL)


def test_without_any_fence_the_database_alone_shows_it(world: World, monkeypatch: pytest.MonkeyPatch) -> None:
    """The model's predictions do not judge here: the rows do. Epochs are still counted, else no call would have one."""
    for fence in set(FENCES) - {NEW_EPOCH}:
        take_away(fence, monkeypatch)
    with pytest.raises(Violated) as broken:
        run_state_machine_as_test(seed(1)(machine(world, strict=False)), settings=CONTROL)
    assert broken.value.promise in FACTS | INVARIANTS
