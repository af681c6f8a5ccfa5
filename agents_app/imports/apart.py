"""Reads a source in a child process: even a source within all bounds keeps the interpreter busy for seconds.

This module is loaded by the child too, so it knows nothing of Django.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from agents_app.formats import Imported, Remark, read_files
from engine import bounded
from engine.errors import TooBusy, TooMuchWork
from engine.spec.crew_spec import CrewSpec

SECONDS = 8.0
"""Of processor time; the costliest sources known take 4."""


def read_apart(files: Mapping[str, str], *, seconds: float = SECONDS) -> Imported:
    """The files of a project, by path, as ``agents_app.formats.read_files`` reads them. Blocks, and does not raise."""
    try:
        answer = bounded.run_here(f"{__name__}:read_as_json", dict(files), what="Reading this source", seconds=seconds)
    except TooBusy as error:
        return Imported(None, (Remark("error", None, str(error)),))
    except TooMuchWork as error:
        return Imported(None, (Remark("error", None, f"{error} Import a part of it."),))
    spec = answer["spec"]
    return Imported(
        CrewSpec.from_json(spec) if spec is not None else None, tuple(Remark(*note) for note in answer["report"])
    )


def read_as_json(files: dict[str, str]) -> dict[str, Any]:
    """What the child does."""
    imported = read_files(files)
    return {
        "spec": imported.spec.to_json() if imported.spec else None,
        "report": [(note.level, note.line, note.message) for note in imported.report],
    }
