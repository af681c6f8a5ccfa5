"""What people say of a template when they share it, checked: title, description, tags and example inputs."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field

from engine.spec.crew_spec import CrewSpec
from engine.spec.placeholders import placeholders
from engine.text import is_storable
from teams.refusals import Invalid

MAX_TITLE_CHARS = 200
MAX_DESCRIPTION_CHARS = 5_000
MAX_TAGS = 10
MAX_TAG_CHARS = 40
MAX_EXAMPLE_CHARS = 20_000
NO_TEXT = "It holds a character that is none."


@dataclass(frozen=True, slots=True)
class TemplateTexts:
    """``examples``: inputs to try it with, name to text."""

    title: str
    description: str = ""
    tags: tuple[str, ...] = ()
    examples: Mapping[str, str] = field(default_factory=dict)


def checked(texts: TemplateTexts, spec: CrewSpec) -> TemplateTexts:
    """As they are kept: title on one line, tags in small letters and once, examples of inputs that the crew takes.

    Raises ``Invalid`` with each fault at its field.
    """
    title, tags = " ".join(texts.title.split()), tidy_tags(texts.tags)
    names = placeholders(spec)
    faults = {
        "title": _fault(title, MAX_TITLE_CHARS) if title else "Give the template a title.",
        "description": _fault(texts.description, MAX_DESCRIPTION_CHARS),
        "tags": _fault_of_tags(tags),
        **{f"examples.{name}": _fault_of_example(name, text, names) for name, text in texts.examples.items()},
    }
    if fields := {name: fault for name, fault in faults.items() if fault}:
        raise Invalid(f"The template was not shared. {next(iter(fields.values()))}", fields=fields)
    examples = {name: texts.examples[name] for name in names if texts.examples.get(name)}
    return TemplateTexts(title, texts.description.strip(), tags, examples)


def tidy_tags(tags: Iterable[str]) -> tuple[str, ...]:
    return tuple(dict.fromkeys(tag for text in tags if (tag := " ".join(text.split()).lower())))


def _fault(text: str, most: int) -> str:
    if not is_storable(text):
        return NO_TEXT
    return f"At most {most:,} characters; here are {len(text):,}." if len(text) > most else ""


def _fault_of_tags(tags: tuple[str, ...]) -> str:
    if len(tags) > MAX_TAGS:
        return f"At most {MAX_TAGS} tags; here are {len(tags)}."
    if any("," in tag for tag in tags):
        return "A tag holds no comma."
    return next(filter(None, (_fault(tag, MAX_TAG_CHARS) for tag in tags)), "")


def _fault_of_example(name: str, text: str, names: tuple[str, ...]) -> str:
    return _fault(text, MAX_EXAMPLE_CHARS) if name in names else "The crew takes no input of this name."
