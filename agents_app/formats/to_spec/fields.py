"""Turns a source's values into what a spec's fields can hold, and reports what does not fit."""

from __future__ import annotations

import math
from dataclasses import dataclass, field
from typing import Any, TypeVar

from pydantic import ValidationError

from agents_app.formats.budget import Budget
from agents_app.formats.report import NOWHERE, Place, Report, ToolUse, Understood
from agents_app.formats.to_spec.absent import AbsentModules
from agents_app.formats.to_spec.input_names import InputNames
from agents_app.formats.to_spec.values import (
    Constant,
    Definition,
    Field,
    Items,
    Mapping,
    Missing,
    Outside,
    Secret,
    Text,
    Unknown,
    Value,
    literal_text,
    settled,
    size_of,
    unmarked,
)
from engine.crewai.texts import from_crewai
from engine.spec.crew_spec import UNSTORABLE, Spec, unstorable
from engine.spec.placeholders import lost, why_lost

S = TypeVar("S", bound=Spec)


@dataclass(slots=True)
class Tally:
    """What one crew has, and how much of it was lost. ``absent_texts`` are not in the source. ``tools``: by name."""

    texts: int = 0
    lost_texts: int = 0
    absent_texts: int = 0
    members: dict[str, int] = field(default_factory=lambda: {"agent": 0, "task": 0})
    lost_members: dict[str, int] = field(default_factory=lambda: {"agent": 0, "task": 0})
    tools: dict[str, ToolUse] = field(default_factory=dict)
    tool_uses: int = 0
    lost_tool_uses: int = 0

    @property
    def understood(self) -> Understood:
        def share(kind: str) -> tuple[int, int]:
            return max(0, self.members[kind] - self.lost_members[kind]), self.members[kind]

        texts, tools = self.texts - self.lost_texts, self.tool_uses - self.lost_tool_uses
        return Understood(
            share("agent"), share("task"), (texts, self.texts + self.absent_texts), (tools, self.tool_uses)
        )


@dataclass(slots=True)
class Reading:
    """One import: its report, its budget, and each input's default. ``default_models``: the models for agents that name
    none, by the file that sets them; ``crew_file``: where the crew is made that is read; ``absent``: modules that were
    not given."""

    report: Report
    budget: Budget = field(default_factory=Budget)
    default_models: dict[str, str] = field(default_factory=dict)
    crew_file: str = ""
    defaults: dict[str, str] = field(default_factory=dict)
    tally: Tally = field(default_factory=Tally)
    input_names: InputNames = field(default_factory=InputNames)
    absent: AbsentModules = field(default_factory=AbsentModules)

    def of_crew(self, file: str = "") -> Reading:
        """For one of several crews: the same budget, and a report and a tally of its own."""
        return Reading(Report(), self.budget, self.default_models, file, absent=self.absent)

    def default_model(self, file: str) -> str:
        """The model of an agent of this file that names none; "" if the source sets none for such."""
        models = self.default_models
        return models.get(file) or models.get(self.crew_file) or next(reversed(models.values()), "")


def pay_names(fields: dict[str, Field], reading: Reading) -> None:
    """Pays for going through fields and saying their names."""
    reading.budget.pay_elements(len(fields))
    reading.budget.pay_chars(sum(map(len, fields)))


def text_of(field: Field | None, reading: Reading, *, what: str) -> str:
    """A field as text, "" if it is not given. What only a run would show becomes a placeholder."""
    if field is None:
        return ""
    reading.budget.at(field.place)
    text = as_text(field.value, reading, place=field.place, what=what).strip()
    return from_crewai(text, {reading.input_names.of(part) for part in _computed_in(field.value)})


def required_text(fields: dict[str, Field], name: str, reading: Reading, *, owner: str) -> str:
    """A text that a part of a crew needs. If it is in a file that is not there, or is no text, a mark takes its place.

    A text that the source itself leaves out is empty.
    """
    given = fields.get(name)
    text = text_of(given, reading, what=f"{owner}, {name}")
    value = settled(given.value) if given else None
    config = settled(fields["config"].value) if "config" in fields else None
    missing = value if isinstance(value, Missing) else config if given is None and config is not None else None
    if isinstance(missing, Missing):
        text = lost(f"{name}, {missing.why}")
    elif missing is not None:
        text = lost(f"{name}, which code puts together")
    elif value is not None and not text and (origin := reading.absent.origin(value)):
        text = lost(f"{name}, {origin.words}")
    elif given is not None and not text and not isinstance(value, Text | Constant):
        text = lost(f"{name}, which is not a text in the source")
    reading.tally.texts += given is not None or missing is not None
    reading.tally.lost_texts += bool(why_lost(text))
    return text


def _computed_in(value: Value) -> tuple[Unknown | Secret, ...]:
    if isinstance(value, Text):
        return value.computed
    return (value,) if isinstance(value, Unknown | Secret) else ()


def as_text(value: Value, reading: Reading, *, place: Place, what: str) -> str:
    """A value as text; ``what`` names the field in remarks."""
    reading.budget.pay_elements(size_of(value))
    if isinstance(value, Text):
        reading.budget.pay_chars(len(value.template) + sum(len(part.label) for part in value.computed))
        reading.budget.pay_elements(2 * len(value.computed))  # each is named and spoken of
        for part in value.computed:
            _note_computed(part, reading, place=place, what=what, part_of=value)
        return unmarked(value.template, reading.input_names.of_mark)
    if isinstance(value, Constant):
        return value.raw or ("" if value.value is None else str(value.value))
    if isinstance(value, Items):
        return "\n".join(as_text(item, reading, place=place, what=what) for item in value.items)
    if isinstance(value, Mapping):
        parts = ((key, as_text(part.value, reading, place=place, what=what)) for key, part in value.fields.items())
        return "\n".join(f"{key}: {text}" for key, text in parts)
    if isinstance(value, Unknown | Secret):
        _note_computed(value, reading, place=place, what=what)
        return f"{{{reading.input_names.of(value)}}}"
    if origin := reading.absent.origin(value):
        reading.absent.say(origin, reading.report, _owned(what))
    else:
        reading.report.warn(place, f"{what} is not a text in the source; write it after the import.")
    return ""


def _owned(what: str) -> str:
    """``Agent cook, goal`` as ``goal of agent cook``."""
    owner, _, name = what.rpartition(", ")
    return f"{name} of {owner[:1].lower()}{owner[1:]}" if owner else name


def _note_computed(
    part: Unknown | Secret, reading: Reading, *, place: Place, what: str, part_of: Text | None = None
) -> None:
    name = reading.input_names.of(part)
    if isinstance(part, Secret):
        message = f"{what} reads {part.name} from the environment; it became the input {{{name}}}."
        reading.report.warn(place, message)
        _keep_default(name, part.fallback, reading)
        return
    if isinstance(part, Missing):
        if part_of is None:
            if not say_not_given(part.why, reading, place=place, what=_owned(what)):
                reading.report.warn(place, f"{what} is missing: {part.why}.")
        else:
            message = f"{what} has a part that is missing: {part.why}; it became the input {{{name}}}."
            reading.report.warn(place, message)
        return
    origin = reading.absent.origin(part) if "(" not in part.source else None
    if origin:
        reading.report.warn(place, f"{what} holds {origin.words}; it became the input {{{name}}}.")
    elif part.changed_by:
        message = f"{what} holds `{part.source}`, which `{part.changed_by}` may change when the code runs; it became"
        reading.report.warn(place, f"{message} the input {{{name}}}.")
    elif part.source:
        message = f"{what} holds `{part.source}`, which only running the code would compute; it became the input "
        reading.report.warn(place, f"{message}{{{name}}}.")
    elif not part.defined:
        message = f"{what} uses `{part.label}`, which this source does not define; it became the input {{{name}}}."
        reading.report.warn(place, message)
    _keep_default(name, part.known, reading)


def say_not_given(why: str, reading: Reading, *, place: Place, what: str) -> bool:
    """Says once of a file that was not given what should have come from it; whether that is the matter."""
    is_file = why.endswith("was not given")
    if is_file:
        message = f"{why}: import it too, or fill in what comes from it ({{items}})."
        reading.report.gather(message, place=place, item=what, level="warning")
    return is_file


def _keep_default(label: str, value: Value | None, reading: Reading) -> None:
    default = plain_text(settled(value), reading.budget) if value is not None else None
    if default is not None:
        reading.defaults.setdefault(label, default)


def plain_text(value: Value | None, budget: Budget) -> str | None:
    """A literal as the text of an input; None if any part of it is not literal."""
    if isinstance(value, Text):
        return literal_text(value, budget)
    if isinstance(value, Constant) and value.value is not None:
        return value.raw or str(value.value)
    if isinstance(value, Items):
        budget.pay_elements(len(value.items))
        parts = [plain_text(item, budget) for item in value.items]
        known = [part for part in parts if part is not None]
        budget.pay_chars(sum(len(part) + 2 for part in known))
        return ", ".join(known) if len(known) == len(parts) else None
    return None


def scalar_of(field: Field, reading: Reading, *, what: str) -> Any:
    """A number, flag, text or None as plain data; None with a warning if it is computed."""
    value = settled(field.value)
    if isinstance(value, Constant):
        return value.value
    text = literal_text(value, reading.budget)
    if text is not None:
        return text
    reading.report.warn(field.place, f"{what} is computed by code; its default is used.")
    return None


def data_of(value: Value, budget: Budget) -> Any:
    """A value as JSON data, which it pays for. Raises ``ValueError`` if any part is not literal, or is no JSON."""
    value = settled(value)
    if isinstance(value, Text) and (text := literal_text(value, budget)) is not None:
        budget.pay_chars(len(text))
        return text
    if isinstance(value, Constant) and not (isinstance(value.value, float) and not math.isfinite(value.value)):
        return value.value
    budget.pay_elements(size_of(value))
    if isinstance(value, Items):
        return [data_of(item, budget) for item in value.items]
    if isinstance(value, Mapping):
        budget.pay_chars(sum(map(len, value.fields)))
        return {key: data_of(part.value, budget) for key, part in value.fields.items()}
    raise ValueError("not literal")


def describe(value: Value) -> str:
    """A value in a few words, for remarks."""
    if isinstance(value, Definition | Outside):
        words = value.short
    elif isinstance(value, Unknown):
        words = value.source or value.label
    elif isinstance(value, Text):
        words = f"'{unmarked(value.template)[:60]}'"
    elif isinstance(value, Constant) and value.value is not None:
        words = f"'{value.raw or value.value}'"
    else:
        words = "a list" if isinstance(value, Items) else str(getattr(value, "name", "")) or "an expression"
    return words


def built(model: type[S], data: dict[str, Any], *, fields: dict[str, Field], report: Report, owner: str) -> S:
    """A spec from data. Each field that does not fit is reported at its place, and keeps its default."""
    while True:
        try:
            return model.model_validate(data)
        except ValidationError as error:
            bad = _bad_fields(error, data)
            if not bad.keys() & data.keys():
                raise
        for name, message in bad.items():
            place = fields[name].place if name in fields else NOWHERE
            report.warn(place, f"{owner}: {name} was left out ({_lowered(message)}).")
        data = {name: value for name, value in data.items() if name not in bad}


def _bad_fields(error: ValidationError, data: dict[str, Any]) -> dict[str, str]:
    """What is wrong by field; what cannot be stored is refused before the fields are looked at one by one."""
    bad = {name: UNSTORABLE for name, value in data.items() if unstorable(value)}
    return bad or {str(entry["loc"][0]): entry["msg"] for entry in error.errors() if entry["loc"]}


def _lowered(message: str) -> str:
    return message[:1].lower() + message[1:]
