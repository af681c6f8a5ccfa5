"""What somebody orders who launches a batch, and what is wrong with it. All rows are checked before any is started."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace
from decimal import Decimal
from itertools import islice
from unicodedata import normalize

from engine.spec.crew_spec import CrewSpec
from engine.spec.placeholders import filled_chars, placeholders
from engine.spec.size import MAX_FILLED_CHARS, filling_fault
from engine.text import is_storable
from runs.bounds.budgets import MAX_BUDGET_USD
from runs.launch.order import MAX_INPUT_CHARS, LaunchOrder
from runs.models import DataSetVersion
from runs.money import dollars, to_nusd, to_usd
from teams.models import Team
from teams.refusals import Invalid

MAX_ROWS = 10_000
MAX_CHARS = 20_000_000
"""Of the inputs of all rows together."""
MAX_CONCURRENCY = 200
USUAL_CONCURRENCY = 5
MAX_NAME_CHARS = 120
MOST_FAULTS = 100
NOT_LAUNCHED = "The batch was not launched, and nothing was spent."

Row = Mapping[str, str]


@dataclass(frozen=True, slots=True)
class RowFault:
    """What is wrong with a row, from 1, or with one of its inputs."""

    row: int
    name: str  # of the input; "" for the row as a whole
    message: str


@dataclass(frozen=True, slots=True)
class BatchOrder:
    """``run`` is what each run is launched with, but for its inputs."""

    rows: Sequence[Row]
    run: LaunchOrder = LaunchOrder()
    name: str = ""
    max_concurrency: int = USUAL_CONCURRENCY
    stop_after_failures: int | None = None
    budget_usd: Decimal | None = None  # of all runs together
    data_set_version: DataSetVersion | None = None  # where the rows come from, if they are kept

    @property
    def request_hash(self) -> str:
        """Tells one order from another under the same idempotency key."""
        bounds = [self.name, self.max_concurrency, self.stop_after_failures, str(self.budget_usd)]
        parts = [self.run.request_hash, bounds, [dict(row) for row in self.rows]]
        return hashlib.sha256(json.dumps(parts, sort_keys=True).encode()).hexdigest()


@dataclass
class RowChecks:
    """Checks rows against one spec, whose texts are looked through once."""

    spec: CrewSpec
    _wanted: Sequence[str] = field(init=False)
    _own: frozenset[str] = field(init=False)
    _uses: int = field(init=False)

    def __post_init__(self) -> None:
        self._wanted = placeholders(self.spec)
        self._own = frozenset(normalize("NFC", name) for name in self.spec.inputs)
        self._uses = filled_chars(self.spec, dict.fromkeys(self._wanted, "x"))

    def faults(self, rows: Sequence[Row]) -> Iterator[RowFault]:
        """Everything that is wrong with the rows, in their order."""
        for number, row in enumerate(rows, 1):
            yield from self._of_row(number, row)

    def _of_row(self, number: int, row: Row) -> Iterator[RowFault]:
        given = {normalize("NFC", name) for name in row}
        for name in self._wanted:
            if name not in given and name not in self._own:
                yield RowFault(number, name, "This input is missing.")
        longest = 0
        for name, value in row.items():
            longest = max(longest, len(value))
            if len(value) > MAX_INPUT_CHARS:
                yield RowFault(number, name, f"At most {MAX_INPUT_CHARS:,} characters.")
            if not (is_storable(value) and is_storable(name)):
                yield RowFault(number, name, "It holds a NUL or half a character, which no text here can have.")
        if longest * self._uses > MAX_FILLED_CHARS and (fault := filling_fault(self.spec, row)):
            yield RowFault(number, "", fault)


class BadRows(Invalid):
    """Some rows cannot be run; ``faults`` are the first of them. In the fields, rows count from 0, as in JSON."""

    def __init__(self, message: str, faults: Sequence[RowFault]) -> None:
        self.faults = tuple(faults)
        fields = {f"inputs.{one.row - 1}{f'.{one.name}' if one.name else ''}": one.message for one in faults}
        super().__init__(message, fields=fields)


def refuse_bad_rows(spec: CrewSpec, rows: Sequence[Row], *, before: int = 0, chars_before: int = 0) -> None:
    """Raises ``BadRows``, or ``Invalid`` for too many or none; ``before`` rows, so long together, are there already."""
    if not rows:
        raise Invalid(NOT_LAUNCHED, fields={"inputs": "Give one row at least."})
    if before + len(rows) > MAX_ROWS:
        raise Invalid(NOT_LAUNCHED, fields={"inputs": f"A batch has at most {MAX_ROWS:,} rows."})
    if chars_before + sum(len(value) for row in rows for value in row.values()) > MAX_CHARS:
        raise Invalid(NOT_LAUNCHED, fields={"inputs": f"At most {MAX_CHARS:,} characters in all rows together."})
    if faults := list(islice(RowChecks(spec).faults(rows), MOST_FAULTS)):
        raise BadRows(NOT_LAUNCHED, faults)


def bound_complaints(order: BatchOrder) -> dict[str, str]:
    """What is wrong with the bounds of the whole, by field."""
    fields = {}
    if len(order.name) > MAX_NAME_CHARS:
        fields["name"] = f"At most {MAX_NAME_CHARS} characters."
    elif not is_storable(order.name):
        fields["name"] = "It holds a NUL or half a character."
    fields |= concurrency_complaints(order.max_concurrency, order.stop_after_failures)
    if complaint := budget_complaint(order.budget_usd, to_nusd(order.run.budget_usd)):
        fields["budget_usd"] = complaint
    return fields


def concurrency_complaints(max_concurrency: int | None, stop_after_failures: int | None) -> dict[str, str]:
    """None is what was not asked for."""
    fields = {}
    if max_concurrency is not None and not 1 <= max_concurrency <= MAX_CONCURRENCY:
        fields["max_concurrency"] = f"Give a number from 1 to {MAX_CONCURRENCY}."
    if stop_after_failures is not None and not 1 <= stop_after_failures <= MAX_ROWS:
        fields["stop_after_failures"] = f"Give a number from 1 to {MAX_ROWS:,}, or none."
    return fields


def budget_complaint(budget_usd: Decimal | None, each_nusd: int | None) -> str:
    """What is wrong with a budget of the whole; "" if nothing is. ``each_nusd`` is what each run was ordered with; None
    where each gets a share of it."""
    if budget_usd is None:
        return ""
    if not 0 < budget_usd <= MAX_BUDGET_USD:
        return f"Give a budget above $0 and up to ${MAX_BUDGET_USD:,}, or none."
    if to_usd(to_nusd(budget_usd)) != budget_usd:
        return "Give at most nine decimals."
    if each_nusd is not None and each_nusd > (to_nusd(budget_usd) or 0):
        return f"It is less than the budget of one run, {dollars(each_nusd)}, so that no row could start."
    return ""


def of_any_row(team: Team, spec: CrewSpec, order: BatchOrder) -> LaunchOrder:
    """The order of a run whose inputs are in order, to be checked for everything else. Where only the whole has a
    budget, each run has a share of it, which models without a price would not heed."""
    share_usd = order.budget_usd if order.run.budget_usd is None and team.run_budget_nusd is None else None
    run = order.run if share_usd is None else replace(order.run, budget_usd=share_usd)
    return replace(run, inputs=dict.fromkeys(placeholders(spec), "x"))
