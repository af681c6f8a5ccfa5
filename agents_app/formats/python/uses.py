"""Finds the names that the parts of crews may hang on, by what is given what: an assignment, a call, a condition."""

from __future__ import annotations

import ast
from collections.abc import Iterable
from collections.abc import Set as AbstractSet
from dataclasses import dataclass, field

_FIELDS = frozenset(
    {
        "role",
        "goal",
        "backstory",
        "description",
        "expected_output",
        "llm",
        "tools",
        "agent",
        "context",
        "agents",
        "tasks",
    }
    | {"process", "manager_llm", "manager_agent"}
)
"""What parts have: whatever an attribute of such a name is given may be theirs."""

CHANGING = frozenset(
    {"append", "extend", "insert", "remove", "pop", "clear", "update", "setdefault", "add", "discard", "popitem"}
    | {"appendleft", "extendleft", "popleft"}
)
"""Methods that change a list, a set or a dictionary."""


@dataclass(slots=True)
class _Givers:
    """``seeds``: what parts are made of, or chosen by; ``of``: by name, what it may be made of; ``calls``: by function,
    what it is called with, and ``parameters``: by name, the functions that have such; ``around``: by ``id()``, what the
    branch or loop asks for around the one that asks for this. ``chooser``: what is asked for around what is given now.
    """

    seeds: list[ast.AST] = field(default_factory=list)
    of: dict[str, list[ast.AST]] = field(default_factory=dict)
    calls: dict[str, list[ast.AST]] = field(default_factory=dict)
    parameters: dict[str, set[str]] = field(default_factory=dict)
    around: dict[int, ast.AST | None] = field(default_factory=dict)
    chooser: ast.AST | None = None

    def give(self, targets: Iterable[ast.expr], *values: ast.AST) -> None:
        for target in targets:
            for name in names_given(target):
                self.of.setdefault(name, []).extend(self.with_chooser(values))
                if isinstance(target, ast.Attribute) and name in _FIELDS:
                    self.seeds += self.with_chooser(values)

    def with_chooser(self, values: Iterable[ast.AST]) -> list[ast.AST]:
        return [*values, *([self.chooser] if self.chooser is not None else [])]


def telling_names(trees: Iterable[ast.Module], makers: AbstractSet[str], making: AbstractSet[int]) -> frozenset[str]:
    """The names of variables, attributes, parameters and functions that a crew's parts may hang on.

    ``makers``: the names of what makes parts, ``making``: the ``id()`` of branches and loops that do. Functions and
    variables of one name are taken together, so a name may be among them that tells nothing.
    """
    givers = _Givers()
    for tree in trees:
        waiting: list[tuple[ast.AST, str, ast.AST | None]] = [(tree, "", None)]
        while waiting:
            node, function, around = waiting.pop()
            if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef):
                function, around = node.name, None
            givers.chooser = around
            _note(node, function, makers, givers)
            chooser = _chooser(node)
            if chooser is not None:
                givers.around[id(chooser)] = around
                givers.seeds += [chooser] if id(node) in making else []
            waiting.extend((child, function, chooser or around) for child in ast.iter_child_nodes(node))
    return _reached(givers)


def _reached(givers: _Givers) -> frozenset[str]:
    """The names in the seeds, in what these are made of, and so on. Each piece of code is looked at once."""
    found: set[str] = set()
    seen: set[int] = set()
    waiting = list(givers.seeds)
    while waiting:
        node = waiting.pop()
        if id(node) in seen:
            continue
        seen.add(id(node))
        waiting.extend(ast.iter_child_nodes(node))
        if (around := givers.around.get(id(node))) is not None:
            waiting.append(around)
        name = node.id if isinstance(node, ast.Name) else node.attr if isinstance(node, ast.Attribute) else ""
        if name and name not in found:
            found.add(name)
            waiting.extend(givers.of.get(name, ()))
            for function in givers.parameters.get(name, ()):
                waiting.extend(givers.calls.pop(function, ()))
    return frozenset(found)


def _note(node: ast.AST, function: str, makers: AbstractSet[str], givers: _Givers) -> None:
    if isinstance(node, ast.Assign):
        givers.give(node.targets, node.value)
    elif isinstance(node, ast.AnnAssign | ast.AugAssign | ast.NamedExpr) and node.value is not None:
        givers.give([node.target], node.value)
    elif isinstance(node, ast.For | ast.AsyncFor | ast.comprehension):
        givers.give([node.target], node.iter)
    elif isinstance(node, ast.withitem) and node.optional_vars is not None:
        givers.give([node.optional_vars], node.context_expr)
    elif isinstance(node, ast.Return | ast.Yield) and node.value is not None:
        givers.of.setdefault(function, []).extend(givers.with_chooser([node.value]))
    elif isinstance(node, ast.Call):
        _note_call(node, makers, givers)
    elif isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef):
        for argument in (*node.args.posonlyargs, *node.args.args, *node.args.kwonlyargs):
            givers.parameters.setdefault(argument.arg, set()).add(node.name)


def _chooser(node: ast.AST) -> ast.AST | None:
    """What a branch or a loop asks for."""
    if isinstance(node, ast.If | ast.While):
        return node.test
    if isinstance(node, ast.Match):
        return node.subject
    if isinstance(node, ast.For | ast.AsyncFor):
        return node.iter
    return node if isinstance(node, ast.ListComp | ast.SetComp | ast.DictComp | ast.GeneratorExp) else None


def _note_call(node: ast.Call, makers: AbstractSet[str], givers: _Givers) -> None:
    called = node.func.attr if isinstance(node.func, ast.Attribute) else getattr(node.func, "id", "")
    if called in makers:
        givers.seeds += [*node.args, *node.keywords]
    givers.calls.setdefault(called, []).extend((*node.args, *node.keywords))
    if isinstance(node.func, ast.Attribute):  # what a list, a dictionary or an object is given
        givers.give([node.func.value], *node.args, *node.keywords)


def names_filled(node: ast.AST) -> list[str]:
    """The names of the lists, dictionaries and objects in which a statement or a call changes something."""
    targets: list[ast.expr] = []
    if isinstance(node, ast.Assign | ast.Delete):
        targets = [target for target in node.targets if _is_within(target)]
    elif isinstance(node, ast.AnnAssign | ast.AugAssign) and _is_within(node.target):
        targets = [node.target]
    elif isinstance(node, ast.Call) and isinstance(node.func, ast.Attribute) and node.func.attr in CHANGING:
        targets = [node.func.value]
    return [name for target in targets for name in names_given(target) if name != "session_state"]


def own_filled(node: ast.AST, *, of_object: bool) -> list[str]:
    """As ``names_filled``, of what the own object has, or else of variables: nothing of a library's."""
    target: ast.AST | None = node.func if isinstance(node, ast.Call) else getattr(node, "target", None)
    target = node.targets[0] if isinstance(node, ast.Assign | ast.Delete) else target
    steps: list[ast.AST] = []
    while isinstance(target, ast.Attribute | ast.Subscript):
        steps.append(target)
        target = target.value
    is_own = isinstance(target, ast.Name) and target.id in ("self", "cls")
    attributes = [step for step in steps if isinstance(step, ast.Attribute)]
    is_variable = len(attributes) <= isinstance(node, ast.Call) and isinstance(target, ast.Name) and not is_own
    return names_filled(node) if (is_own if of_object else is_variable) else []


def _is_within(target: ast.expr) -> bool:
    """Whether a list or a dictionary gets an entry, or the own object an attribute."""
    owner = target.value if isinstance(target, ast.Attribute) else None
    return isinstance(target, ast.Subscript) or (isinstance(owner, ast.Name) and owner.id in ("self", "cls"))


def names_given(target: ast.expr) -> list[str]:
    """The names that get something: a variable's or an attribute's, also of what is put into it."""
    names: list[str] = []
    waiting = [target]
    while waiting:
        part = waiting.pop()
        if isinstance(part, ast.Tuple | ast.List):
            waiting.extend(part.elts)
        elif isinstance(part, ast.Starred | ast.Subscript):
            waiting.append(part.value)
        elif isinstance(part, ast.Attribute | ast.Name):
            names.append(part.attr if isinstance(part, ast.Attribute) else part.id)
    return names
