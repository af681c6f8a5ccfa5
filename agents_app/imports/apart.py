"""Reads a source in a child process: even a source within all bounds keeps the interpreter busy for seconds.

This module is loaded by the child too, so it knows nothing of Django.
"""

from __future__ import annotations

import base64
import json
from collections.abc import Sequence
from dataclasses import asdict, replace
from typing import Any

from agents_app.formats import Imported, ImportedCrew, Remark, ToolUse, Understood, read, read_uploads
from engine import bounded
from engine.errors import TooBusy, TooMuchWork
from engine.spec.crew_spec import CrewSpec

SECONDS = 8.0
"""Of processor time; the costliest sources known take 4."""
MAX_SPECS_BYTES = 2_500_000
"""Of all crews of a source together, as JSON: they go through a page's form, and back."""


def read_text_apart(source: str, filename: str = "", *, seconds: float = SECONDS) -> Imported:
    """One text, as ``agents_app.formats.read`` reads it. Blocks, and does not raise."""
    return _answer("text_as_json", source, filename, seconds=seconds)


def read_uploads_apart(uploads: Sequence[tuple[str, bytes]], *, seconds: float = SECONDS) -> Imported:
    """Files by path, as ``agents_app.formats.read_uploads`` reads them. Blocks, and does not raise."""
    packed = [[path, base64.b64encode(data).decode()] for path, data in uploads]
    return _answer("uploads_as_json", packed, seconds=seconds)


def _answer(job: str, *args: Any, seconds: float) -> Imported:
    try:
        answer = bounded.run_here(f"{__name__}:{job}", *args, what="Reading this source", seconds=seconds)
    except TooBusy as error:
        return Imported(None, (Remark("error", None, str(error)),))
    except TooMuchWork as error:
        return Imported(None, (Remark("error", None, f"{error} Import a part of it."),))
    crews = tuple(crew_of_json(crew) for crew in answer["crews"])
    report, general = ([Remark(*note) for note in answer[name]] for name in ("report", "general"))
    return Imported(crews[0].spec if crews else None, tuple(report), crews, tuple(general))


def text_as_json(source: str, filename: str) -> dict[str, Any]:
    """What the child does with a text."""
    return _as_json(read(source, filename))


def uploads_as_json(packed: list[list[str]]) -> dict[str, Any]:
    """What the child does with files."""
    return _as_json(read_uploads([(path, base64.b64decode(data)) for path, data in packed]))


def _as_json(imported: Imported) -> dict[str, Any]:
    crews: list[dict[str, Any]] = []
    size = 0
    for crew in imported.crews:
        spec = crew.spec.to_json()
        size += len(json.dumps(spec, ensure_ascii=False).encode())
        if crews and size > MAX_SPECS_BYTES:
            more = (
                f"{len(imported.crews) - len(crews)} more crews are too large to be shown together; import them alone."
            )
            note = Remark("warning", None, more)
            imported = replace(imported, report=(*imported.report, note), general=(*imported.general, note))
            break
        crews.append(crew_as_json(crew))
    return {"crews": crews, "report": _notes(imported.report), "general": _notes(imported.general)}


def crew_as_json(crew: ImportedCrew) -> dict[str, Any]:
    """All that is known of a crew that is not kept yet, as JSON values."""
    return asdict(replace(crew, spec=None, report=())) | {  # type: ignore[arg-type]
        "spec": crew.spec.to_json(),
        "report": _notes(crew.report),
    }


def crew_of_json(data: dict[str, Any]) -> ImportedCrew:
    """The crew of which ``crew_as_json`` told. Raises ``ValueError``, ``TypeError`` or ``KeyError`` for other data."""
    understood = Understood(**{kind: (int(read), int(all_)) for kind, (read, all_) in data["understood"].items()})
    return ImportedCrew(
        CrewSpec.from_json(data["spec"]),
        str(data["file"]),
        None if data["line"] is None else int(data["line"]),
        bool(data["meant"]),
        understood,
        tuple(
            ToolUse(str(t["name"]), str(t["stands_for"]), str(t["why"]), tuple(map(str, t["by"])))
            for t in data["tools"]
        ),
        tuple(Remark(level, line, str(message), str(file)) for level, line, message, file in data["report"]),
    )


def _notes(remarks: Sequence[Remark]) -> list[list[Any]]:
    return [[note.level, note.line, note.message, note.file] for note in remarks]
