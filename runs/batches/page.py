"""The pages of batches: the one that launches, with its preview, and the one of a batch. ``actions`` decides."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from urllib.parse import urlencode

from agents_app.models import Crew
from engine.spec.crew_spec import CrewSpec
from engine.spec.placeholders import placeholders
from engine.text import counted
from runs.batches.estimate.paces import purse_of
from runs.batches.estimate.whole import BatchEstimate, estimate_batch
from runs.batches.forms import CHOICE, BatchForm, GoOnForm, RowsForm
from runs.batches.mapping import MappedTable, mapped, of_inputs
from runs.batches.queries import ROW_STATES, WAITING, BatchDetail, detail
from runs.batches.results.columns import Column, Head, columns_of, heads, sort_of
from runs.batches.results.sorting import beginning, beginnings_at, page_of_rows
from runs.batches.results.spreads import Measured, spreads_of
from runs.batches.table import InputTable
from runs.batches.words import WHY_PAUSED, in_words
from runs.launch.page import LaunchPage
from runs.models import Batch, BatchRow, Run
from runs.run.drawing.text import words_of
from runs.states import BatchPause, BatchState, RunState
from teams.access import Principal

SHOWN_ROWS = 10
SHOWN_FAULTS = 20
SHOWN_PAIRS = 5
SHOWN_LINES = 50
SHOWN_OTHERS = 20
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
    def shown(self) -> list[tuple[int, list[tuple[ColumnChoice, str]]]]:
        """The first rows, each with its inputs; those that it does not give are the crew's own, if it has one."""
        return [
            (number, [(choice, row.get(choice.name, "")[:FIRST_CHARS]) for choice in self.choices])
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


@dataclass(frozen=True, slots=True)
class RowsPage:
    """Rows that are to be added to a batch. ``preview`` is None before there is a table."""

    batch: Batch
    form: RowsForm
    names: Sequence[str]  # of its inputs
    preview: Preview | None = None


def rows_preview(
    batch: Batch, spec: CrewSpec, table: InputTable, chosen: Mapping[str, str], notes: Sequence[str]
) -> Preview:
    """What a table comes to that is added to a batch, by its version's ``spec``."""
    result = mapped(spec, table, chosen)
    return Preview(table, result, _choices(spec, result), notes, estimate=None, simulated=batch.simulated)


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
        choices=_choices(launch.spec, result),
        notes=notes,
        estimate=estimate_batch(
            who,
            crew,
            launch.spec,
            simulated=simulated,
            rows=rows,
            input_chars=sum(len(text) for row in result.rows for text in row.values()) // max(1, rows),
            max_concurrency=form.cleaned_data.get("max_concurrency") or 1,
            purse=purse_of(who.team, *(form.cleaned_data.get(name) for name in ("batch_budget_usd", "budget_usd"))),
        ),
        simulated=simulated,
    )


def _choices(spec: CrewSpec, result: MappedTable) -> list[ColumnChoice]:
    own = of_inputs(spec.inputs)
    return [
        ColumnChoice(f"{CHOICE}{number}", name, result.columns[name], name in own)
        for number, name in enumerate(placeholders(spec))
    ]


@dataclass(frozen=True, slots=True)
class RowLine:
    """A row as the table shows it. Texts are the first words of what they are of, outputs without Markdown's marks; an
    input is None where there is none."""

    row: BatchRow
    run: Run | None
    state: str
    inputs: Sequence[tuple[Column, str | None]]
    outputs: Sequence[tuple[Column, str]]
    error: str


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
    heads: Sequence[Head]
    lines: Sequence[RowLine]
    next: str
    previous: str
    sort: str  # what the rows are sorted by; "" for their order
    state: str  # whose rows are shown; "" for all
    spreads: Sequence[Measured]  # on the first page
    others: Sequence[Batch]  # to compare it with
    go_on: GoOnForm

    @property
    def with_state(self) -> str:
        """The part of an address that keeps whose rows are shown."""
        return f"{urlencode({'status': self.state})}&" if self.state else ""

    @property
    def with_sort(self) -> str:
        return f"{urlencode({'sort': self.sort})}&" if self.sort else ""

    @property
    def counts(self) -> list[tuple[str, int]]:
        found = self.detail.progress.counts
        return [(state, found[state]) for state in ROW_STATES if found.get(state)]


def batch_page(batch: Batch, *, state: str, sort: str, cursor: str, go_on: GoOnForm | None = None) -> BatchPage:
    """A page of rows and how far the batch is. ``Invalid`` for a state, a column or a cursor that there is not."""
    columns = columns_of(batch)
    by = sort_of(columns, sort)
    found = page_of_rows(batch, by, state=state, cursor=cursor, limit=SHOWN_LINES)
    return BatchPage(
        detail=detail(batch),
        heads=heads(columns, by),
        lines=[_line(row, texts, columns) for row, texts in beginnings_at(batch, found.items, columns)],
        next=found.next,
        previous=found.previous,
        sort=sort,
        state=state,
        spreads=() if cursor else spreads_of(batch),
        others=_others(batch),
        go_on=go_on or GoOnForm(),
        why=_why(batch),
    )


def batch_now(batch: Batch) -> BatchNow:
    return BatchNow(detail(batch), _why(batch))


def _why(batch: Batch) -> str:
    if not batch.paused_for:
        return ""
    return in_words(batch, BatchPause(batch.paused_for), WHY_PAUSED)


def _others(batch: Batch) -> list[Batch]:
    """The newest batches of the same crew."""
    of_crew = Batch.objects.filter(crew=batch.crew_id, simulated=batch.simulated).exclude(pk=batch.pk)
    return list(of_crew.select_related("version").defer("version__spec").order_by("-pk")[:SHOWN_OTHERS])


def _line(row: BatchRow, texts: Mapping[str, str | None], columns: Sequence[Column]) -> RowLine:
    run = row.run
    return RowLine(
        row,
        run,
        state=WAITING if run is None else run.state,
        inputs=[(column, beginning(texts[column.name])) for column in columns if column.is_input],
        outputs=[(column, words_of(beginning(texts[column.name]) or "")) for column in columns if column.is_output],
        error=beginning(texts["error"]) or "" if run is not None and run.state != RunState.SUCCEEDED else "",
    )
