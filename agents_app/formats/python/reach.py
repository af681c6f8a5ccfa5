"""Finds by name which functions and classes of a project build crews, and which code makes agents, tasks or crews."""

from __future__ import annotations

import ast
from collections.abc import Iterable, Iterator

_PARTS = frozenset({"Agent", "LiteAgent", "Task", "ConditionalTask", "Crew"})

Scope = ast.FunctionDef | ast.AsyncFunctionDef | ast.ClassDef


def builders(trees: Iterable[ast.Module]) -> frozenset[str]:
    """Names of functions and classes in whose code a ``Crew`` is made, directly or through another of them."""
    called: dict[str, set[str]] = {}
    aliases: set[str] = {"Crew"}
    for tree in trees:
        for node in ast.walk(tree):
            if isinstance(node, ast.ImportFrom):
                aliases |= {alias.asname for alias in node.names if alias.name == "Crew" and alias.asname}
            if isinstance(node, Scope):
                called.setdefault(node.name, set()).update(calls(node))
    builders_so_far: set[str] = set(aliases)
    grown = True
    while grown:
        more = {name for name, names in called.items() if name not in builders_so_far and names & builders_so_far}
        builders_so_far |= more
        grown = bool(more)
    return frozenset(builders_so_far - aliases - {"__init__"})


def calls(node: ast.AST) -> Iterator[str]:
    """The last part of the name of everything that a piece of code calls."""
    for inner in ast.walk(node):
        if isinstance(inner, ast.Call):
            if isinstance(inner.func, ast.Name):
                yield inner.func.id
            elif isinstance(inner.func, ast.Attribute):
                yield inner.func.attr


def makes_parts(node: ast.AST) -> bool:
    """Whether a piece of code makes agents, tasks or crews itself."""
    return any(name in _PARTS for name in calls(node))
