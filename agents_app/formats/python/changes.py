"""Finds which functions change what is not their own: attributes of their objects, and names of their modules."""

from __future__ import annotations

import ast
from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field, replace

from agents_app.formats.python.frames import Change, Frame, FunctionNode, World
from agents_app.formats.python.labels import as_label, source_of
from agents_app.formats.python.things import Class
from agents_app.formats.python.uses import CHANGING
from agents_app.formats.to_spec.naming import snake
from agents_app.formats.to_spec.values import Constant, Items, Mapping, Text, Unknown, Value

_STARTS = frozenset({"__init__", "__post_init__", "__new__", "model_post_init"})
Lines = tuple[int, int]
NO_LOOP = (0, 0)
ANYBODYS = "."
"""Stands for the class or file in changes of attributes of who knows what."""


@dataclass(slots=True, eq=False)
class _Code:
    """A function while its module is walked. ``cls`` is the class whose method it is, or stands in, and ``own`` what
    that method calls its object; ``local`` are the names that are its own, ``filled`` those whose content it changes.
    """

    node: FunctionNode
    cls: ast.ClassDef | None
    own: frozenset[str]
    local: set[str] = field(default_factory=set)
    given: set[str] = field(default_factory=set)
    filled: dict[str, Change] = field(default_factory=dict)


def changes_in(tree: ast.Module, file: str) -> dict[tuple[object, str], list[Change]]:
    """What the functions of a module change: attributes by the ``id()`` of the class, names by the file, attributes of
    other things by ``ANYBODYS``."""
    found: dict[tuple[object, str], list[Change]] = {}
    functions: list[_Code] = []
    waiting: list[tuple[ast.AST, ast.ClassDef | None, _Code | None, Lines]] = [(tree, None, None, NO_LOOP)]
    while waiting:
        node, cls, code, loop = waiting.pop()
        if isinstance(node, FunctionNode):
            code, loop = _function(node, cls, code), NO_LOOP
            functions.append(code)
        elif isinstance(node, ast.ClassDef):
            cls, code = node, None
        elif code is not None:
            if isinstance(node, ast.For | ast.AsyncFor | ast.While) and loop == NO_LOOP:
                loop = node.lineno, node.end_lineno or node.lineno
            _note(node, code, loop, found)
        waiting.extend((child, cls, code, loop) for child in ast.iter_child_nodes(node))
    for code in functions:
        named = {**dict.fromkeys(code.given, Change(code.node, code.node.lineno)), **code.filled}
        for name, change in named.items():
            if name in code.given or name not in code.local:
                found.setdefault((file, name), []).append(change)
    return found


def _function(node: FunctionNode, cls: ast.ClassDef | None, around: _Code | None) -> _Code:
    arguments = [*node.args.posonlyargs, *node.args.args]
    own = around.own if around else frozenset({arguments[0].arg} if cls and arguments else ())
    local = {argument.arg for argument in (*arguments, *node.args.kwonlyargs)} | (around.local if around else set())
    return _Code(node, cls, own, local)


def _note(node: ast.AST, code: _Code, loop: Lines, found: dict[tuple[object, str], list[Change]]) -> None:
    """Notes what one statement or expression of a function changes."""
    if isinstance(node, ast.Global):
        code.given.update(node.names)
    change = Change(code.node, getattr(node, "lineno", 0), loop)
    for target, is_inside in _changed(node):
        if isinstance(target, ast.Attribute) and isinstance(target.value, ast.Name):
            is_own = code.cls is not None and target.value.id in (*code.own, code.cls.name)
            found.setdefault((id(code.cls) if is_own else ANYBODYS, target.attr), []).append(change)
        elif isinstance(target, ast.Name) and is_inside:
            code.filled.setdefault(target.id, change)
        elif isinstance(target, ast.Name):
            code.local.add(target.id)


def _changed(node: ast.AST) -> Iterator[tuple[ast.expr, bool]]:
    """The names and attributes that get another value, and whether it is only their content that changes."""
    targets: list[ast.expr] = []
    if isinstance(node, ast.Assign | ast.Delete):
        targets = list(node.targets)
    elif isinstance(node, ast.AnnAssign | ast.AugAssign | ast.For | ast.AsyncFor | ast.NamedExpr):
        targets = [node.target]
    elif isinstance(node, ast.With | ast.AsyncWith):
        targets = [item.optional_vars for item in node.items if item.optional_vars is not None]
    elif isinstance(node, ast.Call) and isinstance(node.func, ast.Attribute) and node.func.attr in CHANGING:
        yield _whole(node.func.value), True
    elif isinstance(node, ast.Call) and isinstance(node.func, ast.Name) and node.func.id == "setattr":
        name = node.args[1].value if len(node.args) == 3 and isinstance(node.args[1], ast.Constant) else None
        if isinstance(name, str):
            yield ast.Attribute(node.args[0], name, ast.Store()), False
    for target in _each(targets):
        yield _whole(target), isinstance(target, ast.Subscript)


def _each(targets: Iterable[ast.expr]) -> Iterator[ast.expr]:
    waiting = list(targets)
    while waiting:
        target = waiting.pop()
        if isinstance(target, ast.Tuple | ast.List):
            waiting.extend(target.elts)
        else:
            yield target.value if isinstance(target, ast.Starred) else target


def _whole(target: ast.expr) -> ast.expr:
    while isinstance(target, ast.Subscript):
        target = target.value
    return target


def attribute_as_read(value: Value, cls: Class, node: ast.Attribute, frame: Frame) -> Value:
    """An attribute as its object has it now: if other methods may change it before it is used, an input with it as the
    default; a list or a dictionary is marked so."""
    if not isinstance(value, Text | Constant | Items | Mapping):
        return value
    keys = ((id(one.node), node.attr) for one in cls.ancestors() if isinstance(one, Class))
    return _as_read(value, keys, node, node.attr, snake(cls.name), frame)


def name_as_read(value: Value, node: ast.Name, frame: Frame) -> Value:
    """As ``attribute_as_read``, for a name of a module that its functions may change."""
    if (frame.file, node.id) not in frame.world.changes or not isinstance(value, Text | Constant | Items | Mapping):
        return value
    module = frame
    while module.parent is not None:
        if node.id in module.names:
            return value
        module = module.parent
    return _as_read(value, [(frame.file, node.id)], node, node.id, "", frame)


def member_as_read(value: Value, node: ast.Attribute, module: Frame, frame: Frame) -> Value:
    """As ``attribute_as_read``, for a name of a module that was imported as a whole, which others may set too."""
    if not isinstance(value, Text | Constant | Items | Mapping):
        return value
    return _as_read(value, [(module.file, node.attr), (ANYBODYS, node.attr)], node, node.attr, "", frame)


def _as_read(
    value: Text | Constant | Items | Mapping,
    keys: Iterable[tuple[object, str]],
    node: ast.expr,
    name: str,
    within: str,
    frame: Frame,
) -> Value:
    world = frame.world
    changes = [change for key in keys for change in world.changes.get(key, ())]
    if not changes:
        return value
    which = world.budget.number_of("changed", within or frame.file, name, value)
    changer = next((change.function.name for change in changes if _comes_later(change, node, world)), None)
    if changer is None:
        if isinstance(value, Items | Mapping) and value.open_as and value.open_as.which == which:
            value.open_as = None
        return value
    label = as_label(name.lower() if name.isupper() else name)
    source = source_of(node, world.budget)
    open_value = Unknown(label, source, which=which, within=within, changed_by=changer)
    if isinstance(value, Items | Mapping):
        value.open_as = open_value
        return value
    if isinstance(value, Constant) and value.value is None:
        return replace(value, open_as=open_value)
    return replace(open_value, known=value)


def _comes_later(change: Change, node: ast.expr, world: World) -> bool:
    """Whether a change is none of those that surely came before an expression that is read now."""
    function = id(change.function)
    world.budget.pay_steps()
    if change.function.name in _STARTS:
        return False
    if function not in world.entered:
        return True
    if function not in world.active:
        return False
    lines = [*world.standing[1:], node.lineno]
    line = lines[world.active.index(function)]
    is_followed = change.loop[0] <= line <= change.loop[1] and not world.sampled
    return change.line > line and not is_followed
