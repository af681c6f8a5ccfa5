"""The pages of batches: the one that launches, with its preview, and the one of a batch. ``actions`` decides."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from agents_app.models import Crew
from engine.spec.placeholders import placeholders
from engine.text import counted
from runs.batches.estimate.whole import BatchEstimate, estimate_batch
from runs.batches.forms import CHOICE, BatchForm, GoOnForm
from runs.batches.mapping import MappedTable, mapped
from runs.batches.queries import ROW_STATES, BatchDetail, detail, page_of_rows
from runs.batches.table import InputTable
from runs.batches.words import WHY_PAUSED
from runs.launch.page import LaunchPage
from runs.models import Batch, BatchRow, Run
from runs.money import to_nusd
from runs.paging import Page
from runs.states import BatchPause, BatchState, RunState
from teams.access import Principal

SHOWN_ROWS = 10
SHOWN_FAULTS = 20
SHOWN_PAIRS = 5
FIRST_CHARS = 200


@dataclass(frozen=True, slots=True)
class ColumnChoice:
    """Which column fills an input."""

    field: str
    name: str
    column: str  # "" for none
    own: bool  # whether the crew has a value of its own


@dataclass(frozen=True, slots=True)
class Preview:
    """What a table comes to before it is launched."""

    table: InputTable
    result: MappedTable
    choices: Sequence[ColumnChoice]
    notes: Sequence[str]
    estimate: BatchEstimate | None
    simulated: bool

    @property
    def shown(self) -> list[tuple[int, list[tuple[str, str]]]]:
        """The first rows, each with its inputs; those that it does not give are the crew's own."""
        return [
            (number, [(choice.name, row.get(choice.name, "")[:FIRST_CHARS]) for choice in self.choices])
            for number, row in enumerate(self.result.rows[:SHOWN_ROWS], 1)
        ]

    @property
    def more(self) -> int:
        return max(0, len(self.result.rows) - SHOWN_ROWS)

    @property
    def faults(self) -> Sequence[object]:
        return self.result.faults[:SHOWN_FAULTS]

    @property
    def doubled(self) -> str:
        pairs = self.result.doubled
        named = ", ".join(f"{row} is {earlier}" for row, earlier in pairs[:SHOWN_PAIRS])
        more = f" and {len(pairs) - SHOWN_PAIRS:,} more" if len(pairs) > SHOWN_PAIRS else ""
        repeat = "repeats" if len(pairs) == 1 else "repeat"
        return f"{counted(len(pairs), 'row')} {repeat} an earlier one word for word: {named}{more}." if pairs else ""


def preview(
    who: Principal,
    crew: Crew,
    launch: LaunchPage,
    form: BatchForm,
    table: InputTable,
    chosen: Mapping[str, str],
    notes: Sequence[str],
) -> Preview:
    """``notes`` are what was guessed about the file."""
    result = mapped(launch.spec, table, chosen)
    simulated = bool(launch.own_kind) or form.cleaned_data.get("simulated") == "yes"
    rows = len(table.rows)
    return Preview(
        table=table,
        result=result,
        choices=[
            ColumnChoice(f"{CHOICE}{number}", name, result.columns[name], name in launch.spec.inputs)
            for number, name in enumerate(placeholders(launch.spec))
        ],
        notes=notes,
        estimate=estimate_batch(
            who,
            crew,
            launch.spec,
            simulated=simulated,
            rows=rows,
            input_chars=sum(len(text) for row in result.rows for text in row.values()) // max(1, rows),
            max_concurrency=form.cleaned_data.get("max_concurrency") or 1,
            budget_nusd=to_nusd(form.cleaned_data.get("batch_budget_usd")),
        ),
        simulated=simulated,
    )


@dataclass(frozen=True, slots=True)
class RowLine:
    """A row as the table shows it."""

    row: BatchRow
    inputs: Sequence[tuple[str, str]]
    run: Run | None
    state: str
    says: str  # the first words of its output or of its error


@dataclass(frozen=True, slots=True)
class BatchNow:
    """How far a batch is and what can be done with it, whichever of its rows are shown."""

    detail: BatchDetail
    why: str  # it is paused

    @property
    def batch(self) -> Batch:
        return self.detail.batch

    @property
    def goes_on(self) -> bool:
        """Whether anything of it may still change by itself."""
        return self.batch.state == BatchState.RUNNING or self.detail.progress.live > 0

    @property
    def may_pause(self) -> bool:
        return self.batch.state == BatchState.RUNNING

    @property
    def may_go_on(self) -> bool:
        return self.batch.state in (BatchState.PAUSED, BatchState.RUNNING)

    @property
    def may_retry(self) -> bool:
        progress = self.detail.progress
        again = progress.failed + progress.cancelled + progress.stranded
        return self.batch.state != BatchState.CANCELLED and again > 0

    @property
    def may_anything(self) -> bool:
        return self.may_go_on or self.may_retry

    @property
    def ended(self) -> bool:
        """Whether nothing of it changes any more but by somebody who runs rows of it again or adds some."""
        return not self.may_go_on and not self.detail.progress.live


@dataclass(frozen=True, slots=True)
class BatchPage(BatchNow):
    lines: Sequence[RowLine]
    next: str
    state: str  # whose rows are shown; "" for all
    go_on: GoOnForm

    @property
    def counts(self) -> list[tuple[str, int]]:
        found = self.detail.progress.counts
        return [(state, found[state]) for state in ROW_STATES if found.get(state)]


def batch_page(batch: Batch, *, state: str, cursor: str, go_on: GoOnForm | None = None) -> BatchPage:
    """A page of rows and how far the batch is."""
    rows: Page[BatchRow] = page_of_rows(batch, state=state, cursor=cursor)
    return BatchPage(
        detail=detail(batch),
        why=_why(batch),
        lines=[_line(row) for row in rows.items],
        next=rows.next,
        state=state,
        go_on=go_on or GoOnForm(),
    )


def batch_now(batch: Batch) -> BatchNow:
    return BatchNow(detail(batch), _why(batch))


def _why(batch: Batch) -> str:
    return WHY_PAUSED[BatchPause(batch.paused_for)] if batch.paused_for else ""


def _line(row: BatchRow) -> RowLine:
    inputs = [(name, value[:FIRST_CHARS]) for name, value in row.inputs.items()]
    run = row.run
    if run is None:
        return RowLine(row, inputs, None, "pending", "")
    says = run.output_raw if run.state == RunState.SUCCEEDED else run.error
    return RowLine(row, inputs, run, run.state, says[:FIRST_CHARS])
