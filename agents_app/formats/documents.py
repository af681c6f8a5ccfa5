"""The YAML, JSON and text files of a project as its Python sees them: found by path, read when they are asked for.

What lies nearest to the code is meant. A file that was given and cannot be read is not one that was not given.
"""

from __future__ import annotations

import posixpath
import re
from collections.abc import Collection, Iterable, Iterator
from collections.abc import Mapping as Dict
from dataclasses import dataclass, field
from itertools import islice

from agents_app.formats.json_values import read_values
from agents_app.formats.report import Place, UnreadableError
from agents_app.formats.to_spec.fields import Reading
from agents_app.formats.to_spec.values import Field, Items, Mapping, Missing, Value
from agents_app.formats.yaml.reader import as_value
from agents_app.formats.yaml.strict import documents

MAX_PATH = 300
PASTED = ""
"""The path of YAML that was pasted with Python: it is whichever file the code asks for."""
_JSON = (".json", ".jsonc")
_ALSO = {"yaml": "yml", "yml": "yaml"}
"""The other ending that a file may have where code was not written for the one it has."""
_NUMBER = re.compile(r" \(\d{1,4}\)(?=\.\w{1,10}$)")


@dataclass(slots=True)
class Documents:
    """``texts``: YAML and JSON by path; ``prose``: other texts that code may read. ``labelled``: places name files.

    ``values``: what was read, by path; ``broken``: paths of those that cannot be read; ``paths``: by ``id()`` of their
    values; ``used``: ids of entries that code has got hold of; ``copies``: ids of what code copied, by those of
    the copies; ``crew_folders``: folders with code of crews that are made of YAML.
    """

    reading: Reading
    texts: Dict[str, str] = field(default_factory=dict)
    prose: Dict[str, str] = field(default_factory=dict)
    labelled: bool = False
    values: dict[str, Value | None] = field(default_factory=dict)
    broken: set[str] = field(default_factory=set)
    paths: dict[int, str] = field(default_factory=dict)
    prose_read: set[str] = field(default_factory=set)
    used: set[int] = field(default_factory=set)
    copies: dict[int, int] = field(default_factory=dict)
    crew_folders: frozenset[str] = frozenset()

    def read(self, path: str) -> Value | None:
        """What a file holds; None if it cannot be read, which is said once."""
        if path not in self.values:
            self.values[path] = value = self._read(path)
            if value is None:
                self.broken.add(path)
            else:
                self.paths[id(value)] = path
        return self.values[path]

    def _read(self, path: str) -> Value | None:
        label = path if self.labelled else ""
        try:
            if path.lower().endswith(_JSON):
                return read_values(self.texts[path], self.reading.budget, file=label)
            return as_value(documents(self.texts[path], self.reading, file=label))
        except UnreadableError as error:
            self.reading.report.error(error.place, str(error))
            return None

    def find(self, wanted: str, *, beside: str) -> str | None:
        """The path of the YAML or JSON file that code in the file ``beside`` means; None if there is none."""
        stem, _, ending = wanted.rpartition(".")
        other = f"{stem}.{_ALSO[ending.lower()]}" if ending.lower() in _ALSO else ""
        found = nearest(wanted, self.texts, beside=beside) or nearest(other, self.texts, beside=beside)
        if found and self._is_of_another(found, beside):
            found = None
        return found or (PASTED if PASTED in self.texts else None)

    def _is_of_another(self, path: str, beside: str) -> bool:
        """Whether a file lies with another project's crew, and not with this code or above it."""
        folder = posixpath.dirname(path).removesuffix("config").rstrip("/")
        own = posixpath.dirname(beside)
        return folder in self.crew_folders and own in self.crew_folders and not f"{own}/".startswith(f"{folder}/")

    def prose_at(self, wanted: str, *, beside: str) -> str | None:
        """The text of a file that is neither YAML nor JSON."""
        path = nearest(wanted, self.prose, beside=beside)
        if path is None:
            return None
        self.prose_read.add(path)
        return self.prose[path]

    def entry(self, mapping: Mapping, name: str) -> Value | None:
        """An entry of a mapping, which is used thereby; for one that a project's file lacks, what stands for it."""
        found = mapping.fields.get(name)
        if found is not None:
            self.note_use(found.value)
            return found.value
        path = self.paths.get(id(mapping))
        return Missing(name, source=path, why=f"`{path}` has no entry `{name}`") if path else None

    def note_use(self, value: Value | None) -> None:
        """Code has got hold of it, or of what it lists."""
        for part in value.items if isinstance(value, Items) else (value,):
            self.used |= {id(inner) for inner in (part.items if isinstance(part, Items) else (part,))}

    def all_used(self, also: Iterable[int]) -> set[int]:
        """Ids of all entries that code uses, and of those that it uses copies of."""
        used = self.used | set(also)
        for copy, original in reversed(self.copies.items()):
            used |= {original} if copy in used else set()
        return used

    def merged(self, wanted: str) -> tuple[Mapping, tuple[str, ...]] | None:
        """Of several files of one name, none of them nearer: the entries that only one has, and the files."""
        namesakes = [path for path in self.texts if _name(path) == _name(wanted)]
        found = [(path, value) for path in namesakes if isinstance(value := self.read(path), Mapping)]
        if len(found) < 2:
            return None
        fields: dict[str, Field] = {}
        doubled: set[str] = set()
        for _, value in found:
            self.reading.budget.pay_elements(len(value.fields))
            doubled |= fields.keys() & value.fields.keys()
            fields.update(value.fields)
        kept = {name: entry for name, entry in fields.items() if name not in doubled}
        return Mapping(kept, Place()), tuple(path for path, _ in found)


def nearest(wanted: str, paths: Collection[str], *, beside: str) -> str | None:
    """Of the paths the one that ``wanted`` means to code in the file ``beside``; None if none or several could be.

    First it is taken as a path from the code's own folder, then from each folder above it. Then its name alone counts,
    in the code's folder and in ``config`` below it; then the end of the path, the name upwards, and the only such name.
    """
    wanted = posixpath.normpath(wanted.replace("\\", "/")) if 0 < len(wanted) <= MAX_PATH else "."
    tail = wanted.lstrip("/")
    while tail.startswith("../"):
        tail = tail[3:]
    name = _name(tail)
    if name in ("", ".", ".."):
        return None
    folders = list(_upwards(posixpath.dirname(beside)))
    own, *above = [[posixpath.join(folder, below, name) for below in ("", "config")] for folder in folders]
    namesakes = [path for path in paths if _name(path) == name]
    exact = [posixpath.normpath(posixpath.join(folder, wanted.lstrip("/"))) for folder in folders]
    whole = _only(path for path in namesakes if path.endswith("/" + tail))
    ends = (_only(path for path in namesakes if path.endswith("/" + end)) for end in _without_top(tail))
    order = [whole, *own] if tail.count("/") > 1 else [*own, whole]
    guesses = (*exact, *order, *(path for group in above for path in group), *ends, _only(namesakes))
    found = next((path for path in guesses if path and path in paths), None)
    return None if found is None or _has_twin(found, namesakes) else found


def is_end_of(wanted: str, path: str) -> bool:
    """Whether a path ends as it was asked for, so that it is no guess."""
    parts = [part for part in wanted.replace("\\", "/").split("/") if part not in ("", ".", "..")]
    return ("/" + path).endswith("/" + "/".join(parts))


def _only(paths: Iterable[str]) -> str | None:
    few = list(islice(paths, 2))
    return few[0] if len(few) == 1 else None


def _has_twin(path: str, namesakes: list[str]) -> bool:
    """Whether another file came with this very path, so that nobody can say which of them is meant."""
    return any(other != path and _NUMBER.sub("", other) == _NUMBER.sub("", path) for other in namesakes)


def _without_top(path: str) -> Iterator[str]:
    while "/" in path:
        path = path.partition("/")[2]
        yield path


def _upwards(folder: str) -> Iterator[str]:
    """The folder and those above it, the project's own last."""
    while folder:
        yield folder
        folder = posixpath.dirname(folder)
    yield ""


def _name(path: str) -> str:
    return _NUMBER.sub("", path.rpartition("/")[2])
