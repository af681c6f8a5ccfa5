"""Form fields that Django lacks: JSON as text, comma-separated lists, check boxes that keep unknown values."""

from __future__ import annotations

import json
from collections.abc import Iterable
from typing import Any

from django import forms

from agents_app.form_fields import Lines, lines
from engine import strict_json
from engine.strict_json import JsonFault


def long_text(rows: int) -> Lines:
    """A text that grows with what is typed."""
    return lines(rows, "grows")


class JsonField(forms.CharField):
    """JSON typed as text, of one ``kind``: dict or list. A fault is reported with its line and column."""

    MAX_CHARS = 1_000_000

    def __init__(self, *, kind: type, rows: int = 4, **options: Any) -> None:
        self._kind = kind
        super().__init__(required=False, max_length=self.MAX_CHARS, widget=lines(rows, "code"), **options)

    def clean(self, value: Any) -> Any:
        text = super().clean(value).strip()
        if not text:
            return None
        try:
            data = strict_json.read(text)
        except JsonFault as fault:
            raise forms.ValidationError(f"This JSON cannot be read: {fault}.") from fault
        if not isinstance(data, self._kind):
            raise forms.ValidationError("A JSON object is needed." if self._kind is dict else "A JSON list is needed.")
        return data

    def prepare_value(self, value: Any) -> Any:
        return json.dumps(value, indent=2, ensure_ascii=False) if isinstance(value, (dict, list)) else value

    def has_changed(self, initial: Any, data: Any) -> bool:
        return _differs(self, initial or None, data)


class CommaField(forms.CharField):
    """A list of short texts, separated by commas."""

    def __init__(self, **options: Any) -> None:
        super().__init__(required=False, max_length=1000, **options)

    def clean(self, value: Any) -> Any:
        return tuple(part.strip() for part in super().clean(value).split(",") if part.strip())

    def prepare_value(self, value: Any) -> Any:
        return ", ".join(value) if isinstance(value, (tuple, list)) else value

    def has_changed(self, initial: Any, data: Any) -> bool:
        return _differs(self, tuple(initial or ()), data)


class ChosenOf(forms.MultipleChoiceField):
    """Check boxes. A chosen value that is no longer known stays among them, so that it can be seen and unchecked."""

    def __init__(self, **options: Any) -> None:
        super().__init__(required=False, widget=forms.CheckboxSelectMultiple, **options)

    def offer(self, choices: Iterable[tuple[str, str]], *, chosen: Iterable[str]) -> None:
        """Offers these choices, and whatever else is chosen now."""
        known = dict(choices)
        self.choices = [*known.items(), *((value, f"{value} (unknown)") for value in chosen if value not in known)]


def _differs(field: forms.Field, initial: Any, data: Any) -> bool:
    """Whether the typed text stands for another value than ``initial``, however it is written."""
    try:
        return bool(field.clean(data or "") != initial)
    except forms.ValidationError:
        return True
