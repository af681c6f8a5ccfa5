"""A template as a file: our JSON of a crew with what is said of it, to be taken in by another installation.

The file is a crew too: wherever a crew is imported it is read, without what is said of it.
"""

from __future__ import annotations

import json
from typing import Any

from pydantic import BaseModel, ConfigDict, Field, ValidationError

from agents_app.gallery.texts import TemplateTexts
from agents_app.models import CrewVersion, Template
from agents_app.spec_json import json_fault
from engine import strict_json
from engine.spec.crew_spec import CrewSpec
from teams.refusals import Invalid

FORMAT = "crewsite.template.v1"
MAX_CHARS = 2_000_000


class _File(BaseModel):
    model_config = ConfigDict(extra="forbid", strict=True)

    format: str
    title: str
    description: str = ""
    tags: list[str] = Field(default_factory=list)
    examples: dict[str, str] = Field(default_factory=dict)
    spec: dict[str, Any]


def written(template: Template, version: CrewVersion) -> str:
    """The file's text."""
    texts = {"title": template.title, "description": template.description}
    rest = {"tags": template.tags, "examples": template.examples, "spec": version.spec}
    return json.dumps({"format": FORMAT, **texts, **rest}, ensure_ascii=False, indent=2) + "\n"


def read(text: str) -> tuple[TemplateTexts, CrewSpec]:
    """What such a file says; of a crew's JSON alone its name is the title. Nothing is fetched, and nothing is run.

    Raises ``Invalid``.
    """
    if len(text) > MAX_CHARS:
        raise _refused(f"The text is longer than {MAX_CHARS:,} characters.")
    try:
        data = strict_json.read(text)
        if not isinstance(data, dict):
            raise _refused("This is not a template: an object with `title` and `spec` is needed.")
        if "format" not in data and "agents" in data:
            spec = CrewSpec.from_json(data)
            return TemplateTexts(spec.name, spec.description), spec
        file = _File.model_validate(data)
        if file.format != FORMAT:
            raise _refused(f"This is no template that can be read here: its format is not {FORMAT!r}.")
        texts = TemplateTexts(file.title, file.description, tuple(file.tags), file.examples)
        return texts, CrewSpec.from_json(file.spec)
    except ValidationError as error:
        raise _refused(json_fault(error).replace("not a crew", "not a template", 1)) from error
    except ValueError as error:
        raise _refused(json_fault(error)) from error


def _refused(why: str) -> Invalid:
    return Invalid(why, fields={"source": why}, code="unreadable_template")
