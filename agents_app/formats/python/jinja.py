"""Templates of Jinja: texts in the source or in files of the project, filled with what they are given."""

from __future__ import annotations

import posixpath
import re

from agents_app.formats.python.frames import Frame
from agents_app.formats.python.paths import file_of
from agents_app.formats.python.texts import joined, template_of
from agents_app.formats.to_spec.values import Definition, Field, Items, Mapping, Missing, Text, Value, settled

MAX_TEXT = 100_000
MAX_PLACES = 500
_PLACE = re.compile(r"\{\{-?[ \t]{0,9}([A-Za-z_]\w{0,99})[ \t]{0,9}-?\}\}")
_LOGIC = re.compile(r"\{%|\{\{")


def of_jinja(made: Definition, name: str, args: list[Value], fields: dict[str, Field], frame: Frame) -> Value | None:
    """``Template(text).render(x=1)``, ``Environment(loader=...).get_template("a.j2")``; None for anything else."""
    if made.short in ("Environment", "NativeEnvironment") and args and name in ("get_template", "from_string"):
        text = settled(args[0]) if name == "from_string" else _file(made, args[0], frame)
        return Definition("other", "jinja2.Template", made.place, {}, [Field(text)], origin=made.origin)
    if made.short != "Template" or name not in ("render", "render_async") or not made.args:
        return None
    text = settled(made.args[0].value)
    given = settled(args[0]) if args else Mapping({})
    values = {**(given.fields if isinstance(given, Mapping) else {}), **fields}
    frame.world.budget.pay_elements(len(values))
    if isinstance(text, Missing):
        return text
    return _filled(text, values, frame) if isinstance(text, Text) else None


def _file(environment: Definition, name: Value, frame: Frame) -> Value:
    """The text of a template's file, from the folders that the loader names."""
    wanted = settled(name)
    loader = settled(environment.fields["loader"].value) if "loader" in environment.fields else None
    folders = settled(loader.args[-1].value) if isinstance(loader, Definition) and loader.args else Text("")
    path = file_of(wanted, frame) if isinstance(wanted, Text) and wanted.literal else ""
    for folder in folders.items[:MAX_PLACES] if isinstance(folders, Items) else [folders]:
        whole = posixpath.join(file_of(settled(folder), frame), path)
        text = frame.world.documents.prose_at(whole, beside=frame.file) if path else None
        if text is not None:
            frame.world.budget.pay_chars(len(text))
            return Text(text)
    label = posixpath.basename(path).partition(".")[0]
    why = f"`{path}` was not given" if path else "which template it is, is only known when the code runs"
    return Missing(label if label.isidentifier() else "text", source=path or "a template", why=why)


def _filled(text: Text, values: dict[str, Field], frame: Frame) -> Value | None:
    """The template with its places filled; None if it has logic or filters, which only a run follows."""
    budget = frame.world.budget
    if not text.literal or len(text.template) > MAX_TEXT or _LOGIC.search(_PLACE.sub("", text.template)):
        return None
    budget.pay_chars(len(text.template))
    pieces = _PLACE.split(text.template)
    if len(pieces) > 2 * MAX_PLACES:
        return None
    parts = [
        Text(piece) if number % 2 == 0 else template_of(values[piece].value, budget) if piece in values else Text("")
        for number, piece in enumerate(pieces)
    ]
    return joined(parts, budget)
