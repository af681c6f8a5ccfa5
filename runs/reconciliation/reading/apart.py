"""Reads exports in a child process: some megabytes of cells keep an interpreter busy for a second."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from decimal import localcontext
from typing import Any

from engine import bounded
from engine.errors import TooBusy, TooMuchWork
from runs.reconciliation.reading import anthropic, chosen, openai
from runs.reconciliation.reading.cells import Writing
from runs.reconciliation.reading.cells_of_days import Theirs, summed
from runs.reconciliation.reading.json_pages import read_json
from runs.reconciliation.reading.lines import Statement, Unreadable
from runs.reconciliation.reading.table import Table, once, read_table, refuse_doubled

SECONDS = 15.0
"""Of processor time; the largest files that are taken need 3."""
DIGITS = 120
PREVIEW_ROWS = 5
PREVIEW_CHARS = 60
ONCE, TWICE = "once", "twice"
"""What rows mean that stand twice word for word."""


@dataclass(frozen=True, slots=True)
class Known:
    """A format that is told by its columns. ``figures`` and ``days``: columns that show how it is written."""

    fits: Callable[[frozenset[str]], bool]
    read: Callable[[Table, Writing], Statement]
    figures: Sequence[str]
    days: Sequence[str]


KNOWN = (
    Known(openai.is_costs, openai.read_costs, openai.FIGURES, openai.DAYS),
    Known(openai.is_usage, openai.read_usage, openai.FIGURES, openai.DAYS),
    Known(anthropic.is_costs, anthropic.read_costs, anthropic.FIGURES, anthropic.DAYS),
    Known(anthropic.is_usage, anthropic.read_usage, anthropic.FIGURES, anthropic.DAYS),
)


@dataclass(frozen=True, slots=True)
class Preview:
    """A table whose columns a person has to choose. ``proposed``: the places that names tell, by meaning."""

    head: Sequence[str]
    rows: Sequence[Sequence[str]]
    proposed: Mapping[str, int]
    digest: str


@dataclass(frozen=True, slots=True)
class Reading:
    """Of what was read either all, or what is to be chosen, or what is wrong: file, line and a sentence."""

    theirs: Theirs | None = None
    preview: Preview | None = None
    faults: Sequence[tuple[str, int, str]] = ()
    fault_count: int = 0
    problem: str = ""
    is_busy: bool = False
    digest: str = ""  # of the head of the table whose columns a person chose


def read_apart(files: Sequence[tuple[str, str]], choice: Mapping[str, Any]) -> Reading:
    """Names and texts of files as one statement. ``choice``: what a person said of them, see ``ExportChoice``. Blocks,
    and does not raise."""
    try:
        answer = bounded.run_here(
            f"{__name__}:read_as_json",
            [list(file) for file in files],
            dict(choice),
            what="Reading this export",
            seconds=SECONDS,
        )
    except TooBusy as error:
        return Reading(problem=str(error), is_busy=True)
    except TooMuchWork as error:
        return Reading(problem=f"{error} Export fewer days at once.")
    if theirs := answer.get("theirs"):
        return Reading(theirs=Theirs.from_json(theirs), digest=answer.get("digest", ""))
    if preview := answer.get("preview"):
        return Reading(preview=Preview(**preview), problem=answer.get("problem", ""))
    faults = [tuple(fault) for fault in answer.get("faults", ())]
    return Reading(faults=faults, fault_count=answer.get("fault_count", 0), problem=answer.get("problem", ""))


def preview_apart(text: str) -> Preview | None:
    """The beginning of a table; None if it is none."""
    try:
        answer = bounded.run_here(
            f"{__name__}:read_as_json", [["", text]], {"preview": True}, what="Reading this table"
        )
    except (TooBusy, TooMuchWork):
        return None
    return Preview(**answer["preview"]) if "preview" in answer else None


def read_as_json(files: Sequence[Sequence[str]], choice: Mapping[str, Any]) -> dict[str, Any]:
    """What the child does."""
    with localcontext(prec=DIGITS):  # amounts in cents have all their decimals as dollars too
        return _read_all(files, choice)


def _read_all(files: Sequence[Sequence[str]], choice: Mapping[str, Any]) -> dict[str, Any]:
    statements: list[Statement] = []
    for name, text in files:
        try:
            read = _read(text, choice)
        except Unreadable as error:
            return {"problem": f"{_called(name)}{error}", "faults": []}
        if isinstance(read, dict):
            alone = len(files) == 1
            return read if alone else {"problem": f"{_called(name)}Its columns have to be chosen. Send it by itself."}
        statements.append(read)
    faults = [(name, *fault) for (name, _), one in zip(files, statements, strict=True) for fault in one.faults]
    if faults:
        return {"faults": faults, "fault_count": sum(statement.fault_count for statement in statements)}
    try:
        return {"theirs": summed(statements).to_json(), "digest": statements[0].digest}
    except Unreadable as error:
        return {"problem": str(error)}


def _read(text: str, choice: Mapping[str, Any]) -> Statement | dict[str, Any]:
    """A preview where a person has to choose columns first."""
    if text.lstrip()[:1] in ("{", "["):
        return read_json(text)
    table = read_table(text)
    if choice.get("preview"):
        return {"preview": _preview(table)}
    if choice.get("doubled") == ONCE:
        table = once(table)
    elif choice.get("doubled") != TWICE:
        refuse_doubled(table)
    read = _table_read(table, choice)
    if isinstance(read, Statement):
        read.faults = sorted([*table.faults.faults, *read.faults])
        read.fault_count += table.faults.fault_count
        return read
    return table.faults if table.faults.faults else read


def _table_read(table: Table, choice: Mapping[str, Any]) -> Statement | dict[str, Any]:
    columns = choice.get("columns") or {}
    known = next((one for one in KNOWN if one.fits(frozenset(table.names))), None)
    if columns:
        try:
            read = chosen.read_chosen(table, columns, choice)
        except Unreadable as error:
            return {"preview": _preview(table) | {"proposed": columns}, "problem": str(error)}
        read.digest = chosen.head_digest(table.head)
        return read
    return {"preview": _preview(table)} if known is None else known.read(table, _writing(known, table, choice))


def _writing(known: Known, table: Table, choice: Mapping[str, Any]) -> Writing:
    """Providers write points; a program of tables may have written the file anew, which its separator tells."""
    mark = choice.get("mark") or ("." if table.separator == "," else "")
    figures, days = (
        [table.names.index(name) for name in names if name in table.names] for names in (known.figures, known.days)
    )
    return chosen.writing_of((row for _, row in table.rows), figures, days, mark, choice.get("order", ""))


def _preview(table: Table) -> dict[str, Any]:
    cut = [[cell[:PREVIEW_CHARS] for cell in row] for _, row in table.rows[:PREVIEW_ROWS]]
    return {
        "head": [cell[:PREVIEW_CHARS] for cell in table.head],
        "rows": cut,
        "proposed": chosen.proposed(table.names),
        "digest": chosen.head_digest(table.head),
    }


def _called(name: str) -> str:
    return f"“{name}”: " if name else ""
