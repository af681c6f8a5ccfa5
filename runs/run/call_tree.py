"""Which call was made within which: a co-worker's calls lie below the tool call that delegated to it."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from uuid import UUID

from runs.models import Call
from runs.run.queries import calls_of


@dataclass(frozen=True, slots=True)
class CallRow:
    """One call of a table; ``depth`` is how many delegations it lies below."""

    call: Call
    depth: int


def call_lines(calls: Sequence[Call]) -> list[CallRow]:
    """The calls in their order, but each co-worker's calls moved below the delegation that they belong to. Calls whose
    delegation is not among these stay in their place."""
    below: defaultdict[UUID | None, list[Call]] = defaultdict(list)
    delegations: dict[tuple[int | None, str], UUID] = {}
    for call in calls:
        below[delegations.get((call.task_run_id, call.branch)) if call.branch else None].append(call)
        if call.kind == "tool":
            delegations[call.task_run_id, branch_below(call)] = call.pk

    def walk(parent: UUID | None) -> Iterator[CallRow]:
        for call in below[parent]:
            yield CallRow(call, call.branch.count("."))
            if call.pk in below:
                yield from walk(call.pk)

    return list(walk(None))


def branch_below(call: Call) -> str:
    """The branch of calls that are made within this one."""
    return f"{call.branch}{call.step}."


def calls_below(call: Call) -> list[CallRow]:
    """The co-worker's calls within this one; none if it is no delegation."""
    if call.kind != "tool":
        return []
    below = calls_of(call.run).filter(task_run_id=call.task_run_id, branch__startswith=branch_below(call))
    return call_lines(list(below))


def delegation_of(call: Call) -> Call | None:
    """The tool call within which this call was made, if it was."""
    if not call.branch:
        return None
    above, _, step = call.branch.rstrip(".").rpartition(".")
    tool_calls = calls_of(call.run).filter(task_run_id=call.task_run_id, kind="tool")
    return tool_calls.filter(branch=f"{above}." if above else "", step=int(step), pk__lt=call.pk).last()
