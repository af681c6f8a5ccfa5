"""What must be true after every fault: all runs ended or wait, every invariant holds, and the ledger covers the bill.

The bill is the provider's own, line by line; the invariants are the product's ``check_invariants``.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable
from decimal import Decimal
from typing import TYPE_CHECKING, Any, NamedTuple

from runs.ledger.invariants.check import INVARIANTS, PARAMETERS
from tests.faults.crews import INPUT_USD_PER_MTOK, OUTPUT_USD_PER_MTOK
from tests.faults.people import ENDED, Run, wait_for
from tests.faults.processes import until

if TYPE_CHECKING:
    from tests.faults.world import World

LEDGER = """
    SELECT call.provider_request_id, call.state, call.prompt_tokens, call.completion_tokens, call.cost_nusd,
           call.reserved_nusd, call.usage_estimated, call.input_usd_per_mtok, call.output_usd_per_mtok,
           run.inputs ->> 'tag', coalesce(task.key, '')
    FROM runs_call AS call JOIN runs_run AS run ON run.id = call.run_id
    LEFT JOIN runs_taskrun AS task ON task.id = call.task_run_id
    WHERE call.kind = 'model' AND NOT call.simulated AND NOT call.cache_hit AND run.id = ANY(%s::uuid[])
"""


class Booked(NamedTuple):
    """A request as the ledger has it; prices are USD for a million tokens, so thousands of nUSD for one."""

    request_id: str
    state: str
    prompt: int
    completion: int
    cost_nusd: int
    reserved_nusd: int
    estimated: bool
    input_price: Decimal
    output_price: Decimal
    tag: str
    task: str


OPEN = "SELECT count(*) FROM runs_call WHERE state = 'intent' AND run_id = ANY(%s::uuid[])"


def assert_honest(runs: Iterable[Run], *, states: tuple[str, ...] = ENDED, timeout_s: float = 60) -> None:
    """Waits until all of these runs ended, or are in these states, and no call of theirs is open; then checks."""
    runs = list(runs)
    world, ids = runs[0].world, [run.id for run in runs]
    wait_for(runs, states=states, timeout_s=timeout_s)
    until(lambda: world.rows(OPEN, ids) == [(0,)], timeout_s=20, what="calls stayed open after their runs ended")
    assert_invariants(world)
    assert_bill_is_covered(world, runs)


def assert_invariants(world: World) -> None:
    """By the queries of ``check_invariants``, without the second that starting it takes."""
    for invariant in INVARIANTS.values():
        violated = world.rows(invariant.sql, PARAMETERS)
        assert violated == [], f"{invariant.name}: {invariant.meaning}"


def assert_bill_is_covered(world: World, runs: list[Run]) -> None:
    """Every line of the provider's bill is in the ledger: by its id, or as a call of unknown outcome that is booked at
    no less than was billed. What the ledger says that it was told is what the provider says that it told.
    """
    tags = {run.tag for run in runs}
    bill = {line["id"]: line for line in world.billed() if line["tag"] in tags}
    known: set[str] = set()
    unknown: dict[tuple[str, str], list[int]] = defaultdict(list)
    for call in (Booked(*row) for row in world.rows(LEDGER, [run.id for run in runs])):
        if call.state == "unknown":
            unknown[call.tag, call.task].append(call.cost_nusd)
            assert call.cost_nusd == call.reserved_nusd, f"{call} is not booked at its worst case"
        elif call.state in ("ok", "late"):
            assert call.request_id not in known, f"{call} is booked twice"
            known.add(call.request_id)
            assert call.request_id in bill, f"{call} was never billed"
            _assert_same_figures(call, bill[call.request_id])
        else:
            assert call.cost_nusd == 0, f"{call} failed completely and yet costs something"
    _assert_rest_is_booked([line for line in bill.values() if line["id"] not in known], unknown)


def _assert_same_figures(call: Booked, line: dict[str, Any]) -> None:
    assert call.estimated == (not line["told"]), (call, line)
    if not call.estimated:
        assert (call.prompt, call.completion) == (line["prompt_tokens"], line["completion_tokens"]), (call, line)
        exact = (call.prompt * call.input_price + call.completion * call.output_price) * 1000
        assert abs(call.cost_nusd - exact) <= 1, f"{call} should cost {exact}"


def _assert_rest_is_booked(rest: list[dict[str, Any]], unknown: dict[tuple[str, str], list[int]]) -> None:
    billed: dict[tuple[str, str], list[dict[str, Any]]] = defaultdict(list)
    for line in rest:
        billed[line["tag"], line["task"]].append(line)
    for task, lines in billed.items():
        booked = unknown.get(task, [])
        assert len(lines) <= len(booked), f"{task}: billed {lines}, booked {booked}"
        assert sum(map(_cost_nusd, lines)) <= sum(booked), f"{task} is booked below what was billed"


def _cost_nusd(line: dict[str, Any]) -> int:
    """At these tests' own prices."""
    prompt = line["prompt_tokens"] * Decimal(INPUT_USD_PER_MTOK)
    return round((prompt + line["completion_tokens"] * Decimal(OUTPUT_USD_PER_MTOK)) * 1000)
