"""Finds by name which functions and classes of a project build crews, and which code makes agents, tasks or crews.

Each tree is walked once: what is found in a piece of code holds for all code around it.
"""

from __future__ import annotations

import ast
from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field

_PARTS = frozenset({"Agent", "LiteAgent", "Task", "ConditionalTask", "Crew"})

Scope = ast.FunctionDef | ast.AsyncFunctionDef | ast.ClassDef


@dataclass(slots=True)
class Reach:
    """``builders``: names of functions and classes in whose code a ``Crew`` is made, directly or through others.

    ``makers``: definitions and branches that make agents, tasks or crews themselves, by ``id()`` of their nodes;
    ``adders``: those that add to something.
    """

    builders: frozenset[str] = frozenset()
    makers: set[int] = field(default_factory=set)
    adders: set[int] = field(default_factory=set)


@dataclass(slots=True, eq=False)
class _Code:
    """A definition or a branch while its tree is walked; ``around`` is what it stands in."""

    node: ast.AST
    around: _Code | None
    makes: bool = False
    adds: bool = False
    builds: bool = False


def reach_of(trees: Iterable[ast.Module]) -> Reach:
    """What the trees of a project reach."""
    callers: dict[str, list[_Code]] = {}
    aliases = {"Crew"}
    reach = Reach()
    for tree in trees:
        pieces: list[_Code] = []
        for node, code in _walked(tree, pieces):
            if isinstance(node, ast.ImportFrom):
                aliases |= {alias.asname for alias in node.names if alias.name == "Crew" and alias.asname}
            elif isinstance(node, ast.AugAssign) and code:
                code.adds = True
            elif isinstance(node, ast.Call) and code and (name := _called(node)):
                code.makes = code.makes or name in _PARTS
                callers.setdefault(name, []).append(code)
        _spread(pieces, reach)
    reach.builders = frozenset(_builders(callers, aliases) - aliases - {"__init__"})
    return reach


def _walked(tree: ast.Module, pieces: list[_Code]) -> Iterator[tuple[ast.AST, _Code | None]]:
    """Every node with the innermost piece of code around it; the pieces are listed from the outside in."""
    waiting: list[tuple[ast.AST, _Code | None]] = [(tree, None)]
    while waiting:
        node, around = waiting.pop()
        yield node, around
        if isinstance(node, Scope | ast.If):
            around = _Code(node, around)
            pieces.append(around)
        waiting.extend((child, around) for child in ast.iter_child_nodes(node))


def _spread(pieces: list[_Code], reach: Reach) -> None:
    for code in reversed(pieces):
        if code.around:
            code.around.makes |= code.makes
            code.around.adds |= code.adds
        if code.makes:
            reach.makers.add(id(code.node))
        if code.adds:
            reach.adders.add(id(code.node))


def _builders(callers: dict[str, list[_Code]], aliases: set[str]) -> set[str]:
    builders, waiting = set(aliases), list(aliases)
    while waiting:
        for caller in callers.pop(waiting.pop(), ()):
            code: _Code | None = caller
            while code is not None and not code.builds:
                code.builds = True
                if isinstance(code.node, Scope) and code.node.name not in builders:
                    builders.add(code.node.name)
                    waiting.append(code.node.name)
                code = code.around
    return builders


def _called(node: ast.Call) -> str:
    """The last part of the name of what is called."""
    if isinstance(node.func, ast.Name):
        return node.func.id
    return node.func.attr if isinstance(node.func, ast.Attribute) else ""
