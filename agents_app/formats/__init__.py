"""Crews in from elsewhere: CrewAI projects in Python (read, never run) and YAML, and the crew's own JSON.

Pure functions of text: no database, no network, and nothing of a source is executed.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping

from agents_app.formats.project import read_project, read_text
from agents_app.formats.report import NOWHERE, Imported, Level, Remark, Report, UnreadableError
from engine.spec.crew_spec import CrewSpec
from engine.text import storable

__all__ = ["Imported", "Level", "Remark", "read", "read_files"]


def read(source: str, filename: str = "") -> Imported:
    """Reads one text; its format is found from its content, the name only breaks ties. Never raises, for any text."""
    name = storable(filename, nul="")
    return _imported(lambda report: read_text(source, name, report))


def read_files(files: Mapping[str, str]) -> Imported:
    """Reads the files of a project by path: Python, agents.yaml with tasks.yaml, or a crew's JSON."""
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
    except RecursionError:
        report.error(NOWHERE, "The source is nested too deeply, or something in it contains itself; it cannot be read.")
    return Imported(spec, report.notes())
