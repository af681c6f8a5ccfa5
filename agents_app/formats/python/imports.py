"""Follows imports: the project's own modules are read, all others are only named."""

from __future__ import annotations

import ast
import posixpath
from collections.abc import Iterator

from agents_app.formats.python.changes import changes_in
from agents_app.formats.python.frames import Frame, World, executes
from agents_app.formats.python.syntax import parse
from agents_app.formats.python.things import ModuleOf
from agents_app.formats.python_tree import MAX_TOKENS, TOO_MANY_TOKENS, tokens_in
from agents_app.formats.report import NOWHERE, UnreadableError
from agents_app.formats.to_spec.values import Outside, Text, Unknown, Value

CHARS_PER_STEP = 1_000
MAX_LEVEL = 20


@executes(ast.Import)
def _import(node: ast.Import, frame: Frame) -> None:
    for alias in node.names:
        frame.world.budget.pay_steps()
        module = find_module(alias.name, frame)
        if module is None:
            _note_absent(alias.name, alias.name, node, frame)
        if alias.asname:
            frame.names[alias.asname] = ModuleOf(module, alias.name) if module else Outside(alias.name)
        elif module and "." not in alias.name:
            frame.names[alias.name] = ModuleOf(module, alias.name)
        else:
            root = alias.name.partition(".")[0]
            frame.names[root] = Outside(root)


@executes(ast.ImportFrom)
def _import_from(node: ast.ImportFrom, frame: Frame) -> None:
    module = find_module(node.module or "", frame, level=node.level)
    for alias in node.names:
        name = alias.asname or alias.name
        frame.world.budget.pay_steps()
        if alias.name == "*":
            frame.world.budget.pay_elements(len(module.names) if module else 0)
            frame.names.update(module.names if module else {})
            if module is None:
                _note_absent(node.module or "project", _written(node), node, frame)
                frame.world.stars[frame.file] = node.module or "project"
            continue
        frame.names[name] = _member(node, alias.name, module, frame)


def _member(node: ast.ImportFrom, name: str, module: Frame | None, frame: Frame) -> Value:
    """A name of a module, or else a module of a package; a package need not have a file of its own."""
    found = module.names.get(name) if module else None
    if found is not None:
        return found
    inner = find_module(f"{node.module or ''}.{name}".strip("."), frame, level=node.level)
    if inner:
        return ModuleOf(inner, name)
    if module:
        return Unknown(name, defined=False)
    _note_absent(node.module or "project", _written(node), node, frame)
    return Outside(f"{node.module or 'project'}.{name}")


def _written(node: ast.ImportFrom) -> str:
    """The module as the import names it."""
    return "." * min(node.level, MAX_LEVEL) + (node.module or "")


def _note_absent(module: str, written: str, node: ast.Import | ast.ImportFrom, frame: Frame) -> None:
    """Remembers an import of what is not among the files, or cannot be read."""
    dotted, level = (written.lstrip("."), node.level) if isinstance(node, ast.ImportFrom) else (module, 0)
    broken = next((path for path in _candidates(dotted, frame, level) if path in frame.world.broken), "")
    frame.world.reading.absent.note(module, written, frame.place(node), broken=broken)


def find_module(dotted: str, frame: Frame, *, level: int = 0) -> Frame | None:
    """The frame of a module or package of the project, the nearest to the code; None for other modules.

    It is looked for from the folder that the dots before a relative import name (``level``), else from the code's own
    folder upwards; then by the end of its path, so that files which came without their folders are found too.
    """
    paths = (path for path in _candidates(dotted, frame, level) if load_module(path, frame.world))
    found = next(paths, None)
    return run_module(found, frame.world) if found else None


def _candidates(dotted: str, frame: Frame, level: int) -> Iterator[str]:
    """The paths of the files that may be meant, the best first; there need not be such files."""
    world, own = frame.world, frame.file
    wanted = dotted.replace(".", "/")
    names = [path for path in (wanted + ".py", wanted + "/__init__.py") if wanted] or ["__init__.py"]
    for path in _in_folders(names, own, level):
        world.budget.pay_steps()
        if path != own:
            yield path
    for end in names if wanted else ():
        namesakes = world.by_file_name.get(end.rpartition("/")[2], ())
        world.budget.pay_steps(len(namesakes) * (1 + len(end) // CHARS_PER_STEP))
        near = [path for path in namesakes if path != own and (path.endswith("/" + end) or _is_flat(path, end))]
        if near:
            yield max(near, key=lambda path: len(posixpath.commonprefix([path, own])))


def _in_folders(names: list[str], own: str, level: int) -> Iterator[str]:
    folder = posixpath.dirname(own)
    for _ in range(min(level, MAX_LEVEL) - 1):
        folder = posixpath.dirname(folder)
    yield from (posixpath.join(folder, name) for name in names)
    while folder and not level:
        folder = posixpath.dirname(folder)
        yield from (posixpath.join(folder, name) for name in names)


def _is_flat(path: str, wanted: str) -> bool:
    """Whether the file may be the wanted one, but for folders that it came without."""
    return path != "__init__.py" and wanted.endswith("/" + path)


def load_module(path: str, world: World) -> bool:
    """Whether there is such a module, which is parsed if it was not yet. One that cannot be is said, and is none."""
    if path in world.waiting:
        try:
            parse_module(path, world)
        except UnreadableError as error:
            world.broken.add(path)
            if str(error) == TOO_MANY_TOKENS:
                what = "The project has more Python than is read at once; these files were left out: {items}."
                world.reading.report.gather(what, place=NOWHERE, item=path, level="warning")
            else:
                world.reading.report.error(error.place, str(error))
    return path in world.sources


def parse_module(path: str, world: World) -> None:
    """Raises ``UnreadableError``."""
    text, label = world.waiting.pop(path), path if world.labelled else ""
    tokens = MAX_TOKENS - world.tokens
    world.sources[path] = parse(text, world.reading.report, file=label, tokens=tokens)
    for key, changes in changes_in(world.sources[path], label).items():
        world.changes.setdefault(key, []).extend(changes)
    world.tokens += tokens_in(text)
    world.lines[label] = text.split("\n")


def run_module(path: str, world: World) -> Frame:
    """Follows a module of the project, once. In a circle of imports a module sees what is there so far."""
    if path not in world.modules:
        names: dict[str, Value] = {"__name__": Text("__main__"), "__file__": Text(f"/{path}")}
        module = Frame(world, path if world.labelled else "", names)
        world.modules[path] = module
        module.run(world.sources[path].body)
    return world.modules[path]
