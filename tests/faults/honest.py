"""What must be true after every fault: all runs ended or wait, every invariant holds, and the ledger covers the bill.

The bill is the provider's own, line by line; the invariants are the product's ``check_invariants``.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable
from decimal import Decimal
from typing import TYPE_CHECKING, Any

from tests.faults.crews import INPUT_USD_PER_MTOK, OUTPUT_USD_PER_MTOK
from tests.faults.people import Run, wait_for
from tests.faults.processes import until

if TYPE_CHECKING:
    from tests.faults.world import World

LEDGER = """
    SELECT call.provider_request_id, call.state, call.prompt_tokens, call.completion_tokens, call.cost_nusd,
           call.reserved_nusd, call.usage_estimated, run.inputs ->> 'tag', coalesce(task.key, '')
    FROM runs_call AS call JOIN runs_run AS run ON run.id = call.run_id
    LEFT JOIN runs_taskrun AS task ON task.id = call.task_run_id
    WHERE call.kind = 'model' AND NOT call.simulated AND NOT call.cache_hit AND run.id = ANY(%s::uuid[])
"""
TWO_OK = """
    SELECT run_id, task_run_id, branch, step FROM runs_call WHERE state = 'ok'
    GROUP BY run_id, task_run_id, branch, step HAVING count(*) > 1
"""
OPEN = "SELECT count(*) FROM runs_call WHERE state = 'intent' AND run_id = ANY(%s::uuid[])"


def assert_honest(runs: Iterable[Run], *, waiting: bool = False, timeout_s: float = 60) -> None:
    """Waits until all of these runs ended (or, with ``waiting``, wait for a person) and no call is open; then checks."""
    runs = list(runs)
    world, ids = runs[0].world, [run.id for run in runs]
    wait_for(runs, states=("waiting",) if waiting else ("succeeded", "failed", "cancelled"), timeout_s=timeout_s)
    until(lambda: world.rows(OPEN, ids) == [(0,)], timeout_s=20, what="calls stayed open after their runs ended")
    assert_invariants(world)
    assert_bill_is_covered(world, runs)


def assert_invariants(world: World) -> None:
    assert world.rows(TWO_OK) == []


def assert_bill_is_covered(world: World, runs: list[Run]) -> None:
    """Every line of the provider's bill is in the ledger: by its id, or as a call of unknown outcome that is booked at
    no less than was billed. What the ledger says that it was told is what the provider says that it told.
    """
    tags = {run.tag for run in runs}
    bill = {line["id"]: line for line in world.billed() if line["tag"] in tags}
    known: set[str] = set()
    unknown: dict[tuple[str, str], list[int]] = defaultdict(list)
    for request_id, state, prompt, completion, cost, reserved, estimated, tag, task in world.rows(
        LEDGER, [run.id for run in runs]
    ):
        if state == "unknown":
            unknown[tag, task].append(cost)
            assert cost == reserved, f"a call of unknown outcome of {tag} is not booked at its worst case"
        elif state in ("ok", "late"):
            assert request_id not in known, f"{request_id} is booked twice"
            known.add(request_id)
            assert request_id in bill, f"{request_id} was never billed"
            _assert_same_figures(bill[request_id], prompt, completion, cost, estimated=estimated)
        else:
            assert cost == 0, f"a call that failed completely costs {cost}"
    _assert_rest_is_booked([line for line in bill.values() if line["id"] not in known], unknown)


def _assert_same_figures(line: dict[str, Any], prompt: int, completion: int, cost: int, *, estimated: bool) -> None:
    assert estimated == (not line["told"]), line
    if not estimated:
        assert (prompt, completion) == (line["prompt_tokens"], line["completion_tokens"]), line
        assert abs(cost - _cost_nusd(line)) <= 1, f"{line} was booked at {cost}"


def _assert_rest_is_booked(rest: list[dict[str, Any]], unknown: dict[tuple[str, str], list[int]]) -> None:
    billed: dict[tuple[str, str], list[dict[str, Any]]] = defaultdict(list)
    for line in rest:
        billed[line["tag"], line["task"]].append(line)
    for task, lines in billed.items():
        booked = unknown.get(task, [])
        assert len(lines) <= len(booked), f"{task}: billed {lines}, booked {booked}"
        assert sum(map(_cost_nusd, lines)) <= sum(booked), f"{task} is booked below what was billed"


def _cost_nusd(line: dict[str, Any]) -> int:
    """Of these tests' own prices: a million tokens for so many dollars is a token for so many thousand nUSD."""
    price = line["prompt_tokens"] * Decimal(INPUT_USD_PER_MTOK) + line["completion_tokens"] * Decimal(OUTPUT_USD_PER_MTOK)
    return round(price * 1000)
