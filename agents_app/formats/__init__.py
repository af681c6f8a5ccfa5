"""Reads crews of other formats: CrewAI projects in Python (read, never run), YAML and JSON, and our own JSON.

Pure functions of texts and bytes: no database, no network, no disk, and no source is ever executed.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import replace

from agents_app.formats.budget import UsedUpError
from agents_app.formats.project import read_project, read_text
from agents_app.formats.python_tree import forget_looked_at
from agents_app.formats.report import (
    NOWHERE,
    Imported,
    ImportedCrew,
    Level,
    Remark,
    Report,
    ToolUse,
    Understood,
    UnreadableError,
    at_line,
    worst_first,
)
from agents_app.formats.tree import unfolded
from engine.spec.size import excesses
from engine.text import storable

__all__ = ["Imported", "ImportedCrew", "Level", "Remark", "ToolUse", "Understood", "read", "read_files", "read_uploads"]


def read(source: str, filename: str = "") -> Imported:
    """Reads one text. Its content tells its format; the file name only breaks ties. Never raises, whatever the text."""
    name = storable(filename, nul="")
    return _imported(lambda report: read_text(source, name, report))


def read_files(files: Mapping[str, str]) -> Imported:
    """Reads a project's files, by path: Python, agents.yaml with tasks.yaml, crew.jsonc, or a crew's JSON."""
    if len(files) == 1:
        (filename, source) = next(iter(files.items()))
        return read(source, filename)
    named = {storable(path, nul=""): source for path, source in files.items()}
    return _imported(lambda report: read_project(named, report))


def read_uploads(uploads: Sequence[tuple[str, bytes]]) -> Imported:
    """Reads files as they were uploaded, by path: sources, and zip archives of such. Never raises."""

    def reader(report: Report) -> list[ImportedCrew]:
        texts = unfolded(uploads, report)
        if len(texts) == 1:
            (path, text), *_ = texts.items()
            return read_text(text, path, report)
        return read_project(texts, report)

    return _imported(reader)


def _imported(reader: Callable[[Report], list[ImportedCrew]]) -> Imported:
    report = Report()
    crews: list[ImportedCrew] = []
    try:
        crews = reader(report)
    except UnreadableError as error:
        report.error(error.place, str(error))
    except UsedUpError as error:
        report.error(error.place, at_line(error.place, f"{error}; import a part of it."))
    except RecursionError:
        report.error(NOWHERE, "The source is nested too deeply, or something in it contains itself; it cannot be read.")
    finally:
        forget_looked_at()
    fitting: list[ImportedCrew] = []
    for crew in crews:
        over = excesses(crew.spec)
        for excess in over:
            report.error(NOWHERE, f"{excess.field}: {excess.message}")
        if not over:
            fitting.append(crew)
    if not any(crew.meant for crew in fitting):
        fitting = [replace(crew, meant=True) for crew in fitting]
    general = report.notes()
    first = fitting[0].report if fitting else ()
    return Imported(fitting[0].spec if fitting else None, worst_first((*first, *general)), tuple(fitting), general)
