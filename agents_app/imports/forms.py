"""What people paste or upload to import crews, and which of the previewed crews they keep."""

from __future__ import annotations

import json
from dataclasses import replace
from typing import Any

from django import forms
from django.http import QueryDict

from agents_app.form_fields import FilesField, lines
from agents_app.formats import ImportedCrew
from agents_app.imports.apart import crew_as_json, crew_of_json
from agents_app.imports.uploads import MAX_UPLOAD_BYTES, MAX_UPLOADS
from agents_app.spec_json import typed_spec
from engine import strict_json
from engine.spec.crew_spec import MAX_NAME_CHARS

MAX_CREWS = 100
MAX_SHOWN = 20
"""Remarks and tools of a crew that a preview's form carries on, in case that it has to be shown again."""


class ImportForm(forms.Form):
    """Pasted text, or files; if there are files, the text is ignored."""

    source = forms.CharField(required=False, max_length=2_000_000, strip=False, widget=lines(20, "code"))
    uploads = FilesField(
        required=False,
        label="Or files",
        max_files=MAX_UPLOADS,
        max_bytes=MAX_UPLOAD_BYTES,
        too_large="The files are larger than 5 MB together. Leave out what is no source.",
        help_text="Several files, a zip archive or a whole folder: Python, YAML, JSON, notebooks. Or drop them here.",
    )


class KeptCrew:
    """One crew of a preview as its form carries it: what is known of it, its name, and whether it is ticked."""

    def __init__(self, number: int, crew: ImportedCrew, *, name: str, ticked: bool) -> None:
        self.number = number
        self.crew = crew
        self.name = name
        self.ticked = ticked
        self.fault = ""

    @property
    def about(self) -> str:
        """For the form's hidden field, beside the spec: the beginning of long lists, since forms have a limit."""
        tools = tuple(replace(tool, by=tool.by[:MAX_SHOWN]) for tool in self.crew.tools[:MAX_SHOWN])
        crew = replace(self.crew, tools=tools, report=self.crew.report[:MAX_SHOWN])
        return json.dumps({**crew_as_json(crew), "spec": None}, ensure_ascii=False)

    @property
    def spec_json(self) -> str:
        return json.dumps(self.crew.spec.to_json(), ensure_ascii=False)


def previewed(crews: tuple[ImportedCrew, ...]) -> list[KeptCrew]:
    """The crews of a source, ticked if they are meant."""
    return [KeptCrew(n, crew, name=crew.spec.name, ticked=crew.meant) for n, crew in enumerate(crews)]


def posted(data: QueryDict) -> list[KeptCrew]:
    """The crews that a preview's form brings back. Raises ``ValueError`` for what no such form sends."""
    ticked = set(data.getlist("crew"))
    kept: list[KeptCrew] = []
    for number in range(MAX_CREWS):
        text = data.get(f"spec-{number}")
        if text is None:
            break
        name = " ".join(data.get(f"name-{number}", "").split())[:MAX_NAME_CHARS]
        crew = _with_spec(data.get(f"about-{number}", "") or "{}", text)
        kept.append(KeptCrew(number, crew, name=name or crew.spec.name, ticked=str(number) in ticked))
    if not kept:
        raise ValueError("There was nothing to save: read the source again.")
    return kept


def _with_spec(about: str, spec: str) -> ImportedCrew:
    """The crew; what is said of it is left out if it is not as we wrote it."""
    read = typed_spec(spec)
    try:
        data: dict[str, Any] = strict_json.read(about)
        return replace(crew_of_json(data | {"spec": {"name": "x"}}), spec=read)
    except (ValueError, TypeError, KeyError, AttributeError, OverflowError):
        return ImportedCrew(read)
