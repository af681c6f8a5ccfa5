"""Takes the code out of a Jupyter notebook, and the files that its cells write, not what they showed."""

from __future__ import annotations

import json
import re
from dataclasses import dataclass, field

from agents_app.formats.python_tree import parsed
from agents_app.formats.report import Place, Report, UnreadableError

MAX_CELLS = 2_000
_SHELL = re.compile(r"^[ \t]*(?:[!?]|%(?=[A-Za-z])|[\w.]{1,200}\?{1,2}[ \t]*$)")
_ASSIGNED = re.compile(r"^([ \t]*[\w.]{1,100}[ \t]*=[ \t]*)(?:!|%[A-Za-z]).*$")
_KEPT_CELLS = frozenset({"time", "timeit", "capture", "prun", "memit", "mprun", "chime", "snakeviz"})
"""Magics of a whole cell whose cell is Python all the same."""


@dataclass(slots=True)
class Notebook:
    """``code``: the code cells, one after the other. ``files``: what cells write, by path."""

    code: str = ""
    files: dict[str, str] = field(default_factory=dict)


def is_notebook(text: str) -> bool:
    return text[:200].lstrip().startswith("{") and '"nbformat"' in text and '"cells"' in text


def read_notebook(text: str, report: Report, *, file: str = "") -> Notebook:
    """Its code and files; line numbers count through the code cells. Raises ``UnreadableError``."""
    sources = _sources(text, file)
    book, kept, commands = Notebook(), [], 0
    for source in sources:
        python, cell_commands = _python(source, book)
        commands += cell_commands
        kept.append(python)
    book.code = "\n\n".join(kept)
    report.info(
        Place(None, file), f"The {len(sources)} code cells of a notebook were read; line numbers count through them."
    )
    if commands:
        report.info(
            Place(None, file), f"{commands} commands of the notebook (lines with ! or %, cells with %%) were left out."
        )
    for path in book.files:
        report.info(Place(None, file), f"A cell writes `{path}`: it was read as a file of the project.")
    return book


def _sources(text: str, file: str) -> list[str]:
    try:
        cells = [cell["source"] for cell in json.loads(text)["cells"][:MAX_CELLS] if cell["cell_type"] == "code"]
        return [source if isinstance(source, str) else "".join(map(str, source)) for source in cells]
    except (ValueError, KeyError, TypeError, RecursionError) as error:
        raise UnreadableError(
            "This looks like a Jupyter notebook, but it cannot be read.", Place(None, file)
        ) from error


def _python(source: str, book: Notebook) -> tuple[str, int]:
    """A cell's Python, with as many lines as the cell has, and how many commands were left out."""
    lines = source.split("\n")
    first = next((number for number, line in enumerate(lines) if line.strip()), 0)
    head = lines[first].split()
    blank = "\n" * (len(lines) - 1)
    if head and head[0].startswith("%%"):
        if head[0] in ("%%writefile", "%%file") and len(head) > 1:
            path = head[-1].strip("\"'")
            body = "\n".join(lines[first + 1 :])
            book.files[path] = f"{book.files[path]}\n{body}" if "-a" in head and path in book.files else body
            return blank, 1
        if head[0][2:] not in _KEPT_CELLS:
            return blank, 1
        lines[first] = ""
        return _without_commands(lines)[0], 1
    return _without_commands(lines) if _has_commands(source, lines) else (source, 0)


def _has_commands(source: str, lines: list[str]) -> bool:
    """Whether lines of it are commands: not those that only look so, within texts and broken expressions."""
    if not any(_SHELL.match(line) or _ASSIGNED.match(line) for line in lines):
        return False
    try:
        parsed(source)
    except (SyntaxError, ValueError):
        return True
    return False


def _without_commands(lines: list[str]) -> tuple[str, int]:
    kept: list[str] = []
    count, goes_on = 0, False
    for line in lines:
        starts = not goes_on and _SHELL.match(line) is not None
        count += starts
        indent = line[: len(line) - len(line.lstrip())]
        kept.append(f"{indent}pass" if starts else "" if goes_on else _ASSIGNED.sub(r"\1None", line))
        goes_on = (starts or goes_on) and line.rstrip().endswith("\\")
    return "\n".join(kept), count
