"""Which of the crews that a source makes are offered, and in what order."""

from __future__ import annotations

import re

from agents_app.formats.to_spec.fields import Reading
from agents_app.formats.to_spec.members import listed_by
from agents_app.formats.to_spec.values import (
    Constant,
    Definition,
    Mapping,
    Secret,
    Text,
    Unknown,
    Value,
    settled,
    size_of,
)

MAX_VARIANTS = 10
_TEXTS = ("description", "expected_output", "role", "goal", "backstory")
_MARK = re.compile(r"\{[^{}\n]{1,300}\}")
_ASIDE = frozenset(
    {"tests", "test", "examples", "example", "demo", "demos", "samples", "docs", "fixtures", "templates"}
)


def is_aside(path: str) -> bool:
    """Whether a file is one of a project's tests, examples or templates, and not of what it is for."""
    *folders, name = path.lower().split("/")
    return bool(_ASIDE.intersection(folders)) or name.startswith("test_") or name.endswith("_test.py")


def by_worth(crews: list[Definition]) -> list[Definition]:
    """The crew with the most tasks first, and of several such the last, since others are drafts or parts of it.

    Those of tests and examples come after all others, before them those of branches that values decide against.
    """
    sizes = [size_of(settled(crew.fields["tasks"].value)) if "tasks" in crew.fields else 0 for crew in crews]
    order = sorted(
        range(len(crews)),
        key=lambda n: (not is_aside(crews[n].place.file), not crews[n].is_other, sizes[n], n),
        reverse=True,
    )
    return [crews[number] for number in order]


def once_each(crews: list[Definition], reading: Reading) -> list[Definition]:
    """Crews of one call, members and texts are one crew made several times; one that has inputs stands for all.

    So are those whose texts differ by the names of inputs alone: that with the names that it is run with stands for
    them. Of those with other texts the first are crews of their own, and it is said that there are more. One without
    tasks, whose call makes another with tasks, is none.
    """
    alike: dict[tuple[int, ...], list[Definition]] = {}
    for crew in crews:
        members = [part for name in ("tasks", "agents") for part in listed_by(crew.fields.get(name)) or []]
        reading.budget.pay_looking(len(members))
        origins = (id(inner.origin) if isinstance(inner := settled(part), Definition) else 0 for part in members)
        variants = alike.setdefault((id(crew.origin or crew), *origins), [])
        shape = _shape_of(crew, reading)
        same = next((number for number, other in enumerate(variants) if _shape_of(other, reading) == shape), None)
        if same is None and len(variants) == MAX_VARIANTS:
            message = f"This crew is made with more than {MAX_VARIANTS} different texts: the first of them were read."
            reading.report.warn(crew.place, message)
        elif same is None:
            variants.append(crew)
        else:
            _say_several(variants[same], crew, reading)
            if _given_by_name(crew) > _given_by_name(variants[same]):
                variants[same] = crew
    kept = [crew for variants in alike.values() for crew in variants]
    full = {id(crew.origin) for crew in kept if listed_by(crew.fields.get("tasks"))}
    return [crew for crew in kept if id(crew.origin) not in full or listed_by(crew.fields.get("tasks")) != []]


def _say_several(first: Definition, other: Definition, reading: Reading) -> None:
    """Says that a crew is made with several values of its inputs, of which one is their default."""
    if _values_of(first) != _values_of(other):
        message = "This crew is made for several values; the first are the defaults here. Launch the others as a batch."
        reading.report.info(first.place, message)


def _values_of(crew: Definition) -> list[Value]:
    """What is known of the inputs in its texts."""
    parts = (part for text in _texts_of(crew) for part in (text.computed if isinstance(text, Text) else (text,)))
    known = (settled(part) for part in parts if isinstance(part, Unknown))
    return [value for value in known if isinstance(value, Text | Constant)]


def _texts_of(crew: Definition) -> list[Value]:
    """The texts of a crew's tasks and agents, and how it goes about its tasks."""
    parts = [settled(part) for name in ("tasks", "agents") for part in listed_by(crew.fields.get(name)) or []]
    fields = [part.fields for part in parts if isinstance(part, Definition)]
    texts = [part[name].value for part in fields for name in _TEXTS if name in part]
    return [*texts, *(crew.fields[name].value for name in ("process",) if name in crew.fields)]


def _shape_of(crew: Definition, reading: Reading) -> list[object]:
    """The texts without the names of what only a run shows."""
    texts = _texts_of(crew)
    reading.budget.pay_looking(sum(len(text.template) for text in texts if isinstance(text, Text)))
    return [_shape(text) for text in texts]


def _shape(text: Value) -> object:
    if isinstance(text, Unknown | Secret):
        return "{}"
    if not isinstance(text, Text):
        return text
    marks = {part.mark for part in text.computed}
    return _MARK.sub(lambda mark: "{}" if mark[0] in marks else mark[0], text.template)


def _given_by_name(crew: Definition) -> tuple[bool, int]:
    """Whether the crew is run with inputs, and how many of them its texts name."""
    given = settled(crew.fields["inputs"].value) if "inputs" in crew.fields else None
    names = set(given.fields) if isinstance(given, Mapping) else set()
    parts = (part for text in _texts_of(crew) for part in (text.computed if isinstance(text, Text) else (text,)))
    return given is not None, len(names & {part.label for part in parts if isinstance(part, Unknown | Secret)})
