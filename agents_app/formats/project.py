"""Decides which reader gets each text: of one pasted text, of a page's listings, or of a project's files."""

from __future__ import annotations

from collections.abc import Mapping as Dict

from agents_app.formats import paste
from agents_app.formats.crewsite_json import FORMATS, read_ours
from agents_app.formats.detect import Format, format_of, format_of_block, is_python
from agents_app.formats.notebook import code_of
from agents_app.formats.python import read_python
from agents_app.formats.report import NOWHERE, Report, UnreadableError, listed
from agents_app.formats.to_spec.assemble import Found, assemble
from agents_app.formats.to_spec.fields import Reading
from agents_app.formats.to_spec.naming import is_generic
from agents_app.formats.to_spec.values import Mapping
from agents_app.formats.yaml.reader import as_mapping, read_yaml, say_unused
from agents_app.formats.yaml.strict import YamlDocument, documents
from engine.spec.crew_spec import CrewSpec
from engine.spec.placeholders import placeholders

MAX_FILES = 200
MAX_CHARS = 4_000_000
MAX_SPEC = 2_000_000

_ELSEWHERE = ("site-packages/", ".venv/", "venv/", "__pycache__/", "node_modules/", ".git/", "__MACOSX/")
_NAMES: dict[str, str] = {"python": "CrewAI Python", "yaml": "CrewAI YAML"}


def read_text(source: str, filename: str, report: Report) -> CrewSpec | None:
    """Reads one text in whatever format. Raises ``UnreadableError``."""
    text = paste.clean(source, report)
    fenced = _listings(text)
    if fenced:
        report.info(NOWHERE, "The listings of the page were read, the text around them was not.")
        return _project({kind: paste.overlay(listings) for kind, listings in fenced.items()}, report, name=filename)
    kind = format_of(text, filename=filename)
    if kind == "notebook":
        text, kind = code_of(text, report), "python"
    if kind == "json":
        return _with_headline(read_ours(text, report), "JSON", report)
    if kind in ("python", "yaml"):
        return _project({kind: text}, report, name=filename)
    raise UnreadableError(_unknown(kind))


def read_project(files: Dict[str, str], report: Report) -> CrewSpec | None:
    """Reads a project's files, by path. Raises ``UnreadableError`` if none of them can be read."""
    if len(files) > MAX_FILES or sum(map(len, files.values())) > MAX_CHARS:
        raise UnreadableError(f"At most {MAX_FILES} files with {MAX_CHARS:,} characters in all are read.")
    texts: dict[Format, dict[str, str]] = {}
    for path, source in sorted(files.items()):
        if any(f"/{part}" in f"/{path}" for part in _ELSEWHERE) or not source.strip():
            continue
        kind = _kind_of_file(path, source)
        if kind == "unknown":
            message = "The file was not read: it is not Python, YAML or JSON"
            report.gather(message + " ({items}).", place=NOWHERE, item=path)
        else:
            text = paste.clean(source, report, file=path)
            texts.setdefault("python" if kind == "notebook" else kind, {})[path] = (
                code_of(text, report, file=path) if kind == "notebook" else text
            )
    if "python" in texts or "yaml" in texts:
        return _files(texts.get("python", {}), texts.get("yaml", {}), report, labelled=len(files) > 1)
    for path, text in texts.get("json", {}).items():
        return _with_headline(read_ours(text, report, file=path if len(files) > 1 else ""), "JSON", report)
    raise UnreadableError(_unknown("jsonc" if "jsonc" in texts else "unknown"))


def _listings(text: str) -> dict[Format, list[paste.Block]]:
    """The fenced listings by format, if the text is a page with listings; none if it is a source that holds fences."""
    blocks = paste.blocks(text)
    if not blocks or not (paste.starts_with_fence(text) or not _is_source(text)):
        return {}
    by_format: dict[Format, list[paste.Block]] = {}
    for block in blocks:
        by_format.setdefault(format_of_block(block.text, language=block.language), []).append(block)
    return {kind: texts for kind, texts in by_format.items() if kind in ("python", "yaml", "json", "notebook", "jsonc")}


def _is_source(text: str) -> bool:
    """Whether a text that holds fences is itself Python or YAML, with the fences inside its texts."""
    return is_python(text) or not any(line.startswith(("```", "~~~")) for line in text.split("\n"))


def _project(texts: dict[Format, str], report: Report, *, name: str) -> CrewSpec | None:
    """Reads one text per format: one paste may hold Python and the YAML that configures it."""
    if "python" in texts or "yaml" in texts:
        python = {name or "paste.py": texts["python"]} if "python" in texts else {}
        return _files(python, {"": texts["yaml"]} if "yaml" in texts else {}, report, labelled=False)
    if "json" in texts:
        return _with_headline(read_ours(texts["json"], report), "JSON", report)
    raise UnreadableError(_unknown("jsonc" if "jsonc" in texts else "unknown"))


def _files(python: dict[str, str], yaml: dict[str, str], report: Report, *, labelled: bool) -> CrewSpec | None:
    """Reads Python, YAML, or Python with the YAML that configures it. ``labelled``: remarks name their files."""
    reading = Reading(report)
    parsed = {path: documents(text, reading.budget, file=path if labelled else "") for path, text in yaml.items()}
    if not python:
        return _finished(_read_yaml(parsed, report), reading)
    configs = _configs(parsed)
    found = read_python(python, reading, documents=dict(configs), labelled=labelled)
    if not found.agents and not found.tasks and yaml:
        from_yaml = _read_yaml(parsed, report)
        from_yaml.inputs, from_yaml.name = found.inputs, found.name
        return _finished(from_yaml, reading)
    for config in {id(config): config for config in configs.values()}.values():
        say_unused(config, found.used, report)
    return _finished(found, reading)


def _read_yaml(parsed: dict[str, list[YamlDocument]], report: Report) -> Found:
    found = read_yaml([document for part in parsed.values() for document in part], report)
    found.name = next(
        (stem for path in parsed if not is_generic(stem := path.rpartition("/")[2].partition(".")[0])), ""
    )
    return found


def _configs(parsed: dict[str, list[YamlDocument]]) -> dict[str, Mapping]:
    """The YAML files as Python code sees them. One text without a name stands for both files."""
    configs: dict[str, Mapping] = {}
    for path, part in parsed.items():
        mapping = as_mapping(part)
        for name in [path] if path else ["config/agents.yaml", "config/tasks.yaml"]:
            configs[name] = mapping
    return configs


def _finished(found: Found, reading: Reading) -> CrewSpec:
    spec = assemble(found, reading)
    if len(spec.model_dump_json()) > MAX_SPEC:
        raise UnreadableError(f"The crew has texts of more than {MAX_SPEC:,} characters in all; import a part of it.")
    _with_headline(spec, _NAMES[found.format], reading.report)
    return spec


def _with_headline(spec: CrewSpec | None, kind: str, report: Report) -> CrewSpec | None:
    """The spec, once the report has a headline for it."""
    if spec is not None:
        agents, tasks = _count(len(spec.agents), "agent"), _count(len(spec.tasks), "task")
        names = placeholders(spec)
        inputs = f"inputs: {listed(names)}" if names else "no inputs"
        report.headline = f"Read as {kind}: {agents}, {tasks}, {spec.process}; {inputs}."
    return spec


def _count(number: int, noun: str) -> str:
    return f"{number} {noun}" if number == 1 else f"{number} {noun}s"


def _kind_of_file(path: str, text: str) -> Format:
    ending = path.rpartition(".")[2].lower()
    by_ending: dict[str, Format] = {
        "py": "python",
        "yaml": "yaml",
        "yml": "yaml",
        "ipynb": "notebook",
        "jsonc": "jsonc",
    }
    if ending in by_ending:
        return by_ending[ending]
    return format_of(text, filename=path) if ending in ("json", "") else "unknown"


def _unknown(kind: str) -> str:
    if kind == "jsonc":
        return f"CrewAI's crew.jsonc is not read yet. Read today are {FORMATS}."
    return f"This is none of the formats that are read today: {FORMATS}."
