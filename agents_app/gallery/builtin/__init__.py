"""The built-in templates: crews that come with Crewsite, each naive and optimised, as JSON files beside this one.

A file holds ``title``, ``summary``, ``category``, ``variant`` and ``spec``. The spec's ``inputs`` are sample values, so
that a template can be tried with one click.
"""

from __future__ import annotations

import json
from dataclasses import dataclass
from functools import cache
from importlib.resources import files

from engine.spec.crew_spec import CrewSpec


@dataclass(frozen=True, slots=True)
class BuiltinTemplate:
    """A crew to copy. ``variant`` is ``naive`` or ``optimised``; ``key`` is the file's name without its ending."""

    key: str
    title: str
    summary: str
    category: str
    variant: str
    spec: CrewSpec


@cache
def templates() -> tuple[BuiltinTemplate, ...]:
    """All built-in templates in the order of their file names, so that a naive one stands before its optimised one."""
    folder = files(__package__)
    names = sorted(item.name for item in folder.iterdir() if item.name.endswith(".json"))
    return tuple(_template(name.removesuffix(".json"), (folder / name).read_text("utf-8")) for name in names)


@cache
def by_key() -> dict[str, BuiltinTemplate]:
    return {template.key: template for template in templates()}


def _template(key: str, text: str) -> BuiltinTemplate:
    data = json.loads(text)
    spec = CrewSpec.from_json(data.pop("spec"))
    return BuiltinTemplate(key=key, spec=spec, **data)
