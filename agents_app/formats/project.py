"""Decides which reader gets each text: of one pasted text, of a page's listings, or of a project's files."""

from __future__ import annotations

import posixpath
from collections import defaultdict
from collections.abc import Mapping as Dict
from dataclasses import dataclass, field, replace

from agents_app.formats import paste
from agents_app.formats.crewai_json import is_crew, read_crew
from agents_app.formats.crewsite_json import FORMATS, is_ours, read_ours
from agents_app.formats.detect import Format, format_of, format_of_block, is_python
from agents_app.formats.documents import PASTED, Documents
from agents_app.formats.notebook import is_notebook, read_notebook
from agents_app.formats.python import read_python
from agents_app.formats.report import NOWHERE, ImportedCrew, Place, Report, UnreadableError, counted, listed
from agents_app.formats.to_spec.assemble import Found, assemble, headline
from agents_app.formats.to_spec.fields import Reading, Tally
from agents_app.formats.to_spec.naming import is_generic
from agents_app.formats.to_spec.values import Items, Mapping
from agents_app.formats.to_spec.whole.several import is_aside
from agents_app.formats.tree import TEXTS
from agents_app.formats.yaml.reader import as_value, looks_like_crew, read_yaml, say_unused
from agents_app.formats.yaml.strict import YamlDocument, documents

MAX_FILES = 500
MAX_CHARS = 4_000_000
_PARTS = frozenset({"agents", "tasks", "crew", "config", "agents_tasks"})


@dataclass(slots=True)
class Texts:
    """A project's texts by kind and path, cleaned of what copying added."""

    python: dict[str, str] = field(default_factory=dict)
    yaml: dict[str, str] = field(default_factory=dict)
    json: dict[str, str] = field(default_factory=dict)
    prose: dict[str, str] = field(default_factory=dict)

    @property
    def count(self) -> int:
        return len(self.python) + len(self.yaml) + len(self.json)


def read_text(source: str, filename: str, report: Report) -> list[ImportedCrew]:
    """Reads one text in whatever format. Raises ``UnreadableError``."""
    if is_notebook(source):
        return _notebook(source, filename or "notebook.ipynb", report)
    text = paste.clean(source, report)
    fenced = _listings(text)
    if fenced:
        report.info(NOWHERE, "The listings of the page were read, the text around them was not.")
        return _project({kind: paste.overlay(listings) for kind, listings in fenced.items()}, report, name=filename)
    kind = format_of(text, filename=filename)
    if kind in ("json", "jsonc", "python", "yaml"):
        return _project({kind: text}, report, name=filename)
    raise UnreadableError(_unknown())


def read_project(files: Dict[str, str], report: Report) -> list[ImportedCrew]:
    """Reads a project's files, by path. Raises ``UnreadableError`` if none of them can be read."""
    if len(files) > MAX_FILES:
        raise UnreadableError(f"At most {MAX_FILES} files are read; import a part of the project.")
    texts = Texts()
    faults: list[UnreadableError] = []
    for path, source in sorted(files.items()):
        try:
            _sort(path, source, texts, report)
        except UnreadableError as error:
            faults.append(error)
    if sum(len(text) for part in (texts.python, texts.yaml, texts.json) for text in part.values()) > MAX_CHARS:
        raise UnreadableError(f"At most {MAX_CHARS:,} characters are read in all; import a part of the project.")
    if not texts.count:
        raise faults[0] if faults else UnreadableError(_unknown())
    for fault in faults:
        report.error(fault.place, str(fault))
    return _read(texts, report, labelled=len(files) > 1)


def _sort(path: str, source: str, texts: Texts, report: Report) -> None:
    """Puts a file to those of its kind. Raises ``UnreadableError`` for one that cannot be read."""
    if not source.strip():
        return
    kind = _kind_of_file(path, source)
    if kind == "notebook":
        _add_notebook(path, source, texts, report)
    elif kind == "unknown":
        if path.rpartition(".")[2].lower() in TEXTS:
            texts.prose[path] = source
        else:
            message = "The file was not read: it is not Python, YAML or JSON ({items})."
            report.gather(message, place=NOWHERE, item=path)
    else:
        by_kind = {"python": texts.python, "yaml": texts.yaml}.get(kind, texts.json)
        by_kind[path] = paste.clean(source, report, file=path)


def _add_notebook(path: str, source: str, texts: Texts, report: Report) -> None:
    book = read_notebook(source, report, file=path)
    texts.python[path] = paste.clean(book.code or "pass", report, file=path)
    for name, content in book.files.items():
        written = posixpath.normpath(posixpath.join(posixpath.dirname(path), name.lstrip("/")))
        if content.strip() and not written.startswith(".."):
            _sort(written, content, texts, report)


def _notebook(source: str, filename: str, report: Report) -> list[ImportedCrew]:
    texts = Texts()
    _add_notebook(filename, source, texts, report)
    return _read(texts, report, labelled=texts.count > 1)


def _listings(text: str) -> dict[Format, list[paste.Block]]:
    """The fenced listings by format, if the text is a page with listings; none if it is a source that holds fences."""
    blocks = paste.blocks(text)
    if not blocks or not (paste.starts_with_fence(text) or not _is_source(text)):
        return {}
    by_format: dict[Format, list[paste.Block]] = {}
    for block in blocks:
        by_format.setdefault(format_of_block(block.text, language=block.language), []).append(block)
    return {kind: texts for kind, texts in by_format.items() if kind in ("python", "yaml", "json", "jsonc")}


def _is_source(text: str) -> bool:
    """Whether a text that holds fences is itself Python or YAML, with the fences inside its texts."""
    return is_python(text) or not any(line.startswith(("```", "~~~")) for line in text.split("\n"))


def _project(sources: dict[Format, str], report: Report, *, name: str) -> list[ImportedCrew]:
    """Reads one text per format: one paste may hold Python and the YAML that configures it."""
    texts = Texts()
    if "python" in sources:
        texts.python[name or "paste.py"] = sources["python"]
    if "yaml" in sources:
        texts.yaml[name if "python" not in sources and name else PASTED] = sources["yaml"]
    for kind in ("json", "jsonc"):
        if kind in sources and not (texts.python or texts.yaml):
            texts.json[name or "crew.json"] = sources[kind]
    return _read(texts, report, labelled=False)


def _read(texts: Texts, report: Report, *, labelled: bool) -> list[ImportedCrew]:
    """The crews of a project's texts. ``labelled``: remarks name their files."""
    crews = _crews(texts, report, labelled=labelled)
    if len(crews) > 1:
        names = listed(f"{crew.spec.name} ({_where(crew)}{counted(len(crew.spec.tasks), 'task')})" for crew in crews)
        report.info(Place(crews[0].line, crews[0].file), f"There are {len(crews)} crews in this source: {names}.")
    return crews


def _where(crew: ImportedCrew) -> str:
    line = f"line {crew.line}" if crew.line else ""
    return (
        f"{crew.file}:{crew.line}, "
        if crew.file and crew.line
        else f"{crew.file or line}, "
        if crew.file or line
        else ""
    )


def _crews(texts: Texts, report: Report, *, labelled: bool) -> list[ImportedCrew]:
    reading = Reading(report)
    files = Documents(reading, {**texts.yaml, **texts.json}, texts.prose, labelled)
    files.crew_folders = frozenset(
        posixpath.dirname(path) for path, text in texts.python.items() if "@CrewBase" in text
    )
    found = Found(format="python")
    if texts.python:
        found = read_python(texts.python, reading, documents=files, labelled=labelled)
    _read_json(texts, files, found, labelled=labelled)
    if closed := len(texts.prose.keys() - files.prose_read):
        report.info(
            NOWHERE, f"{counted(closed, 'text file')} that no code opens {'were' if closed > 1 else 'was'} passed over."
        )
    if found.agents or found.tasks:
        _say_unused(texts, files, found)
        return [*assemble(found, reading), *_ours(texts, files, labelled=labelled)]
    crews = _ours(texts, files, labelled=labelled)
    if crews:
        return crews
    if texts.yaml:
        return _yaml(texts, files, found)
    return [] if report.has_errors else assemble(found, reading)


def _read_json(texts: Texts, files: Documents, found: Found, *, labelled: bool) -> None:
    """Adds CrewAI's crews in JSON to what was found."""
    for path in texts.json:
        name = path.rpartition("/")[2].partition(".")[0].lower()
        if name in ("crew", "agents", "tasks") or not texts.python:
            if '"tasks"' not in texts.json[path]:
                continue
            value = files.read(path)
            if isinstance(value, Mapping) and is_crew(value):
                before = len(found.crews)
                read_crew(path, value, files, found, labelled=labelled)
                found.format = found.format if before else "json"


def _ours(texts: Texts, files: Documents, *, labelled: bool) -> list[ImportedCrew]:
    """Our own crews among the JSON. The only file's faults are said; of others they only tell that it is no crew."""
    crews: list[ImportedCrew] = []
    report = files.reading.report
    for path, text in texts.json.items():
        alone = not labelled and not texts.python
        if is_crew(files.values.get(path)) or not (alone or is_ours(text)):
            continue
        own = Report()
        try:
            spec = read_ours(text, report if alone else own, file=path if labelled else "")
        except UnreadableError as error:
            if alone:
                raise
            report.error(error.place, str(error))
            continue
        if spec is not None:
            own.headline = headline(spec, "JSON", Tally())
            crews.append(ImportedCrew(spec, path if labelled else "", 1, not is_aside(path), report=own.notes()))
        elif not alone:
            for note in own.notes():
                report.error(Place(note.line, note.file), note.message)
    return crews


def _yaml(texts: Texts, files: Documents, found: Found) -> list[ImportedCrew]:
    """Crews of YAML alone: one for each folder that has agents and tasks, or one of all files."""
    parsed = _parsed(texts, files)
    folders: dict[str, dict[str, list[YamlDocument]]] = defaultdict(dict)
    for path, part in parsed.items():
        folders[posixpath.dirname(path).removesuffix("config").strip("/")][path] = part
    groups = [(sorted(part), _found_in(part, files.reading)) for part in folders.values()] if len(folders) > 1 else []
    if not groups or not all(group.tasks and group.agents for _, group in groups):
        groups = [(sorted(parsed), _found_in(parsed, files.reading))]
    crews: list[ImportedCrew] = []
    for paths, group in groups:
        group.inputs, group.name = found.inputs, found.name or group.name
        path = paths[0] if paths and files.labelled else ""
        made = assemble(group, files.reading)
        crews += [
            replace(crew, file=path, line=1, meant=not is_aside(path)) if path and not crew.file else crew
            for crew in made
        ]
    return sorted(crews, key=lambda crew: (not crew.meant, -len(crew.spec.tasks)))


def _parsed(texts: Texts, files: Documents) -> dict[str, list[YamlDocument]]:
    """The YAML files, as far as they can be read; of several those that have an agent or a task."""
    parsed: dict[str, list[YamlDocument]] = {}
    for path, text in texts.yaml.items():
        try:
            part = documents(text, files.reading, file=path if files.labelled else "")
        except UnreadableError as error:
            if texts.count == 1:
                raise
            files.reading.report.error(error.place, str(error))
            continue
        if not files.labelled or looks_like_crew(as_value(part)):
            parsed[path] = part
    return parsed


def _found_in(parsed: Dict[str, list[YamlDocument]], reading: Reading) -> Found:
    found = read_yaml([document for part in parsed.values() for document in part], reading)
    folders = [posixpath.dirname(path).removesuffix("config").strip("/").rpartition("/")[2] for path in parsed]
    names = [*(posixpath.basename(path).partition(".")[0] for path in parsed), *folders]
    found.name = next((name for name in names if not is_generic(name) and name.lower() not in _PARTS), "")
    return found


def _say_unused(texts: Texts, files: Documents, found: Found) -> None:
    """Names the agents and tasks of YAML that no code uses."""
    for path, text in texts.yaml.items():
        if path in files.values or any(
            f"{sign}:" in text for sign in ("role", "goal", "description", "expected_output")
        ):
            value = files.read(path)
            if isinstance(value, Mapping | Items):
                say_unused(value, files.all_used(found.used), files.reading.report)


def _kind_of_file(path: str, text: str) -> Format:
    ending = path.rpartition(".")[2].lower()
    by_ending: dict[str, Format] = {
        "py": "python",
        "yaml": "yaml",
        "yml": "yaml",
        "ipynb": "notebook",
        "json": "json",
        "jsonc": "jsonc",
    }
    if ending in by_ending:
        return "notebook" if ending == "json" and is_notebook(text) else by_ending[ending]
    return "unknown" if "." in path.rpartition("/")[2] else format_of(text, filename=path)


def _unknown() -> str:
    return f"This is none of the formats that are read today: {FORMATS}."
