"""What a source says of files: paths that are joined, opened and read, as far as they lead to files of the project.

Nothing is opened. A path whose beginning only a run would show keeps its end, which tells the file as a rule.
"""

from __future__ import annotations

import posixpath
import re
from dataclasses import dataclass

from agents_app.formats.documents import PASTED, is_end_of, nearest
from agents_app.formats.python.frames import Frame
from agents_app.formats.python.texts import joined, template_of
from agents_app.formats.report import UnreadableError
from agents_app.formats.to_spec.values import (
    Constant,
    Definition,
    Field,
    Items,
    Missing,
    Secret,
    Text,
    Unknown,
    Value,
    settled,
)
from agents_app.formats.yaml.reader import as_value
from agents_app.formats.yaml.strict import documents

MAX_PATH = 300
MAX_TEMPLATE = 3_000
MAX_PARENTS = 20
_PATHS = frozenset({"Path", "PurePath", "PosixPath", "PurePosixPath"})
_SAME = frozenset({"abspath", "realpath", "normpath", "expanduser", "expandvars", "fspath", "relpath"})
_SAME_METHODS = frozenset({"resolve", "absolute", "expanduser", "as_posix", "relative_to", "open", "__enter__"})
_OPENS = frozenset({"open", "io.open", "codecs.open", "aiofiles.open", "anyio.open_file"})
_LOOKS_LIKE_DATA = re.compile(r"\n|^\s{0,9}[\[{]")
_DATA = frozenset({".yaml", ".yml", ".json"})
_ASKS = frozenset({"exists", "is_file", "isfile"})
_READS = frozenset({"read_text", "read", "read_bytes", "getvalue"})


@dataclass(frozen=True, slots=True)
class FilePath(Value):
    """A path, or the file there once it is opened; it starts with ``/`` if it counts from the project's own folder.
    ``whole``: all of it, where only a run shows parts of it; ``path`` is then what is known at its end."""

    path: str
    whole: Text | None = None

    @property
    def label(self) -> str:
        return posixpath.basename(self.path)


def path_call(called: str, args: list[Value], fields: dict[str, Field], frame: Frame) -> Value | None:
    """The result of a call that makes, joins or opens paths; None for any other call."""
    module, _, name = called.rpartition(".")
    result: Value | None = None
    if called in _OPENS or (name in _PATHS and module in ("", "pathlib", "anyio")):
        given = args[:1] if called in _OPENS else args
        given = given or [fields[key].value for key in ("file", "path") if key in fields]
        result = _joined(given, frame)
    elif name in ("getcwd", "cwd") or (name == "files" and "resources" in module):
        result = Text(".") if name == "getcwd" else FilePath(".")
    elif name in ("resource_filename", "open_text", "read_text", "resource_string") and len(args) > 1:
        result = _joined(args[1:], frame)
    elif module.endswith("path") and args:
        result = _os_path(name, args, frame)
    return result


def _os_path(name: str, args: list[Value], frame: Frame) -> Value | None:
    """The functions of ``os.path``; None for others, and for what only a run shows."""
    joined_path = _joined(args if name == "join" else args[:1], frame)
    path = joined_path.path
    if joined_path.whole is not None:
        if name == "basename":
            return _last_of(joined_path.whole)
        return joined_path.whole if name == "join" else None
    if name == "dirname":
        return Text(posixpath.dirname(path))
    if name in _ASKS:
        return _exists(FilePath(path), frame)
    if name == "basename":
        return Text(posixpath.basename(path))
    return Text(path) if name in _SAME or name == "join" else None


def path_method(receiver: Value, name: str, args: list[Value], frame: Frame) -> Value | None:
    """The result of a method of a path or of an opened file; None if the receiver is neither."""
    receiver = _opened(receiver, frame)
    if not isinstance(receiver, FilePath):
        return None
    if name == "joinpath":
        return _joined([receiver, *args], frame)
    if name in ("with_name", "with_suffix") and args and isinstance(new := settled(args[0]), Text):
        stem = posixpath.splitext(receiver.path)[0]
        folder = posixpath.dirname(receiver.path)
        return FilePath(posixpath.join(folder, new.template) if name == "with_name" else stem + new.template)
    if name in _SAME_METHODS:
        return receiver
    if name in _ASKS or receiver.path == ".":
        return _exists(receiver, frame) if name in _ASKS else None
    return _content(receiver, frame) if name in _READS else None


def path_attribute(value: FilePath, name: str) -> Value | None:
    """``path.parent`` and its like."""
    if name == "parent":
        return FilePath(_parent(value.path))
    if name == "parents":
        parents, path = [], value.path
        for _ in range(MAX_PARENTS):
            path = _parent(path)
            parents.append(FilePath(path))
        return Items(list(parents))
    if value.whole is not None and name in ("name", "stem"):
        last = _last_of(value.whole)
        return Text(posixpath.splitext(last.template)[0], last.computed) if last and name == "stem" else last
    named = {"name": posixpath.basename(value.path), "stem": posixpath.splitext(posixpath.basename(value.path))[0]}
    return Text(named[name]) if name in named else None


def path_divided(left: Value, right: Value, frame: Frame) -> Value | None:
    """``folder / "file"``; None if neither side is a path."""
    if isinstance(settled(left), FilePath) or isinstance(settled(right), FilePath):
        return _joined([left, right], frame)
    return None


def file_of(value: Value, frame: Frame) -> str:
    """The path that a value means, whose beginning may be unknown; "" if it means none."""
    value = _opened(value, frame)
    if isinstance(value, FilePath):
        return value.path
    if isinstance(value, Text):
        return _known_end(value)
    return ""


def loaded(value: Value, frame: Frame) -> Value | None:
    """What ``yaml.safe_load`` or ``json.load`` makes of a file of the project, or of a text in the source."""
    value = _opened(settled(value), frame)
    if isinstance(value, Missing):
        return value
    if isinstance(value, Text) and value.literal and _LOOKS_LIKE_DATA.search(value.template):
        return _inline(value.template, frame)
    path = file_of(value, frame)
    found = document(path, frame) if path else None
    if found is None and posixpath.splitext(path)[1] in _DATA:
        return Missing(_name_of(path), source=path, why=f"`{path.lstrip('/')}` was not given")
    return found


def _name_of(path: str) -> str:
    """What a file's content is called, if it becomes an input."""
    name = posixpath.splitext(posixpath.basename(path))[0]
    return name if name.isidentifier() else "text"


def document(path: str, frame: Frame, *, beside: str | None = None) -> Value | None:
    """The project's YAML or JSON of this path, the nearest to the code: see ``formats.documents``. None if none is."""
    files, world = frame.world.documents, frame.world
    world.budget.pay_steps()
    world.budget.pay_looking(len(files.texts))
    beside = frame.file if beside is None else beside
    found = files.find(path, beside=beside)
    if found is not None:
        if found != PASTED and not is_end_of(path, found):
            message = f"`{path}` is not among the files: `{found}` was taken for it."
            world.reading.report.gather(message, place=world.budget.place)
        value = files.read(found)
        if isinstance(value, Items):
            files.note_use(value)
        name = posixpath.basename(found)
        return value if value is not None else Missing(name, source=found, why=f"`{found}` cannot be read")
    merged = files.merged(path)
    if merged is None:
        return None
    mapping, among = merged
    message = (
        f"`{path}` could be {' or '.join(f'`{name}`' for name in among[:4])}: of each entry the only one was taken. "
    )
    world.reading.report.warn(world.budget.place, message + "Upload the whole folder or a zip archive of it.")
    world.documents.paths[id(mapping)] = path
    world.kept.append(mapping)
    return mapping


def _exists(file: FilePath, frame: Frame) -> Constant | None:
    """Whether there is such a file: of one that was not given nobody knows."""
    files = frame.world.documents
    frame.world.budget.pay_looking(len(files.prose) + len(files.texts))
    found = nearest(file.path, [*files.prose, *files.texts], beside=frame.file)
    return Constant(True) if found and is_end_of(file.path, found) else None


def _inline(text: str, frame: Frame) -> Value | None:
    """YAML or JSON that is written in the source as a text."""
    budget = frame.world.budget
    outer = budget.place
    budget.pay_chars(len(text))
    try:
        return as_value(documents(text, frame.world.reading, file=frame.file))
    except UnreadableError:
        return None
    finally:
        budget.at(outer)


def _content(file: FilePath, frame: Frame) -> Value | None:
    """The text of the file, if it is one of the project's; YAML and JSON stay files until they are loaded."""
    world = frame.world
    world.budget.pay_looking(len(world.documents.prose) + len(world.documents.texts))
    if world.documents.find(file.path, beside=frame.file) is not None:
        return file
    text = world.documents.prose_at(file.path, beside=frame.file)
    if text is not None:
        world.budget.pay_chars(len(text))
        return Text(text)
    if file.whole is not None and ((last := _last_of(file.whole)) is None or last.computed):
        return None  # which file it is, only a run shows
    return Missing(_name_of(file.path), source=file.path, why=f"`{file.path.lstrip('/')}` was not given")


def _opened(value: Value, frame: Frame) -> Value:
    """A call such as ``resources.open_text(...)`` or a wrapper around one, as the file that it is about."""
    value = settled(value)
    for _ in range(4):
        if not (isinstance(value, Definition) and value.kind == "other" and value.args):
            break
        value = settled(value.args[0].value)
    return value


def _joined(parts: list[Value], frame: Frame) -> FilePath:
    path = ""
    wholes: list[Text] = []
    for part in parts:
        inner = _opened(part, frame)
        wholes.append(_whole(part, inner, frame))
        if isinstance(inner, FilePath):
            piece = inner.path
        elif isinstance(inner, Text):
            piece = _known_end(inner)
        elif isinstance(inner, Constant):
            piece = inner.raw or str(inner.value)
        else:
            path, piece = "", ""
        path = (
            posixpath.join(path, piece.replace("\\", "/")) if len(path) + len(piece) <= MAX_PATH else piece[-MAX_PATH:]
        )
    frame.world.budget.pay_chars(len(path))
    whole = _with_slashes(wholes, frame) if any(part.computed for part in wholes) else None
    return FilePath(posixpath.normpath(path) if path else ".", whole)


def _whole(part: Value, inner: Value, frame: Frame) -> Text:
    """A part of a path as text, with placeholders for what only a run shows."""
    if isinstance(inner, FilePath):
        return inner.whole or Text(inner.path)
    if isinstance(inner, Text | Constant):
        return template_of(inner, frame.world.budget)
    return template_of(part, frame.world.budget)


def _with_slashes(parts: list[Text], frame: Frame) -> Text | None:
    """The parts as one path; None if it is too long to be one."""
    pieces: list[Text] = []
    for part in parts:
        pieces += [Text("/"), part] if pieces and not pieces[-1].template.endswith("/") else [part]
    if sum(len(piece.template) for piece in pieces) > MAX_TEMPLATE:
        return None
    whole = joined(pieces, frame.world.budget)
    return whole if isinstance(whole, Text) else None


def _last_of(whole: Text) -> Text | None:
    """The last part of a path; None if that is something which only a run shows."""
    last = whole.template.rpartition("/")[2]
    computed = tuple(part for part in whole.computed if part.mark in last)
    return None if any(part.mark == last for part in computed) else Text(last, computed)


def _known_end(text: Text) -> str:
    """The text after the last of its parts that only a run would show."""
    template = text.template
    for part in text.computed:
        label = part.mark
        known = settled(part) if isinstance(part, Unknown | Secret) else part
        if isinstance(known, Text) and known.literal and len(known.template) <= MAX_PATH:
            template = template.replace(label, known.template)
        else:
            template = template.rpartition(label)[2].lstrip("/")
    return template[-MAX_PATH:]


def _parent(path: str) -> str:
    if path in (".", "..") or path.endswith("/.."):
        return posixpath.join(path, "..") if path != "." else ".."
    return posixpath.dirname(path) or "."
