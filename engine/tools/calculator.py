"""Exact arithmetic for models. Expressions are parsed by ``ast``, bounded in size, and never run as Python."""

from __future__ import annotations

import ast
import operator
from collections.abc import Callable
from decimal import Decimal, DecimalException, localcontext
from typing import Any

from engine.tools.tool import ToolFacts, ToolFailed, text_arguments

MAX_CHARS = 1000
MAX_DIGITS = 60
MAX_EXPONENT = 10_000

BINARY: dict[type[ast.operator], Callable[[Decimal, Decimal], Decimal]] = {
    ast.Add: operator.add,
    ast.Sub: operator.sub,
    ast.Mult: operator.mul,
    ast.Div: operator.truediv,
    ast.FloorDiv: operator.floordiv,
    ast.Mod: operator.mod,
    ast.Pow: operator.pow,
}
UNARY: dict[type[ast.unaryop], Callable[[Decimal], Decimal]] = {ast.UAdd: operator.pos, ast.USub: operator.neg}


class Calculator:
    """Works out expressions such as ``(1200 - 980) / 980 * 100`` to 60 significant digits."""

    facts = ToolFacts(
        name="calculator",
        description="Work out an arithmetic expression exactly: + - * / // % ** and parentheses.",
        parameters=text_arguments(expression="such as (1200 - 980) / 980 * 100"),
    )

    async def run(self, arguments: dict[str, Any]) -> str:
        return calculate(arguments["expression"])


def calculate(expression: str) -> str:
    """The value of the expression in digits. Raises ``ToolFailed`` with the reason if it has none."""
    if len(expression) > MAX_CHARS:
        raise ToolFailed(f"The expression is longer than {MAX_CHARS} characters.")
    try:
        with localcontext() as context:
            context.prec = MAX_DIGITS
            value = _value(ast.parse(expression.strip().replace("^", "**"), mode="eval").body)
            if not value.is_finite():
                raise ToolFailed("The numbers are too large.")
            return _plain(value)
    except DecimalException as error:
        raise ToolFailed(f"This has no value: {type(error).__name__}.") from error
    except (SyntaxError, ValueError, RecursionError, MemoryError) as error:
        raise ToolFailed(
            "This is not an arithmetic expression. Use numbers, + - * / // % ** and parentheses."
        ) from error


def _value(node: ast.expr) -> Decimal:
    if isinstance(node, ast.Constant) and type(node.value) in (int, float):
        return Decimal(str(node.value))
    if isinstance(node, ast.UnaryOp) and type(node.op) in UNARY:
        return UNARY[type(node.op)](_value(node.operand))
    if isinstance(node, ast.BinOp) and type(node.op) in BINARY:
        left, right = _value(node.left), _value(node.right)
        if isinstance(node.op, ast.Pow) and abs(right) > MAX_EXPONENT:
            raise ToolFailed(f"The exponent is beyond {MAX_EXPONENT}.")
        return BINARY[type(node.op)](left, right)
    raise ValueError(ast.dump(node)[:80])


def _plain(value: Decimal) -> str:
    if value and not -30 < value.adjusted() < 60:
        return str(value)
    text = f"{value:f}"
    return text.rstrip("0").rstrip(".") if "." in text else text
