"""Finds by name which functions and classes of a project build crews, and which code makes agents, tasks or crews.

Each tree is walked once: what is found in a piece of code holds for all code around it.
"""

from __future__ import annotations

import ast
from collections.abc import Iterable, Iterator
from collections.abc import Set as AbstractSet
from dataclasses import dataclass, field

_ASKS = frozenset({"kickoff", "kickoff_async", "akickoff"})
_PARTS = frozenset({"Agent", "LiteAgent", "Task", "ConditionalTask", "Crew"})

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
    ``adders``: those that add to something; ``askers``: those in which something is kicked off. ``making``:
    definitions, branches and loops that make parts, themselves or through functions of the project. ``called``: the
    names of all that is called.
    """

    builders: frozenset[str] = frozenset()
    makers: set[int] = field(default_factory=set)
    adders: set[int] = field(default_factory=set)
    making: set[int] = field(default_factory=set)
    askers: set[int] = field(default_factory=set)
    called: frozenset[str] = frozenset()


@dataclass(slots=True, eq=False)
class _Code:
    """A definition, a branch or a loop while its tree is walked; ``around`` is what it stands in."""

    node: ast.AST
    around: _Code | None
    makes: bool = False
    asks: bool = False
    adds: bool = False


def reach_of(trees: Iterable[ast.Module]) -> Reach:
    """What the trees of a project reach."""
    callers: dict[str, list[_Code]] = {}
    aliases, top = {"Crew"}, set[str]()
    reach = Reach()
    for tree in trees:
        pieces: list[_Code] = []
        for node, code in _walked(tree, pieces):
            if isinstance(node, ast.ImportFrom):
                aliases |= {alias.asname for alias in node.names if alias.name == "Crew" and alias.asname}
            elif isinstance(node, ast.AugAssign) and code:
                code.adds = True
            elif isinstance(node, ast.Call) and not code:
                top.add(_called(node))
            elif isinstance(node, ast.Call) and code and (name := _called(node)):
                code.makes = code.makes or name in _PARTS
                code.asks = code.asks or name in _ASKS
                callers.setdefault(name, []).append(code)
        _spread(pieces, reach)
    reach.builders = frozenset(_reaching(callers, aliases)[0] - aliases - {"__init__"})
    reach.called = frozenset(callers) | top
    reach.making = _reaching(callers, _PARTS)[1]
    return reach


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


def _spread(pieces: list[_Code], reach: Reach) -> None:
    for code in reversed(pieces):
        if code.around:
            code.around.makes |= code.makes
            code.around.adds |= code.adds
            code.around.asks |= code.asks
        if code.makes and isinstance(code.node, Scope | ast.If | ast.Match):
            reach.makers.add(id(code.node))
        if code.asks:
            reach.askers.add(id(code.node))
        if code.adds and isinstance(code.node, Scope | ast.If | ast.Match):
            reach.adders.add(id(code.node))


def _reaching(callers: dict[str, list[_Code]], called: AbstractSet[str]) -> tuple[set[str], set[int]]:
    """What calls one of these, directly or through others: names, with those, and code, by ``id()`` of its nodes."""
    names, code_ids = set(called), set[int]()
    waiting = list(called)
    while waiting:
        for caller in callers.get(waiting.pop(), ()):
            code: _Code | None = caller
            while code is not None and id(code.node) not in code_ids:
                code_ids.add(id(code.node))
                if isinstance(code.node, Scope) and code.node.name not in names:
                    names.add(code.node.name)
                    waiting.append(code.node.name)
                code = code.around
    return names, code_ids


def _called(node: ast.Call) -> str:
    """The last part of the name of what is called."""
    if isinstance(node.func, ast.Name):
        return node.func.id
    return node.func.attr if isinstance(node.func, ast.Attribute) else ""
