"""What people type about a version."""

from __future__ import annotations

from django import forms

from agents_app.versions.actions import MAX_NOTE_CHARS


class NoteForm(forms.Form):
    """The message of a version: what changed, and why."""

    note = forms.CharField(required=False, max_length=MAX_NOTE_CHARS, label="Message")
