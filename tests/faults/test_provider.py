"""What a provider can do to a run: each fault ends in an honest row, and never in a hang or a call that is not booked.

The errors themselves are told apart in ``tests/engine/providers``, where tool calls are cut in mid stream too; here
they go through a real worker to the ledger, and are held against the provider's bill. One worker serves all of these
tests.
"""

from __future__ import annotations

from typing import Any

import pytest

from tests.faults.crews import agent, chain, crew, task
from tests.faults.honest import assert_honest
from tests.faults.people import Run
from tests.faults.world import World


@pytest.fixture(autouse=True)
def worker(world: World) -> None:
    world.shared_worker(failpoint="in_tool:raise:1:13*13")


def run_one(world: World, rule: dict[str, Any], *, times: int = 1, **fields: Any) -> Run:
    """A run of one task whose first requests meet the rule."""
    world.script(rule | {"times": times})
    run = world.team().launch(chain("a", agents=(agent(**fields),)))
    assert_honest([run])
    return run


def test_a_hang_ends_at_the_timeout_and_is_booked_at_its_worst(world: World) -> None:
    run = run_one(world, {"hold": True}, llm={"timeout_s": 3})
    assert (run.state, run.sent) == ("succeeded", ["unknown", "ok"])
    assert len(run.billed) == 2


@pytest.mark.slow_fault
def test_a_drip_that_never_pauses_ends_at_the_same_timeout(world: World) -> None:
    run = run_one(world, {"drip_s": 0.5}, llm={"timeout_s": 3})
    assert (run.state, run.sent) == ("succeeded", ["unknown", "ok"])


def test_a_storm_of_429_is_sat_out_and_costs_nothing(world: World) -> None:
    world.script({"status": 429, "headers": {"Retry-After": "0.2"}, "times": 15})
    run = world.team().launch(crew(*(task(f"t{number}") for number in range(10))))
    assert_honest([run])
    assert run.state == "succeeded"
    assert run.calls().count("ok") == len(run.billed) == 10
    assert set(run.calls("state, error_code, cost_nusd")) >= {("error", "provider_busy", 0)}


@pytest.mark.parametrize("status", [500, 529])
def test_a_5xx_is_tried_again_and_costs_nothing(world: World, status: int) -> None:
    run = run_one(world, {"status": status})
    assert (run.state, run.calls("state, coalesce(cost_nusd, -1) = 0")) == (
        "succeeded",
        [("error", True), ("ok", False)],
    )


def test_5xx_for_good_fails_the_run_and_costs_nothing(world: World) -> None:
    run = run_one(world, {"status": 500}, times=100, max_retry_limit=1)
    assert run.get("state, spent_nusd") == ("failed", 0)
    assert run.sent == ["error", "error"]


@pytest.mark.parametrize("rule", [{"truncate": True}, {"cut": True}], ids=["truncated JSON", "no answer"])
def test_an_answer_that_is_cut_was_billed_and_is_booked_at_its_worst(world: World, rule: dict[str, Any]) -> None:
    run = run_one(world, rule)
    assert (run.state, run.sent) == ("succeeded", ["unknown", "ok"])
    assert len(run.billed) == 2


@pytest.mark.parametrize(
    "usage",
    [
        None,
        {"prompt_tokens": 0, "completion_tokens": 0, "total_tokens": 0},
        {"prompt_tokens": -5, "completion_tokens": -7, "total_tokens": -12},
    ],
    ids=["missing", "zero", "negative"],
)
def test_usage_that_cannot_be_true_is_counted_by_us_and_marked(world: World, usage: dict[str, int] | None) -> None:
    run = run_one(world, {"usage": usage})
    assert (run.state, run.calls("state, usage_estimated")) == ("succeeded", [("ok", True)])
    assert run.get("spent_nusd, estimated_calls")[0] > 0


def test_a_stream_that_is_cut_at_any_chunk_is_repeated_and_booked_at_its_worst(world: World) -> None:
    """One task for each chunk at which the stream may end; "Well done." is three of them, then end, usage, [DONE]."""
    world.script(*({"has": f"/cut{at}>>", "cut_after": at, "times": 1} for at in range(5)))
    tasks = [task(f"cut{at}") for at in range(5)]
    run = world.team().launch(crew(*tasks, agents=(agent(llm={"stream": True}),)))
    assert_honest([run])
    assert run.state == "succeeded"
    assert sorted(run.calls("attempt, state, usage_estimated")) == [
        (1, "ok", True),  # its usage never came
        *[(1, "unknown", False)] * 4,
        *[(2, "ok", False)] * 4,
    ]


def test_a_reply_without_an_end_fails_its_task_without_filling_the_memory(world: World) -> None:
    run = run_one(world, {"text": "\x00\ud800 word ", "repeat": 2_500_000})
    assert (run.state, run.sent) == ("failed", ["unknown"])


def test_nul_and_half_characters_in_a_reply_are_stored_clean(world: World) -> None:
    run = run_one(world, {"text": "a\x00b\ud800c\udfffd"})
    assert (run.state, run.sent) == ("succeeded", ["ok"])
    assert run.get("output_raw").startswith("a")


def test_malformed_tool_arguments_are_told_to_the_model_and_the_run_goes_on(world: World) -> None:
    run = run_one(world, {"tool": "calculator", "arguments": '{"expression": '}, tools=["calculator"])
    assert (run.state, run.calls("kind, state")) == (
        "succeeded",
        [("model", "ok"), ("tool", "error"), ("model", "ok")],
    )


def test_a_tool_that_raises_is_told_to_the_model_and_the_run_goes_on(world: World) -> None:
    run = run_one(world, {"tool": "calculator", "arguments": {"expression": "13*13"}}, tools=["calculator"])
    assert (run.state, run.calls("kind, state")) == (
        "succeeded",
        [("model", "ok"), ("tool", "error"), ("model", "ok")],
    )


def test_an_agent_that_loops_for_ever_is_made_to_answer(world: World) -> None:
    """Each call of the tool is another one, so that only the bound on its steps ends it."""
    rules = [
        {"tool": "calculator", "arguments": {"expression": f"1+{number}"}, "unless": f"1+{number}", "has": "/a>>"}
        for number in range(40)
    ]
    world.script(*rules)
    run = world.team().launch(chain("a", agents=(agent(tools=["calculator"], max_iter=6),)))
    assert_honest([run])
    kinds = run.calls("kind")
    assert kinds.count("tool") == 6
    assert kinds.count("model") <= 8


def test_a_cycle_in_the_context_is_refused_before_anything_is_spent(world: World) -> None:
    team = world.team()
    slug = team.design(crew(task("a", after=("b",)), task("b", after=("a",))))
    answer = team.ask("POST", f"/crews/{slug}/runs", json={"inputs": {"tag": "cycle"}})
    assert answer.status_code == 422, answer.text
    assert world.rows("SELECT count(*) FROM runs_run WHERE team_id = %s", team.id) == [(0,)]
