"""Reads a project's Python: follows each module, then what no module calls, and collects what they define."""

from __future__ import annotations

import ast
import re
from bisect import bisect_right
from collections import Counter
from collections.abc import Mapping as Dict
from collections.abc import Sequence
from pathlib import PurePosixPath

from agents_app.formats.budget import UsedUpError
from agents_app.formats.documents import Documents
from agents_app.formats.python import (  # noqa: F401  (they register what they read)
    branches,
    calls,
    expressions,
    imports,
    loops,
    operators,
    statements,
)
from agents_app.formats.python.frames import FunctionNode, World
from agents_app.formats.python.imports import load_module, parse_module, run_module
from agents_app.formats.python.kickoffs import crews_of_asked
from agents_app.formats.python.reach import reach_of
from agents_app.formats.python.sweep import sweep
from agents_app.formats.python.things import Class
from agents_app.formats.report import UnreadableError, at_line
from agents_app.formats.to_spec.assemble import Found
from agents_app.formats.to_spec.fields import Reading
from agents_app.formats.to_spec.members import listed_by
from agents_app.formats.to_spec.naming import is_generic, without_maker
from agents_app.formats.to_spec.values import Definition

FEW_FILES = 40
MANY_FILES = 150

_MAKES = re.compile(r"\b(?:Agent|Task|Crew)\s?\(|\bcrewai\b")


def read_python(
    files: Dict[str, str], reading: Reading, *, documents: Documents | None = None, labelled: bool = False
) -> Found:
    """All agents, tasks and crews of the files. Raises ``UnreadableError`` if none of them is Python.

    ``documents``: the project's other files. ``labelled``: remarks name their files.
    """
    world = World(reading, Found(format="python"), labelled=labelled)
    world.documents = documents or world.documents
    for path, text in files.items():
        world.waiting[path] = text
        world.by_file_name.setdefault(path.rpartition("/")[2], []).append(path)
    if len(files) == 1:
        parse_module(next(iter(files)), world)
    chosen = [path for path in _telling(files) if load_module(path, world)]
    world.reach = reach_of(world.sources.values())
    try:
        for path in chosen:
            run_module(path, world)
        sweep(chosen, world)
    except UsedUpError as error:
        _say_stopped(str(error), world)
    except RecursionError:
        _say_stopped("the source is nested or calls itself too deeply to be followed", world)
    crews_of_asked(world)
    world.say_later()
    for path, module in world.modules.items():
        world.found.python[path.removesuffix(".py").replace("/", ".")] = module.names
        world.found.classes |= {name: value for name, value in module.names.items() if isinstance(value, Class)}
    reading.budget = reading.budget.renewed()
    _name_crews(world, files)
    return world.found


def _say_stopped(why: str, world: World) -> None:
    """What was found before is kept: each agent, task and crew of it was read whole."""
    place = world.budget.place
    if not (world.found.agents or world.found.tasks or world.documents.texts):
        raise UnreadableError(at_line(place, f"{why}; no agent and no task was found before it."), place)
    world.reading.report.warn(place, f"Here {why}. What was found before was read, the rest was not.")


def _telling(files: Dict[str, str]) -> list[str]:
    """The files to begin with: all of a small project, of a large one those that may make or run crews.

    Others are read where these import them.
    """
    if len(files) <= FEW_FILES:
        return list(files)
    making = [path for path, text in files.items() if _MAKES.search(text)]
    running = [path for path, text in files.items() if path not in making and "kickoff" in text]
    return [*making[:MANY_FILES], *running[:FEW_FILES]]


def _name_crews(world: World, files: Dict[str, str]) -> None:
    """Names a crew that is called ``crew`` after the class or function that makes it, and the source after its file."""
    named = {
        path: [node for node in tree.body if isinstance(node, ast.ClassDef | FunctionNode)]
        for path, tree in world.sources.items()
    }
    own = [crew.name for crew in world.found.crews]
    for crew in world.found.crews:
        name = without_maker(crew.name) if crew.is_named_by_maker else crew.name
        if is_generic(name):
            inheritor = without_maker(crew.of_class)
            crew.name = inheritor if not is_generic(inheritor) else _enclosing_name(named, crew) or crew.name
    _tell_apart(world.found.crews, own, world)
    _tell_by_tasks(world.found.crews)
    stems = [PurePosixPath(path).stem for path in files]
    world.found.name = next((stem for stem in stems if not is_generic(stem) and stem != "crew"), "")


def _tell_apart(crews: list[Definition], own: list[str], world: World) -> None:
    """Crews of one name are called after the methods that make them, or by the names that they had before."""
    names = Counter(crew.name for crew in crews)
    methods: dict[str, list[FunctionNode]] = {}
    for crew, before in zip(crews, own, strict=True):
        if names[crew.name] < 2:
            continue
        path = crew.place.file or next(iter(world.sources))
        if path not in methods:
            classes = (node for node in world.sources[path].body if isinstance(node, ast.ClassDef))
            methods[path] = [part for node in classes for part in node.body if isinstance(part, FunctionNode)]
        method = _enclosing_name({crew.place.file: methods[path]}, crew)
        if method:
            crew.name = f"{crew.name}_{method}"
        elif before != "crew":
            crew.name = before


def _tell_by_tasks(crews: list[Definition]) -> None:
    """Crews that one call makes, of one name, are called after their first tasks, if those have names of their own."""
    alike: dict[tuple[str, int], list[Definition]] = {}
    for crew in crews:
        alike.setdefault((crew.name, id(crew.origin)), []).append(crew)
    for group in alike.values():
        firsts = [next(iter(listed_by(crew.fields.get("tasks")) or []), None) for crew in group]
        names = [first.name for first in firsts if isinstance(first, Definition) and not is_generic(first.name)]
        if len(names) == len(group) and len(set(names)) > 1:
            for crew, name in zip(group, names, strict=True):
                crew.name = name


def _enclosing_name(named: Dict[str, Sequence[ast.ClassDef | FunctionNode]], crew: Definition) -> str:
    line = crew.place.line or 0
    for path, nodes in named.items():
        number = bisect_right(nodes, line, key=lambda node: node.lineno) - 1
        if crew.place.file in ("", path) and number >= 0 and line <= (nodes[number].end_lineno or 0):
            name = without_maker(nodes[number].name)
            return "" if is_generic(name) else name
    return ""
