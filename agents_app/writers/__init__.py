"""Writes crews in other formats: CrewAI's Python, its YAML project, its JSON project, and our own JSON.

Pure functions of a spec: no database, no network, and nothing secret, since a spec holds nothing secret.
"""

from __future__ import annotations

from agents_app.writers.formats import FORMATS, Exported, ExportFormat, export, report_text
from agents_app.writers.remarks import ExportRemark

__all__ = ["FORMATS", "ExportFormat", "ExportRemark", "Exported", "export", "report_text"]
