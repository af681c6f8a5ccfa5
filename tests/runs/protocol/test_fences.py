"""Each fence taken away in a story that needs it: the promise is broken every time, and kept where the fence is there.

The random machine looks for what nobody thought of; whether it would notice is shown here, without luck: where two
meet, they meet every time (``World.overlapping``), so that no story depends on how fast anything is.
"""

from __future__ import annotations

from collections.abc import Callable

import pytest

from tests.runs.protocol.facts import Violated
from tests.runs.protocol.fences import ASK, FENCES, NEW_EPOCH, PLACE, TEAM_LOCK, take_away
from tests.runs.protocol.machine import ToldMachine, told_machine
from tests.runs.protocol.worker import Worker
from tests.runs.protocol.world import World

pytestmark = pytest.mark.django_db(transaction=True)


AS_MODELLED = "every row is as the model has it"
ONE_HOLDER = "a run has one holder at a time"


def begin(machine: ToldMachine, *, at_once: int | None = None) -> Worker:
    """The worker of a run that is under way."""
    machine.begin(team_budget=None, user_budget=None, budget=None, at_once=at_once)
    machine.all_promises_are_kept()
    return machine.workers[0]


def lose(machine: ToldMachine, worker: Worker) -> None:
    """Another worker takes its run over, and it does not know it."""
    machine.tell("expire", run=worker.run, taken_over=True)


def a_held_run_is_claimed(machine: ToldMachine) -> None:
    machine.tell("claim_any", run=begin(machine).run)


def a_run_of_a_full_team_is_claimed(machine: ToldMachine) -> None:
    begin(machine, at_once=1)
    machine.tell("launch")
    machine.tell("claim_any", run=machine.runs[1])


def two_runs_are_claimed_for_one_place(machine: ToldMachine) -> None:
    """Each claim counts the team's runs before the other has committed."""
    worker = begin(machine, at_once=1)
    machine.tell("launch")
    machine.tell("launch")
    machine.tell("end", worker=worker)
    machine.tell("claim_several")


def a_run_is_taken_over(machine: ToldMachine) -> None:
    lose(machine, begin(machine))


def a_lost_worker_beats(machine: ToldMachine) -> None:
    worker = begin(machine)
    lose(machine, worker)
    machine.tell("beat")


def a_lost_worker_opens_a_call(machine: ToldMachine) -> None:
    worker = begin(machine)
    lose(machine, worker)
    machine.tell("open_call", worker=worker)


def a_lost_worker_settles_a_call(machine: ToldMachine) -> None:
    worker = begin(machine)
    machine.tell("open_call", worker=worker)
    lose(machine, worker)
    machine.tell("settle_call", worker=worker)


def a_lost_worker_starts_a_task(machine: ToldMachine) -> None:
    begin(machine)
    machine.tell("launch")
    machine.tell("claim", run=machine.runs[1])
    worker = machine.workers[1]
    lose(machine, worker)
    machine.tell("start_tasks", worker=worker)


def a_lost_worker_ends_a_task(machine: ToldMachine) -> None:
    worker = begin(machine)
    lose(machine, worker)
    machine.tell("end_task", worker=worker)


def a_lost_worker_ends_its_run(machine: ToldMachine) -> None:
    worker = begin(machine)
    lose(machine, worker)
    machine.tell("end", worker=worker)


def a_lost_worker_sets_its_run_aside(machine: ToldMachine) -> None:
    worker = begin(machine)
    machine.tell("ask_person", worker=worker)
    lose(machine, worker)
    machine.tell("set_aside", worker=worker)


def a_lost_worker_gives_its_run_back(machine: ToldMachine) -> None:
    worker = begin(machine)
    lose(machine, worker)
    machine.tell("release", worker=worker)


def a_lost_worker_asks_a_person(machine: ToldMachine) -> None:
    worker = begin(machine)
    lose(machine, worker)
    machine.tell("ask_person", worker=worker)


Story = Callable[[ToldMachine], None]
STORIES: dict[str, tuple[Story, str]] = {
    "claim: the lease": (a_held_run_is_claimed, ONE_HOLDER),
    PLACE: (a_run_of_a_full_team_is_claimed, ONE_HOLDER),
    TEAM_LOCK: (two_runs_are_claimed_for_one_place, "a team has no more runs under way than it may have"),
    NEW_EPOCH: (a_run_is_taken_over, "each claim has an epoch of its own"),
    "beat": (a_lost_worker_beats, "a lost lease is told"),
    "open a call": (a_lost_worker_opens_a_call, "only who holds a run opens calls, within its budgets"),
    "settle a call": (a_lost_worker_settles_a_call, AS_MODELLED),
    "start a task": (a_lost_worker_starts_a_task, AS_MODELLED),
    "end a task": (a_lost_worker_ends_a_task, AS_MODELLED),
    "end": (a_lost_worker_ends_its_run, "only who holds a run ends it"),
    "pause": (a_lost_worker_sets_its_run_aside, "only who holds a run sets it aside"),
    "release": (a_lost_worker_gives_its_run_back, AS_MODELLED),
    ASK: (a_lost_worker_asks_a_person, AS_MODELLED),
}
"""For each fence the shortest story that shows what it is for, and the promise that is broken without it."""


def test_each_promise_is_broken_without_its_fence_and_kept_with_it(world: World, subtests: pytest.Subtests) -> None:
    assert set(STORIES) == set(FENCES)
    told = told_machine(world)
    for fence, (story, promise) in STORIES.items():
        with subtests.test(f"with {fence}"):
            machine = told()
            story(machine)
            machine.teardown()
        with subtests.test(f"without {fence}"), pytest.MonkeyPatch.context() as patch:
            take_away(fence, patch)
            with pytest.raises(Violated) as broken:
                story(told())
            assert broken.value.promise == promise
