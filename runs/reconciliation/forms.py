"""What people type about exports: the files, what their columns are, and whose their keys are."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from django import forms

from agents_app.form_fields import FilesField
from runs.reconciliation.actions import (
    MAX_BYTES_AT_ONCE,
    MAX_EXPORT_BYTES,
    MODEL_PROVIDERS,
    ExportChoice,
)
from runs.reconciliation.reading.apart import ONCE, TWICE, Preview
from runs.reconciliation.reading.chosen import APART, CENTS, DOLLARS, HINTS

MEANINGS = {
    "day": "Day",
    "model": "Model",
    "key": "Key",
    "cost": "Cost",
    "prompt": "Prompt tokens",
    "cached": "Cached tokens",
    "cache_write": "Tokens written to the cache",
    "completion": "Answer tokens",
    "requests": "Requests",
}
PROVIDER_CHOICES = [("", "As the file says, or of all keys"), *MODEL_PROVIDERS.items()]
MARKS = [("", "As the figures tell"), (".", "A point: 1,234.56"), (",", "A comma: 1.234,56")]
ORDERS = [("", "As the days tell"), ("dmy", "Day first: 31/12/2026"), ("mdy", "Month first: 12/31/2026")]
DOUBLED = [("", "Refuse the file"), (ONCE, "They count once"), (TWICE, "Each of them counts")]


class WritingForm(forms.Form):
    """How the files are written; all of it may be left to them."""

    provider = forms.ChoiceField(
        choices=PROVIDER_CHOICES,
        required=False,
        help_text="Whose bill it is. OpenAI's and Anthropic's own exports say so.",
    )
    mark = forms.ChoiceField(choices=MARKS, required=False, label="Before decimals stands")
    order = forms.ChoiceField(choices=ORDERS, required=False, label="Days are written")
    doubled = forms.ChoiceField(choices=DOUBLED, required=False, label="Rows that stand twice word for word")

    def choice(self) -> ExportChoice:
        return ExportChoice(**{name: self.cleaned_data[name] for name in ("provider", "mark", "order", "doubled")})


class UploadForm(WritingForm):
    """Files of one provider."""

    uploads = FilesField(
        label="Export",
        max_bytes=MAX_BYTES_AT_ONCE,
        too_large="The files are larger than 9 MB together. Export by day, or fewer days at once.",
        allow_empty_file=True,
        help_text="CSV or JSON of at most 3 MB each. Usage and costs of the same days may come together.",
    )

    def exports(self) -> list[tuple[str, bytes]]:
        """One byte too many is enough to be refused."""
        return [(file.name or "", file.read(MAX_EXPORT_BYTES + 1)) for file in self.cleaned_data["uploads"]]


class ColumnsForm(WritingForm):
    """Which column of a table says what. The table comes back with the form, so that nothing is kept before."""

    name = forms.CharField(required=False, max_length=200, widget=forms.HiddenInput)
    text = forms.CharField(strip=False, widget=forms.HiddenInput)
    amounts_in = forms.ChoiceField(
        choices=[(DOLLARS, "US dollars"), (CENTS, "Cents")], required=False, label="Costs are in"
    )
    cached_tokens = forms.ChoiceField(
        choices=[("", "Part of the prompt tokens"), (APART, "Counted beside them")],
        required=False,
        label="Cached tokens are",
    )

    def __init__(self, *args: Any, head: list[str] | None = None, **options: Any) -> None:
        super().__init__(*args, **options)
        if head is None:
            head = ["?"] * 100  # any place is taken, and looked at when the file is read
        places = [("", "–"), *((str(place), f"{place + 1}: {name}") for place, name in enumerate(head))]
        for meaning, title in MEANINGS.items():
            self.fields[column_of(meaning)] = forms.ChoiceField(choices=places, required=False, label=title)

    @property
    def columns(self) -> list[forms.BoundField]:
        return [self[column_of(meaning)] for meaning in MEANINGS]

    def choice(self) -> ExportChoice:
        typed = {meaning: self.cleaned_data[column_of(meaning)] for meaning in HINTS}
        columns = {meaning: int(place) for meaning, place in typed.items() if place}
        names = ("provider", "mark", "order", "doubled", "amounts_in", "cached_tokens")
        return ExportChoice(columns=columns, **{name: self.cleaned_data[name] for name in names})

    def exports(self) -> list[tuple[str, bytes]]:
        return [(self.cleaned_data["name"], self.cleaned_data["text"].encode("utf-8", "replace"))]


def column_of(meaning: str) -> str:
    """The name of the field."""
    return f"column_{meaning}"


def columns_form(preview: Preview, text: str, name: str, choice: ExportChoice) -> ColumnsForm:
    """To be filled in: with what names tell, or with what was chosen."""
    columns: Mapping[str, int] = preview.proposed
    typed = {field: getattr(choice, field) for field in ("provider", "mark", "order", "doubled", "amounts_in")}
    initial = typed | {"cached_tokens": choice.cached_tokens, "text": text, "name": name}
    places = {column_of(meaning): str(place) for meaning, place in columns.items()}
    return ColumnsForm(initial=initial | places, head=list(preview.head))
