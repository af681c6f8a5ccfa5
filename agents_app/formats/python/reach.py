"""Finds by name which functions and classes of a project build crews, and which code makes agents, tasks or crews.

Each tree is walked once: what is found in a piece of code holds for all code around it.
"""

from __future__ import annotations

import ast
import builtins
from collections.abc import Iterable, Iterator
from collections.abc import Set as AbstractSet
from dataclasses import dataclass, field

from agents_app.formats.python.uses import names_filled, names_given, own_filled, telling_names

_ASKS = frozenset({"kickoff", "kickoff_async", "akickoff"})
_ONLY_READ = frozenset(dir(builtins)) | {"debug", "info", "warning", "error", "exception", "log", "dumps", "join"}
"""Functions that fill no list which they are given."""
_PARTS = frozenset({"Agent", "LiteAgent", "Task", "ConditionalTask", "Crew"})
_TELLING = (frozenset({"role", "goal", "backstory"}), frozenset({"description", "expected_output"}))
"""What only parts of crews are given, whatever their class is called."""

Scope = ast.FunctionDef | ast.AsyncFunctionDef | ast.ClassDef
_WITHIN = (
    ast.If
    | ast.Match
    | ast.For
    | ast.AsyncFor
    | ast.While
    | ast.ListComp
    | ast.SetComp
    | ast.DictComp
    | ast.GeneratorExp
)


@dataclass(slots=True)
class Reach:
    """``builders``: names of functions and classes in whose code a ``Crew`` is made, directly or through others.

    ``makers``: definitions and branches that make agents, tasks or crews themselves, by ``id()`` of their nodes;
    ``adders``: those that add to something that parts may hang on, ``fillers``: that change what is in such;
    ``askers``: those in which something is kicked off.
    ``making``: definitions, branches and loops that make parts, themselves or through functions of the project,
    ``building``: that make crews; ``parts``: the names whose calls make parts. ``called``: the names of all that is
    called, and of classes whose methods are; ``handed``: of what is given to a call, which may call it. ``calls``:
    which functions that make parts a function calls, by names. ``bases``: the names of what classes are made of.
    ``telling``: the names that parts may hang on; ``filled``: those of lists that code may fill.
    """

    builders: frozenset[str] = frozenset()
    makers: set[int] = field(default_factory=set)
    adders: set[int] = field(default_factory=set)
    fillers: set[int] = field(default_factory=set)
    making: set[int] = field(default_factory=set)
    building: set[int] = field(default_factory=set)
    askers: set[int] = field(default_factory=set)
    parts: frozenset[str] = frozenset()
    called: frozenset[str] = frozenset()
    handed: frozenset[str] = frozenset()
    calls: dict[str, set[str]] = field(default_factory=dict)
    bases: frozenset[str] = frozenset()
    telling: frozenset[str] = frozenset()
    filled: frozenset[str] = frozenset()


@dataclass(slots=True, eq=False)
class _Code:
    """A definition, a branch or a loop while its tree is walked; ``around`` is what it stands in."""

    node: ast.AST
    around: _Code | None
    makes: bool = False
    asks: bool = False
    adds: list[str] = field(default_factory=list)
    fills: list[str] = field(default_factory=list)
    sets: list[str] = field(default_factory=list)


@dataclass(slots=True)
class _Names:
    """What the trees call, by name: the code that does, and whether a part of a crew is made thereby.

    ``aliases``: names with what else they are called; ``top``: what modules call themselves; ``decorating``: calls in
    decorators, by ``id()``, which call what they are given only when a run comes to it.
    """

    callers: dict[str, list[_Code]] = field(default_factory=dict)
    telling: list[_Code] = field(default_factory=list)
    aliases: list[tuple[str, str]] = field(default_factory=list)
    top: set[str] = field(default_factory=set)
    handed: set[str] = field(default_factory=set)
    decorating: set[int] = field(default_factory=set)
    filled: set[str] = field(default_factory=set)
    bases: set[str] = field(default_factory=set)

    def also(self, names: AbstractSet[str]) -> set[str]:
        """These names, and what imports and classes of the source make of them."""
        found, waiting = set(names), list(names)
        others: dict[str, list[str]] = {}
        for name, other in self.aliases:
            others.setdefault(name, []).append(other)
        while waiting:
            new = [other for other in others.get(waiting.pop(), ()) if other not in found]
            found.update(new)
            waiting.extend(new)
        return found


def reach_of(trees: Iterable[ast.Module]) -> Reach:
    """What the trees of a project reach."""
    names, reach = _Names(), Reach()
    walked = list(trees)
    pieces: list[_Code] = []
    for tree in walked:
        for node, code in _walked(tree, pieces):
            _note(node, code, names)
    parts = names.also(_PARTS)
    for name in parts:
        for code in names.callers.get(name, ()):
            code.makes = True
    crews = names.also({"Crew"})
    building, reach.building = _reaching(names.callers, crews)
    reach.builders = frozenset(building - crews - {"__init__"})
    reach.called = frozenset(names.callers) | names.top
    reach.handed = frozenset(names.handed)
    reach.filled = frozenset(names.filled)
    reach.bases = frozenset(names.bases)
    making, reach.making = _reaching(names.callers, parts, also=names.telling)
    reach.parts = frozenset(making)
    reach.telling = telling_names(walked, reach.parts, reach.making)
    _spread(pieces, reach)
    for name in making:
        for code in names.callers.get(name, ()):
            scope = _scope_of(code)
            if scope and scope != name:
                reach.calls.setdefault(scope, set()).add(name)
    return reach


def _note(node: ast.AST, code: _Code | None, names: _Names) -> None:
    if isinstance(node, Scope):
        names.decorating |= {id(part) for decorator in node.decorator_list for part in ast.walk(decorator)}
        bases = [_last(base) for base in getattr(node, "bases", ())]
        names.aliases += [(base, node.name) for base in bases]
        names.bases.update(bases)
    elif isinstance(node, ast.ImportFrom):
        names.aliases += [(alias.name, alias.asname) for alias in node.names if alias.asname]
    elif isinstance(node, ast.AugAssign) and code:
        code.adds += names_given(node.target)
        names.filled.update(code.adds[-1:])
    elif isinstance(node, ast.Call):
        _note_call(node, code, names)
    filled = names_filled(node)
    names.filled.update(filled)
    if code and filled:
        code.fills += own_filled(node, of_object=False)
        code.sets += own_filled(node, of_object=True)


def _note_call(node: ast.Call, code: _Code | None, names: _Names) -> None:
    if id(node) not in names.decorating:
        given = (*node.args, *(keyword.value for keyword in node.keywords))
        handed = {_last(value) for value in given if isinstance(value, ast.Name | ast.Attribute)}
        names.handed |= handed
        names.filled |= handed if _last(node.func) not in _ONLY_READ else set()
    name = _last(node.func)
    if code is None:
        names.top.add(name)
        return
    code.asks = code.asks or name in _ASKS
    if name:
        names.callers.setdefault(name, []).append(code)
    written = {keyword.arg for keyword in node.keywords}
    if any(telling <= written for telling in _TELLING):
        code.makes = True
        names.telling.append(code)


def _scope_of(code: _Code | None) -> str:
    """The name of the innermost definition; "" outside of all."""
    while code is not None and not isinstance(code.node, Scope):
        code = code.around
    return code.node.name if code is not None and isinstance(code.node, Scope) else ""


def _walked(tree: ast.Module, pieces: list[_Code]) -> Iterator[tuple[ast.AST, _Code | None]]:
    """Every node with the innermost piece of code around it; the pieces are listed from the outside in."""
    waiting: list[tuple[ast.AST, _Code | None]] = [(tree, None)]
    while waiting:
        node, around = waiting.pop()
        yield node, around
        if isinstance(node, Scope | _WITHIN):
            around = _Code(node, around)
            pieces.append(around)
        waiting.extend((child, around) for child in ast.iter_child_nodes(node))


def _may_tell(code: _Code, reach: Reach) -> bool:
    """Whether variables of the function around this code may end up in parts: it makes some, or what it gives may."""
    around: _Code | None = code
    while around is not None and not isinstance(around.node, Scope):
        around = around.around
    if around is None or not isinstance(around.node, Scope):
        return True
    return around.node.name in reach.telling or id(around.node) in reach.making


def _spread(pieces: list[_Code], reach: Reach) -> None:
    for code in reversed(pieces):
        adds = not reach.telling.isdisjoint(code.adds) or id(code.node) in reach.adders
        fills = not reach.telling.isdisjoint(code.sets) or id(code.node) in reach.fillers
        fills |= not reach.telling.isdisjoint(code.fills) and _may_tell(code, reach)
        if code.around:
            code.around.makes |= code.makes
            code.around.asks |= code.asks
        if code.makes and isinstance(code.node, Scope | ast.If | ast.Match):
            reach.makers.add(id(code.node))
        around = [id(code.node), *([id(code.around.node)] if code.around else [])]
        reach.adders.update(around if adds else ())
        reach.fillers.update(around if fills else ())
        if code.asks:
            reach.askers.add(id(code.node))


def _reaching(
    callers: dict[str, list[_Code]], called: AbstractSet[str], *, also: Iterable[_Code] = ()
) -> tuple[set[str], set[int]]:
    """What calls one of these, directly or through others, or stands around the code ``also``: names, with those, and
    code, by ``id()`` of its nodes."""
    names, code_ids = set(called), set[int]()
    waiting: list[str] = list(called)

    def reached(code: _Code | None) -> None:
        while code is not None and id(code.node) not in code_ids:
            code_ids.add(id(code.node))
            if isinstance(code.node, Scope) and code.node.name not in names:
                names.add(code.node.name)
                waiting.append(code.node.name)
            code = code.around

    for code in also:
        reached(code)
    while waiting:
        for caller in callers.get(waiting.pop(), ()):
            reached(caller)
    return names, code_ids


def _last(node: ast.AST) -> str:
    """The last part of a dotted name; "" of anything else."""
    if isinstance(node, ast.Name):
        return node.id
    return node.attr if isinstance(node, ast.Attribute) else ""
