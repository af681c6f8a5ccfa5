"""What every form of the editor shares: the revision that an edit starts from."""

from __future__ import annotations

from collections import defaultdict
from typing import Any

from django import forms

from engine.spec.validate import Complaint

KEY_HELP = "What others call it: a–z, 0–9, _"


class EditForm(forms.Form):
    """Every edit says which revision of the draft it started from.

    ``complaints`` and ``saved_meanwhile``, by field, are for the page to show.
    """

    revision = forms.IntegerField(widget=forms.HiddenInput)

    def __init__(self, *args: Any, **options: Any) -> None:
        super().__init__(*args, **options)
        self.complaints: defaultdict[str, list[Complaint]] = defaultdict(list)
        self.saved_meanwhile: dict[str, Any] = {}
