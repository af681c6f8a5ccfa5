"""What the import page shows of crews before they are saved."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Any

from agents_app.formats import Remark, ToolUse
from agents_app.formats.tree import FOLDERS, SOURCES, TEXTS
from agents_app.graph.layout import graphs
from agents_app.imports.forms import KeptCrew
from agents_app.imports.uploads import MAX_UPLOAD_BYTES, MAX_UPLOADS
from agents_app.queries import inputs_of
from engine.bounded import Patience
from engine.spec.validate import TRYING_SECONDS, Complaint, validate

MAX_DRAWN = 4
MAX_COMPLAINTS = 50
_KINDS = ("agents", "tasks", "texts", "tools")


@dataclass(frozen=True, slots=True)
class Share:
    """How many of a kind were understood."""

    kind: str
    read: int
    total: int

    @property
    def percent(self) -> int:
        """Whole, and 100 only if nothing is missing."""
        return 100 * self.read // self.total

    @property
    def is_whole(self) -> bool:
        return self.read == self.total


@dataclass(frozen=True, slots=True)
class Row:
    """One crew of the preview."""

    kept: KeptCrew
    inputs: Sequence[tuple[str, str | None]]
    complaints: tuple[Complaint, ...]
    report: tuple[Remark, ...]
    shares: tuple[Share, ...]
    drawings: dict[str, Any]

    @property
    def tools(self) -> tuple[ToolUse, ...]:
        return self.kept.crew.tools


def preview(kept: Sequence[KeptCrew]) -> dict[str, object]:
    """The page's context: a row for each crew, and the first of them as ``spec``."""
    patience = Patience(TRYING_SECONDS)
    rows = list(_rows(kept, patience))
    return {
        "rows": rows,
        "spec": rows[0].kept.crew.spec if rows else None,
        "ticked": sum(row.kept.ticked for row in rows),
    }


def _rows(kept: Sequence[KeptCrew], patience: Patience) -> Iterator[Row]:
    for each in kept:
        crew = each.crew
        shares = (Share(kind, *getattr(crew.understood, kind)) for kind in _KINDS)
        yield Row(
            each,
            inputs_of(crew.spec),
            validate(crew.spec, patience=patience)[:MAX_COMPLAINTS],
            crew.report,
            tuple(share for share in shares if share.total),
            graphs(crew.spec) if each.number < MAX_DRAWN else {},
        )


def choosing() -> dict[str, object]:
    """What the page's script has to know to leave at home what no crew needs."""
    return {
        "endings": " ".join(sorted({*SOURCES, *TEXTS, "zip"})),
        "folders": " ".join(sorted(FOLDERS)),
        "max_bytes": MAX_UPLOAD_BYTES,
        "max_files": MAX_UPLOADS,
    }
