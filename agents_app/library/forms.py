"""What people type where an agent of a crew is kept in the library, or given back to it."""

from __future__ import annotations

from collections.abc import Iterable, Mapping

from django import forms

from agents_app.library.texts import MAX_NOTE_CHARS
from agents_app.models import LibraryAgent
from engine.spec.crew_spec import MAX_NAME_CHARS


def name_field() -> forms.CharField:
    return forms.CharField(
        max_length=MAX_NAME_CHARS, label="Name in the library", help_text="Once in the team; crews do not see it."
    )


def note_field() -> forms.CharField:
    return forms.CharField(
        required=False, max_length=MAX_NOTE_CHARS, label="What is it for, or what changed", help_text="For its history."
    )


class KeepForm(forms.Form):
    """An agent of a crew as a new one of the library."""

    revision = forms.IntegerField(widget=forms.HiddenInput)
    name = name_field()
    note = note_field()

    def __init__(self, data: Mapping[str, str] | None = None, *, revision: int, name: str) -> None:
        super().__init__(data, initial={"revision": revision, "name": name})


class LinkForm(forms.Form):
    """Which agent of the library one of a crew comes from."""

    MAX_CHOICES = 500

    revision = forms.IntegerField(widget=forms.HiddenInput)
    agent = forms.ChoiceField(label="Agent of the library")

    def __init__(self, *, revision: int, agents: Iterable[LibraryAgent]) -> None:
        super().__init__(initial={"revision": revision}, auto_id="id_link_%s")
        self.fields["agent"].choices = [(agent.pk, agent.name) for agent in agents]  # type: ignore[attr-defined]
