"""A process whose event loop stands still although its threads go on: it says where, gives up what it holds and ends,
and another worker goes on with its runs, which pay for nothing twice.
"""

from __future__ import annotations

import json
import os
import threading
from typing import Any

import httpx
import pytest

from tests.application import free_port
from tests.faults.crews import agent, chain
from tests.faults.honest import assert_honest
from tests.faults.people import Run, Team
from tests.faults.processes import Process, until
from tests.faults.world import World

TIMES = {"STUCK_S": 1, "FROZEN_S": 4}
"""Besides a lease of three seconds: as long as the product's own, ten times as fast, but for a busy machine."""
PATIENT = {"LEASE_S": 20, "MAX_SILENCE_S": 15, "FROZEN_S": 15}
LATE = "The event loop has stood still for"
ENDS = "gives up what it holds and ends"


@pytest.fixture(autouse=True)
def no_worker_of_another_test(world: World) -> None:
    world.stop_workers()


def worker_with_a_port(world: World, *, failpoint: str, constants: dict[str, float]) -> tuple[Process, int]:
    port = free_port()
    environment = {"METRICS_PORT": str(port), "LOG_FORMAT": "json"}
    return world.worker(failpoint=failpoint, constants=constants, environment=environment), port


def launch_with_a_tool(world: World) -> Run:
    """Its first task is asked for, uses the calculator, and is asked for again; then comes the second."""
    call = {"has": "/a>>", "unless": "tool_call_id", "tool": "calculator", "arguments": {"expression": "2 + 2"}}
    world.script(call)
    return world.team().launch(chain("a", "b", agents=(agent(tools=[{"name": "calculator"}]),)))


def ready(port: int) -> tuple[int, dict[str, Any]] | None:
    """None if it does not answer."""
    try:
        answer = httpx.get(f"http://127.0.0.1:{port}/health/ready", timeout=2)
    except httpx.TransportError:
        return None
    return answer.status_code, answer.json()


def lines(process: Process, message: str) -> list[dict[str, Any]]:
    found = [json.loads(line) for line in process.log.read_text().splitlines() if line.startswith("{")]
    return [line for line in found if message in line["message"]]


def test_a_worker_whose_loop_a_tool_blocks_is_not_ready_ends_and_loses_its_run_to_another(world: World) -> None:
    frozen, port = worker_with_a_port(world, failpoint="in_tool:block-60:1", constants=TIMES)
    run = launch_with_a_tool(world)
    refused = until(
        lambda: (state := ready(port)) and state[0] == 503 and state, timeout_s=60, what=lambda: world.last_words()
    )
    assert [check["name"] for check in refused[1]["checks"] if not check["ok"]] == ["event_loop"]
    other = world.worker()
    assert frozen.wait(timeout_s=40) == os.EX_SOFTWARE
    assert_honest([run])
    assert run.state == "succeeded"
    assert run.calls("kind, state, epoch") == [
        ("model", "ok", 1),
        ("tool", "unknown", 1),
        ("tool", "ok", 2),
        ("model", "ok", 2),
        ("model", "ok", 2),
    ]
    assert [line["task"] for line in run.billed] == ["a", "a", "b"]
    assert run.get("takeovers, lease_epoch") == (1, 2)
    assert other.alive
    (end,) = lines(frozen, ENDS)
    assert any("in block_the_loop: time.sleep(seconds)" in frame for frame in end["stack"])
    assert "2 + 2" not in frozen.log.read_text()


def test_a_short_block_is_logged_and_nothing_else_happens(world: World) -> None:
    worker, port = worker_with_a_port(world, failpoint="in_tool:block-2:1", constants=PATIENT)
    run = launch_with_a_tool(world)
    assert_honest([run])
    assert run.state == "succeeded"
    assert run.calls("state, epoch") == [("ok", 1)] * 4
    assert worker.alive
    assert ready(port) == (200, ready(port)[1])  # type: ignore[index]
    late = lines(worker, LATE)
    assert any("in block_the_loop" in frame for line in late for frame in line["stack"]), worker.last_words
    assert lines(worker, "moves again")
    assert not lines(worker, ENDS)


@pytest.mark.slow_fault
def test_c_code_that_keeps_the_interpreters_lock_loses_the_run_by_its_lease_alone_and_ends_in_the_end(
    world: World,
) -> None:
    """Then no thread of the process runs, so nothing is given up: the lease runs out."""
    frozen = world.worker(failpoint="in_tool:hog-60:1", constants={"INTERPRETER_FROZEN_S": 20, "ARM_EVERY_S": 1})
    run = launch_with_a_tool(world)
    until(lambda: "tool" in run.calls("kind") or None, timeout_s=60, what=world.last_words)
    world.worker()
    assert_honest([run])
    assert run.state == "succeeded"
    assert [line["task"] for line in run.billed] == ["a", "a", "b"]
    assert run.get("lease_epoch") == 2
    assert frozen.wait(timeout_s=40) == 1
    assert "in keep_the_interpreters_lock" in frozen.log.read_text()


@pytest.mark.parametrize(
    ("point", "first_call", "asked"),
    [("after_reply", "late", ["a", "a", "b", "c"]), ("after_open", "error", ["a", "b", "c"])],
    ids=["with an answer that nobody read", "before it was sent"],
)
def test_a_loop_that_thaws_after_its_lease_ran_out_settles_its_call_and_writes_nothing_else(
    world: World, point: str, first_call: str, asked: list[str]
) -> None:
    """What was asked is booked as late; what was not asked yet is not asked any more, and costs nothing."""
    world.script({"has": "/b>>", "hold": True, "times": 1})
    zombie = world.worker(failpoint=f"{point}:block-12:1", constants={"STUCK_S": 0.5, "FROZEN_S": 60})
    run = world.team().launch(chain("a", "b", "c"))
    until(lambda: run.calls() or None, timeout_s=60, what=world.last_words)
    world.worker()
    run.wait_until_asked("b")
    until(
        lambda: run.calls("state, epoch")[0] == (first_call, 1),
        timeout_s=30,
        what=lambda: f"{run.calls('state, epoch')}\n{world.last_words()}",
    )
    world.release()
    assert_honest([run])
    assert run.state == "succeeded"
    assert run.calls("state, epoch") == [(first_call, 1), ("ok", 2), ("ok", 2), ("ok", 2)]
    assert [line["task"] for line in run.billed] == asked
    assert zombie.alive


@pytest.mark.slow_fault
def test_a_web_process_whose_loop_is_blocked_gives_no_answer_and_ends_and_viewers_come_back(world: World) -> None:
    world.shared_worker()
    team = world.team()
    run = team.launch(chain("a"))
    assert_honest([run])
    world.web.kill()
    constants = {"STUCK_S": 1, "FROZEN_S": 4}
    world.start_web(failpoint="in_stream:block-60:1", constants=constants, environment={"LOG_FORMAT": "json"})
    try:
        assert ready(world.port)[0] == 200  # type: ignore[index]
        viewer = threading.Thread(target=lambda: watch(team, run), daemon=True)
        viewer.start()
        until(lambda: lines(world.web, LATE) or None, timeout_s=40, what=lambda: world.web.last_words)
        assert ready(world.port) is None
        assert world.web.wait(timeout_s=40) == os.EX_SOFTWARE
        assert any("in block_the_loop" in frame for frame in lines(world.web, ENDS)[0]["stack"])
        viewer.join(10)
    finally:
        world.web.kill()
        world.start_web()
    assert "succeeded" in watch(team, run)


def watch(team: Team, run: Run) -> str:
    """The stream of a run that has ended; "" if the connection breaks."""
    try:
        return team.ask("GET", f"/runs/{run.id}/events").text
    except httpx.TransportError:
        return ""
