"""Our ``{placeholders}`` as CrewAI reads them: the inverse of ``engine.crewai.texts``.

CrewAI has no way to write ``{name}`` as plain text. Such a text gets an input whose value is ``{name}``: what the model
reads is the same. An input whose name CrewAI would not know gets another name.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field
from unicodedata import normalize

from agents_app.writers.identifiers import snake_name
from agents_app.writers.remarks import Remarks
from engine.crewai.texts import NAME
from engine.spec.crew_spec import CrewSpec
from engine.spec.placeholders import BRACED, names_in, placeholders, with_braces


@dataclass(slots=True)
class Inputs:
    """A crew's inputs under CrewAI's names. ``renamed``: ours to theirs; ``spelled``: inputs that only spell braces."""

    known: dict[str, str]
    names: tuple[str, ...]
    remarks: Remarks
    renamed: dict[str, str] = field(default_factory=dict)
    spelled: dict[str, str] = field(default_factory=dict)
    _stand_ins: dict[str, str] = field(default_factory=dict)
    _numbers: dict[str, int] = field(default_factory=dict)

    def text(self, text: str, path: str) -> str:
        """A text of an agent or a task as CrewAI has to read it."""

        def theirs(name: str, braces: int) -> str:
            if braces % 2:
                return _braced(self.renamed.get(normalize("NFC", name), name), braces // 2 + 1)
            return self._plain(name, braces // 2, path)

        return with_braces(text, theirs)

    def _plain(self, name: str, braces: int, path: str) -> str:
        """``{{name}}`` of ours: a name that stands in braces and is no input."""
        if not NAME.fullmatch(name):
            return _braced(name, braces)
        stand_in = self._stand_ins.get(name) or self._new_stand_in(name)
        message = f"CrewAI takes every {{{name}}} for an input: the input {stand_in} puts the braces back."
        self.remarks.warn(path, message)
        return _braced(stand_in, braces)

    def _new_stand_in(self, name: str) -> str:
        """An input that spells this name in braces. Names that differ in case alone, say, get one each."""
        stem = f"{snake_name(name, fallback='text')}_in_braces"
        number, free = self._numbers.get(stem, 1), stem
        while free in self.spelled or free in self.names or free in self.renamed.values():
            number += 1
            free = f"{stem}_{number}"
        self._numbers[stem], self._stand_ins[name], self.spelled[free] = number, free, f"{{{name}}}"
        return free

    def values(self) -> dict[str, str | None]:
        """What kickoff needs, by CrewAI's names: the value, None where whoever runs it has to give one."""
        given = {self.renamed.get(name, name): self.known.get(name) for name in self.names}
        unused = {name: value for name, value in self.known.items() if name not in self.names}
        return {**given, **self.spelled, **{name: value for name, value in unused.items() if name not in given}}


def inputs_of(spec: CrewSpec, remarks: Remarks) -> Inputs:
    """The inputs that a crew takes, renamed where CrewAI would not know them, or take plain text for them."""
    known = {normalize("NFC", name): value for name, value in spec.inputs.items()}
    names = placeholders(spec)
    inputs = Inputs(known, names, remarks)
    plain = {name for text in _texts(spec) for name in _plain_names(text)}
    kept = {name for name in names if NAME.fullmatch(name) and name not in plain}
    taken = kept | plain
    for name in names:
        if name not in kept:
            inputs.renamed[name] = _free(snake_name(name, fallback="input"), taken)
            taken.add(inputs.renamed[name])
            why = f"{{{name}}} stands as plain text too" if name in plain else "CrewAI knows ASCII alone in inputs"
            remarks.warn(f"inputs.{name}", f"{why}: the input is {{{inputs.renamed[name]}}} there.")
    return inputs


def _texts(spec: CrewSpec) -> Iterator[str]:
    for agent in spec.agents:
        yield from (agent.role, agent.goal, agent.backstory)
    for task in spec.tasks:
        yield from (task.description, task.expected_output, task.name)


def _plain_names(text: str) -> Iterator[str]:
    """Names in braces that are plain text here, and inputs to CrewAI."""
    for opened, name, closed in BRACED.findall(text):
        if min(len(opened), len(closed)) % 2 == 0 and NAME.fullmatch(name):
            yield name


def holds_inputs(text: str) -> bool:
    return bool(names_in(text))


def _free(name: str, taken: Iterable[str]) -> str:
    number, free, others = 1, name, set(taken)
    while free in others:
        number += 1
        free = f"{name}_{number}"
    return free


def _braced(text: str, braces: int) -> str:
    return f"{'{' * braces}{text}{'}' * braces}"
