"""Makes names for values that only a run would show, from the expressions that compute them."""

from __future__ import annotations

import ast
import re
from collections.abc import Iterator
from itertools import islice

from agents_app.formats.budget import Budget
from agents_app.formats.to_spec.naming import snake

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
_FIELDS = frozenset({"role", "goal", "backstory", "description", "expected_output"})
"""Names of a part's own texts, which say nothing of what stands in them."""
MIN_TELLING = 3
"""Characters of a name that says what something is."""
CODE = "code"
CHANGING = re.compile(
    r"\b(?:random|choices?|randint|sample|uuid[14]?|next|pop|popleft|input|readline|fake|faker|secrets)\b"
)
"""Names in expressions that give something else each time."""
MAX_LABEL = 40
_MAX_NAME = 100
_MAX_LEVELS = 30
_MAX_NODES = 150
_MAX_CHARS = 1_000


def source_of(node: ast.AST, budget: Budget) -> str:
    """The expression as text, short enough for a remark."""
    text = re.sub(r"\s+", " ", written(node, budget))
    text = text[1:-1] if isinstance(node, ast.NamedExpr) else text
    return text if len(text) <= 60 else text[:57] + "..."


def written(node: ast.AST, budget: Budget) -> str:
    """The expression as text, a step for each of its parts; ``CODE`` for a long one."""
    chars = 0
    for number, part in enumerate(_parts(node)):
        chars += sum(len(value) for value in vars(part).values() if isinstance(value, str | bytes))
        budget.pay_steps()
        if number > _MAX_NODES or chars > _MAX_CHARS:
            return CODE
    try:
        return ast.unparse(node)
    except (ValueError, RecursionError):  # an integer with more digits than Python prints, or a very long chain
        return CODE


def _parts(node: ast.AST) -> Iterator[ast.AST]:
    """The node and all below it, one by one, so that whoever has seen enough need not pay for the rest."""
    waiting = [iter((node,))]
    while waiting:
        part = next(waiting[-1], None)
        if part is None:
            waiting.pop()
        else:
            yield part
            waiting.append(ast.iter_child_nodes(part))


def names_in(node: ast.AST, budget: Budget) -> list[str]:
    """The names in an expression, each once; of a long one those at its beginning."""
    parts = list(islice(_parts(node), _MAX_NODES))
    budget.pay_steps(1 + len(parts) // 10)
    return list(dict.fromkeys(part.id for part in parts if isinstance(part, ast.Name)))


def as_label(name: str) -> str:
    """A name of the source, or a dictionary's key, as a label."""
    return re.sub(r"\W+", "_", name[:_MAX_NAME]).strip("_") or "value"


def says_as_much(name: str, before: str) -> bool:
    """Whether a name that something gets later says as much as the one before: ``t`` and ``description`` do not, nor
    ``copy`` after ``ad_copy``."""
    words = snake(name).split("_")
    is_part = len(words) < len(snake(before).split("_")) and set(words) <= set(snake(before).split("_"))
    return len(name) >= MIN_TELLING and name not in _FIELDS and not is_part


def label_of(node: ast.AST, budget: Budget) -> str:
    """``user.name`` gives ``user_name``, ``self.topic`` and ``inputs["topic"]`` ``topic``, ``x.upper()`` ``x``."""
    label = _cut(_label(node, budget))
    return label if label and not label[0].isdigit() else f"value_{label}".strip("_")


def label_in(inside: str, name: str) -> str:
    """The label of what has a name within something that has a label."""
    label = _cut(_below(inside, name))
    return label if label and not label[0].isdigit() else f"value_{label}".strip("_")


def _cut(label: str) -> str:
    """At most ``MAX_LABEL`` characters; the last words say most, as ``description`` of a long chain of parts."""
    label = re.sub(r"\W+", "_", label[: 4 * MAX_LABEL], flags=re.ASCII).strip("_")
    while len(label) > MAX_LABEL and "_" in label[-MAX_LABEL - 1 :]:
        label = label.partition("_")[2].strip("_")
    return label[:MAX_LABEL].strip("_")


def _label(node: ast.AST, budget: Budget, level: int = 0) -> str:
    """The label before it is cut. ``level`` counts how far below the whole expression the node is."""
    budget.pay_steps()
    if level > _MAX_LEVELS or isinstance(node, ast.Name):
        return node.id[:_MAX_NAME] if isinstance(node, ast.Name) else CODE
    if isinstance(node, ast.Attribute):
        return _below(_label(node.value, budget, level + 1), node.attr)
    if isinstance(node, ast.Subscript):
        return _indexed(node, budget, level + 1)
    if isinstance(node, ast.Call):
        return _called(node, budget, level + 1)
    telling = _telling(node)
    return written(node, budget) if telling is None else _label(telling, budget, level + 1)


def _telling(node: ast.AST) -> ast.AST | None:
    """The part of an expression that says what it is about: of ``a if a else "none"`` and ``f"Of {a}"`` it is ``a``."""
    parts: list[ast.expr] = []
    if isinstance(node, ast.Await | ast.FormattedValue | ast.Starred):
        return node.value
    if isinstance(node, ast.ListComp | ast.SetComp | ast.GeneratorExp):
        return node.generators[0].iter
    if isinstance(node, ast.IfExp):
        parts = [node.body, node.orelse, node.test]
    elif isinstance(node, ast.BoolOp | ast.JoinedStr):
        parts = node.values
    elif isinstance(node, ast.BinOp):
        parts = [node.left, node.right]
    return next((part for part in parts if not isinstance(part, ast.Constant)), None)


def _below(inside: str, name: str) -> str:
    name = name[:_MAX_NAME]
    if inside.isupper() and len(inside) > 1:
        return name
    return name if inside.rpartition("_")[2] in _CONTAINERS else f"{inside}_{name}"


def _indexed(node: ast.Subscript, budget: Budget, level: int) -> str:
    """``x["name"]`` and ``x[0]``; what any other index picks out is called after the whole."""
    inside, index = _label(node.value, budget, level), node.slice
    if not isinstance(index, ast.Constant):
        return inside
    return _below(inside, index.value) if isinstance(index.value, str) else f"{inside}_{written(index, budget)}"


def _moment(node: ast.Call) -> str:
    """``now`` of ``datetime.now().strftime("%d")``, and its like; "" of other calls."""
    part: ast.AST = node
    while isinstance(part, ast.Call | ast.Attribute):
        if isinstance(part, ast.Attribute) and part.attr in ("now", "today", "utcnow"):
            return "now" if part.attr == "utcnow" else part.attr
        part = part.func if isinstance(part, ast.Call) else part.value
    return ""


def _called(node: ast.Call, budget: Budget, level: int) -> str:
    """The name of a call: if it only reshapes a value, that of the value."""
    reshaped = node.args[0] if len(node.args) == 1 and not node.keywords else None
    called = node.func.attr if isinstance(node.func, ast.Attribute) else getattr(node.func, "id", "")
    moment = _moment(node)
    named = isinstance(reshaped, ast.Name | ast.Attribute | ast.Subscript)
    if reshaped is not None and (named or (called == "join" and _telling(reshaped) is not None)):
        label = _label(reshaped, budget, level)
        return f"{label}_count" if called == "len" else label
    if isinstance(node.func, ast.Attribute) and isinstance(node.func.value, ast.Name | ast.Attribute | ast.Subscript):
        base = _label(node.func.value, budget, level)
        key = node.args[0].value if called == "get" and node.args and isinstance(node.args[0], ast.Constant) else None
        known = ("datetime", "date", "time", "os", "uuid", "random", "json")
        if isinstance(key, str) and base not in known:
            return _below(base, key)
        return base if base not in known else moment or written(node.func, budget)
    return moment or written(node.func, budget)
