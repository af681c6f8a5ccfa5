"""Makes names for values that only a run would show, from the expressions that compute them."""

from __future__ import annotations

import ast
import re

_CONTAINERS = frozenset(
    {
        "self",
        "cls",
        "args",
        "request",
        "req",
        "state",
        "inputs",
        "input",
        "config",
        "params",
        "data",
        "settings",
        "payload",
    }
)
_MAX_LABEL = 40
_MAX_LINES = 8
_MAX_COLUMNS = 500


def source_of(node: ast.AST) -> str:
    """The expression as text, short enough for a remark."""
    text = re.sub(r"\s+", " ", _written(node))
    return text if len(text) <= 60 else text[:57] + "..."


def _written(node: ast.AST) -> str:
    """The expression as text; "code" for a long one, because a hostile source's nesting would take quadratic time."""
    lines = getattr(node, "end_lineno", 0) - getattr(node, "lineno", 0)
    columns = getattr(node, "end_col_offset", 0) - getattr(node, "col_offset", 0)
    if lines > _MAX_LINES or columns > _MAX_COLUMNS:
        return "code"
    try:
        return ast.unparse(node)
    except (ValueError, RecursionError):  # an integer with more digits than Python prints, or a very long chain
        return "code"


def label_of(node: ast.AST) -> str:
    """``user.name`` gives ``user_name``, ``self.topic`` and ``inputs["topic"]`` ``topic``, ``x.upper()`` ``x``."""
    label = re.sub(r"\W+", "_", _label(node), flags=re.ASCII).strip("_")[:_MAX_LABEL].strip("_")
    return label if label and not label[0].isdigit() else f"value_{label}".strip("_")


def _label(node: ast.AST) -> str:
    if isinstance(node, ast.Name):
        return node.id
    if isinstance(node, ast.Attribute):
        return _below(node.value, node.attr)
    if isinstance(node, ast.Subscript) and isinstance(node.slice, ast.Constant):
        return _below(node.value, node.slice.value) if isinstance(node.slice.value, str) else _indexed(node)
    if isinstance(node, ast.Call):
        return _called(node)
    if isinstance(node, ast.Await | ast.FormattedValue | ast.Starred):
        return _label(node.value)
    return _written(node)


def _below(container: ast.expr, name: str) -> str:
    inside = _label(container)
    return name if inside.rpartition("_")[2] in _CONTAINERS else f"{inside}_{name}"


def _indexed(node: ast.Subscript) -> str:
    return f"{_label(node.value)}_{_written(node.slice)}"


def _called(node: ast.Call) -> str:
    """The name of a call: if it only reshapes a value, that of the value."""
    if len(node.args) == 1 and not node.keywords and isinstance(node.args[0], ast.Name | ast.Attribute | ast.Subscript):
        return _label(node.args[0])
    if isinstance(node.func, ast.Attribute) and isinstance(node.func.value, ast.Name | ast.Attribute | ast.Subscript):
        base = _label(node.func.value)
        return base if base not in ("datetime", "date", "time", "os", "uuid", "random", "json") else _written(node.func)
    return _written(node.func)
