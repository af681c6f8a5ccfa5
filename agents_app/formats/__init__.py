"""Reads crews of other formats: CrewAI projects in Python (read, never run) and YAML, and our own JSON.

Pure functions of text: no database, no network, and no source is ever executed.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping

from agents_app.formats.budget import UsedUpError
from agents_app.formats.project import read_project, read_text
from agents_app.formats.python_tree import forget_looked_at
from agents_app.formats.report import NOWHERE, Imported, Level, Remark, Report, UnreadableError, at_line
from engine.spec.crew_spec import CrewSpec
from engine.spec.size import excesses
from engine.text import storable

__all__ = ["Imported", "Level", "Remark", "read", "read_files"]


def read(source: str, filename: str = "") -> Imported:
    """Reads one text. Its content tells its format; the file name only breaks ties. Never raises, whatever the text."""
    name = storable(filename, nul="")
    return _imported(lambda report: read_text(source, name, report))


def read_files(files: Mapping[str, str]) -> Imported:
    """Reads a project's files, by path: Python, agents.yaml with tasks.yaml, or a crew's JSON."""
    if len(files) == 1:
        (filename, source) = next(iter(files.items()))
        return read(source, filename)
    named = {storable(path, nul=""): source for path, source in files.items()}
    return _imported(lambda report: read_project(named, report))


def _imported(reader: Callable[[Report], CrewSpec | None]) -> Imported:
    report = Report()
    spec = None
    try:
        spec = reader(report)
    except UnreadableError as error:
        report.error(error.place, str(error))
    except UsedUpError as error:
        report.error(error.place, at_line(error.place, f"{error}; import a part of it."))
    except RecursionError:
        report.error(NOWHERE, "The source is nested too deeply, or something in it contains itself; it cannot be read.")
    finally:
        forget_looked_at()
    over = () if spec is None else excesses(spec)
    for excess in over:
        report.error(NOWHERE, f"{excess.field}: {excess.message}")
    return Imported(None if over else spec, report.notes())
