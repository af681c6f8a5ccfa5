"""What people type about templates. ``agents_app.gallery`` decides what does."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from django import forms

from agents_app.form_fields import TextFilesField, lines
from agents_app.gallery.template_file import MAX_CHARS
from agents_app.gallery.texts import MAX_DESCRIPTION_CHARS, MAX_EXAMPLE_CHARS, MAX_TITLE_CHARS, TemplateTexts
from engine.spec.crew_spec import CrewSpec
from engine.spec.placeholders import placeholders

EXAMPLE = "examples."


class ShareForm(forms.Form):
    """Title, description, tags, and a text for each input that the crew takes."""

    title = forms.CharField(max_length=MAX_TITLE_CHARS)
    description = forms.CharField(
        required=False,
        max_length=MAX_DESCRIPTION_CHARS,
        widget=lines(4, "grows"),
        help_text="What it is good for, and what it is not.",
    )
    tags = forms.CharField(required=False, max_length=600, help_text="With commas between them.")
    revision = forms.IntegerField(min_value=0, widget=forms.HiddenInput)

    def __init__(self, data: Mapping[str, Any] | None, *, spec: CrewSpec, begin: TemplateTexts, revision: int) -> None:
        initial = {
            "title": begin.title,
            "description": begin.description,
            "tags": ", ".join(begin.tags),
            "revision": revision,
        }
        super().__init__(data, initial=initial)
        self.input_names = placeholders(spec)
        for name in self.input_names:
            text = begin.examples.get(name, "")
            self.fields[f"{EXAMPLE}{name}"] = forms.CharField(
                required=False,
                label=name,
                initial=text,
                max_length=MAX_EXAMPLE_CHARS,
                widget=lines(min(8, 1 + text.count("\n")), "grows"),
                strip=False,
            )

    @property
    def examples(self) -> list[forms.BoundField]:
        return [self[f"{EXAMPLE}{name}"] for name in self.input_names]

    def texts(self) -> TemplateTexts:
        typed = self.cleaned_data
        return TemplateTexts(
            title=typed["title"],
            description=typed["description"],
            tags=tuple(typed["tags"].split(",")),
            examples={name: typed[f"{EXAMPLE}{name}"] for name in self.input_names},
        )


class TakeInForm(forms.Form):
    """A template's file, or its text."""

    source = forms.CharField(
        required=False, max_length=MAX_CHARS, strip=False, widget=lines(14, "code"), label="The file’s text"
    )
    upload = TextFilesField(required=False, label="Or the file")

    def clean(self) -> dict[str, Any]:
        given: dict[str, Any] = super().clean() or {}
        files = given.get("upload") or ()
        if len(files) > 1:
            self.add_error("upload", "One file at a time.")
        if not files and not (given.get("source") or "").strip():
            self.add_error("source", "Paste the text, or choose the file.")
        return given

    def text(self) -> str:
        """Of a form that was found valid: a file before what was pasted."""
        source: str = next(iter(self.cleaned_data["upload"].values()), self.cleaned_data["source"])
        return source
