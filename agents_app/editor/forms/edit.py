"""What all forms of the editor share: the revision that an edit starts from, and what the page shows at fields."""

from __future__ import annotations

from collections import defaultdict
from typing import Any

from django import forms

from engine.spec.validate import Complaint

KEY_HELP = "What others call it: a–z, 0–9, _"


class EditForm(forms.Form):
    """An edit, which names the revision of the draft that it started from.

    ``complaints`` and ``saved_meanwhile`` are by field, and shown by the page.
    """

    revision = forms.IntegerField(widget=forms.HiddenInput)

    def __init__(self, *args: Any, **options: Any) -> None:
        super().__init__(*args, **options)
        self.complaints: defaultdict[str, list[Complaint]] = defaultdict(list)
        self.saved_meanwhile: dict[str, Any] = {}
