"""What an export says beside its files: what the other side cannot say, and what is said otherwise there."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Literal

Level = Literal["info", "warning"]

MAX_REMARKS = 500


@dataclass(frozen=True, slots=True)
class ExportRemark:
    """``info``: said otherwise, with the same meaning; ``warning``: left out, or it will not do quite the same.

    ``field`` is the path of the spec's field by keys, such as ``agents.writer.llm.fallbacks``.
    """

    level: Level
    field: str
    message: str


@dataclass(slots=True)
class Remarks:
    """Collects remarks, each once and at most ``MAX_REMARKS``."""

    kept: dict[ExportRemark, None] = field(default_factory=dict)

    def info(self, field: str, message: str) -> None:
        self._keep(ExportRemark("info", field, message))

    def warn(self, field: str, message: str) -> None:
        self._keep(ExportRemark("warning", field, message))

    def _keep(self, remark: ExportRemark) -> None:
        if len(self.kept) < MAX_REMARKS:
            self.kept[remark] = None
        elif len(self.kept) == MAX_REMARKS:
            self.kept[ExportRemark("warning", "crew", "There is more than is listed here.")] = None

    def all(self) -> tuple[ExportRemark, ...]:
        """Warnings first, each kind in the order of the crew."""
        return tuple(sorted(self.kept, key=lambda remark: remark.level == "info"))
