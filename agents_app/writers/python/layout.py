"""Writes values as Python: on one line where it fits, else below one another, as Black lays them out."""

from __future__ import annotations

from collections.abc import Iterator, Mapping

from agents_app.writers.expressions import Call, Expression, Index, Name
from agents_app.writers.python.texts import WIDTH, literal, pieces

STEP = 4


def written(value: Expression, *, indent: int = 0, before: int = 0, after: int = 0) -> str:
    """The value as Python. ``indent``: of the line that it begins on; ``before`` and ``after``: what else stands there,
    in characters. Lines after the first are indented from the margin."""
    room = WIDTH - indent - before - after
    line = _on_one_line(value, room)
    return line if line is not None else "\n".join(_below(value, indent))


def assigned(name: str, value: Expression, *, indent: int = 0) -> str:
    """``name = value``."""
    return f"{' ' * indent}{name} = {written(value, indent=indent, before=len(name) + 3)}"


def _on_one_line(value: Expression, room: int) -> str | None:
    """The value on one line, None if it does not fit there."""
    if room < 0:
        return None
    if isinstance(value, str):
        text = literal(value) if len(value) <= room and "\n" not in value[:-1] else None
        return text if text is not None and len(text) <= room else None
    if isinstance(value, Name):
        return value.text
    if not isinstance(value, Call | Index | Mapping | list | tuple):
        text = repr(value)
        return text if len(text) <= room else None
    opened, closed, items = _parts(value)
    chars, shown = len(opened) + len(closed), []
    for before, item in items:
        text = _on_one_line(item, room - chars - len(before))
        if text is None:
            return None
        shown.append(f"{before}{text}")
        chars += len(shown[-1]) + 2
    line = f"{opened}{', '.join(shown)}{closed}"
    return line if len(line) <= room else None


def _below(value: Expression, indent: int) -> Iterator[str]:
    inner = indent + STEP
    margin = " " * inner
    if isinstance(value, str):
        yield "("
        yield from (f"{margin}{piece}" for piece in pieces(value, WIDTH - inner))
        yield f"{' ' * indent})"
    elif isinstance(value, Call | Index | Mapping | list | tuple):
        opened, closed, items = _parts(value)
        yield opened
        comma = "" if isinstance(value, Index) and len(items) == 1 else ","  # list[str,] is another type
        for before, item in items:
            yield f"{margin}{before}{written(item, indent=inner, before=len(before), after=1)}{comma}"
        yield f"{' ' * indent}{closed}"
    else:
        yield repr(value)


def _parts(value: Expression) -> tuple[str, str, list[tuple[str, Expression]]]:
    """What opens and closes a value, and its items, each with what stands before it."""
    if isinstance(value, Call):
        fields = [(f"{name}=", item) for name, item in value.fields.items()]
        return f"{value.name}(", ")", [*(("", arg) for arg in value.args), *fields]
    if isinstance(value, Mapping):
        return "{", "}", [(f"{literal(name)}: ", item) for name, item in value.items()]
    if isinstance(value, Index):
        return f"{value.name}[", "]", [("", item) for item in value.items]
    return "[", "]", [("", item) for item in value]
