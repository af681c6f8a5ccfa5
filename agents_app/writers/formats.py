"""The formats of an export, and the files and remarks of a crew in each."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Literal

from agents_app.writers.crew_parts import crew_parts
from agents_app.writers.identifiers import file_stem
from agents_app.writers.jsonc_project import dumped, jsonc_project
from agents_app.writers.python.file import python_file
from agents_app.writers.remarks import ExportRemark
from agents_app.writers.yaml_project import yaml_project
from engine.spec.crew_spec import CrewSpec

ExportFormat = Literal["python", "yaml", "jsonc", "json"]
REPORT = "EXPORT.md"


@dataclass(frozen=True, slots=True)
class Form:
    """``label`` and ``about`` are for people. ``suffix``: of the one file; "" for a project of several."""

    label: str
    about: str
    suffix: str = ""
    content_type: str = "application/zip"


FORMATS: Mapping[ExportFormat, Form] = {
    "python": Form("CrewAI Python", "one file that runs", ".py", "text/x-python; charset=utf-8"),
    "yaml": Form("CrewAI YAML project", "agents.yaml, tasks.yaml and crew.py"),
    "jsonc": Form("CrewAI JSON project", "crew.jsonc and agents/*.jsonc"),
    "json": Form("Crewsite JSON", "everything, to be imported here", ".json", "application/json"),
}


@dataclass(frozen=True, slots=True)
class Exported:
    """``files``: text by path, one for a format of one file. ``stem``: a name for them, safe everywhere."""

    form: ExportFormat
    stem: str
    files: Mapping[str, str]
    remarks: tuple[ExportRemark, ...]


def export(spec: CrewSpec, form: ExportFormat) -> Exported:
    """The crew in a format. Of any spec, also of a draft that cannot run yet."""
    stem = file_stem(spec.name)
    if form == "json":
        return Exported(form, stem, {f"{stem}.json": dumped(spec.to_json())}, ())
    parts = crew_parts(spec)
    if form == "python":
        files = {f"{stem.replace('-', '_')}.py": python_file(parts)}
    else:
        files = yaml_project(parts) if form == "yaml" else jsonc_project(parts)
    return Exported(form, stem, files, parts.remarks.all())


def report_text(exported: Exported) -> str:
    """What is otherwise in the format than here, as a page beside the files."""
    about = FORMATS[exported.form]
    lines = [f"# Exported as {about.label}", ""]
    if not exported.remarks:
        return "\n".join([*lines, "Everything of the crew is in these files.", ""])
    lines += ["What is otherwise there than in Crewsite:", ""]
    return "\n".join([*lines, *(f"- `{remark.field}`: {remark.message}" for remark in exported.remarks), ""])
