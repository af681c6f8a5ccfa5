"""kill -9 of a worker at each step of a call's life: what was finished is kept and not paid again, what was in flight
is repeated once and booked at its worst, and the run succeeds on another worker.
"""

from __future__ import annotations

import pytest

from tests.faults.crews import agent, chain
from tests.faults.honest import assert_honest
from tests.faults.processes import until
from tests.faults.world import World

KILLED = -9


@pytest.fixture(autouse=True)
def no_worker_of_another_test(world: World) -> None:
    world.stop_workers()


def test_kill_9_during_a_call_repeats_that_call_alone_and_books_the_lost_one(world: World) -> None:
    world.script({"has": "/b>>", "hold": True, "times": 1})
    first = world.worker()
    run = world.team().launch(chain("a", "b", "c"))
    run.wait_until_asked("b")
    first.kill()
    world.worker()
    assert_honest([run])
    assert run.state == "succeeded"
    assert run.sent == ["ok", "unknown", "ok", "ok"]
    assert [line["task"] for line in run.billed] == ["a", "b", "b", "c"]
    assert "VIOLATED" not in world.manage("check_invariants")


@pytest.mark.parametrize(
    ("point", "calls", "asked"),
    [
        ("after_intent", ["ok", "unknown", "ok", "ok"], ["a", "b", "c"]),
        ("after_reply", ["ok", "unknown", "ok", "ok"], ["a", "b", "b", "c"]),
        ("before_task_end", ["ok", "ok", "ok"], ["a", "b", "c"]),
    ],
    ids=["between intent and send", "between reply and settle", "between settle and task end"],
)
def test_kill_9_between_two_steps_of_a_call(world: World, point: str, calls: list[str], asked: list[str]) -> None:
    doomed = world.worker(failpoint=f"{point}:kill:2")
    run = world.team().launch(chain("a", "b", "c"))
    assert doomed.wait(timeout_s=40) == KILLED
    world.let_leases_run_out()
    world.worker()
    assert_honest([run])
    assert run.state == "succeeded"
    assert run.sent == calls
    assert [line["task"] for line in run.billed] == asked


def test_kill_9_before_the_run_is_ended_asks_for_nothing_again(world: World) -> None:
    doomed = world.worker(failpoint="before_run_end:kill:1")
    run = world.team().launch(chain("a", "b"))
    assert doomed.wait(timeout_s=40) == KILLED
    world.let_leases_run_out()
    world.worker()
    assert_honest([run])
    assert (run.state, run.sent) == ("succeeded", ["ok", "ok"])


def test_kill_9_during_a_tool_call_that_changes_something_is_a_persons_to_judge(world: World) -> None:
    """It is never repeated by itself: the run waits until somebody says whether it was carried out."""
    effect = {"url": f"{world.provider_url}/effect", "method": "POST", "json": {"say": "effect"}}
    call = {"has": "/a>>", "unless": "tool_call_id", "tool": "http_request", "arguments": effect}
    world.script({"has": '"say": "effect"}', "unless": "<<", "hold": True}, call)
    config = {"allowed_hosts": ["127.0.0.1"], "methods": ["POST"], "without_approval": True}
    http = {"name": "http_request", "config": config}
    first, team = world.worker(), world.team()
    run = team.launch(chain("a", agents=(agent(tools=[http]),)))
    until(lambda: world.effects.read_text() or None, timeout_s=40, what=lambda: f"{run.calls()}\n{world.last_words()}")
    first.kill()
    world.release()
    world.let_leases_run_out()
    world.worker()
    assert_honest([run], states=("waiting",))
    assert run.get("waiting_for") == "person"
    answer = team.ask("POST", f"/runs/{run.id}/approve", json={"task": "a", "approved": True})
    assert answer.status_code == 200, answer.text
    assert_honest([run])
    assert run.state == "succeeded"
    assert run.calls("kind, state") == [("model", "ok"), ("tool", "unknown"), ("model", "ok")]
    assert len(world.effects.read_text().splitlines()) == 1
