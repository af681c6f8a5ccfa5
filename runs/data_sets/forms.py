"""What people type about data sets. ``runs.batches.table`` reads the table, ``actions`` decides."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from django import forms
from django.utils.text import slugify

from agents_app.form_fields import lines
from engine.text import latin
from runs.batches.order import MAX_ROWS
from runs.batches.table import MAX_BYTES, read_table, read_upload
from runs.data_sets.actions import MAX_NAME_CHARS
from runs.data_sets.rows import NewRows, of_table


class NameField(forms.CharField):
    """What is typed becomes small letters, digits and hyphens: "Leads, June" is ``leads-june``."""

    def __init__(self, **options: Any) -> None:
        hint = "In small letters, digits and hyphens: Leads, June becomes leads-june."
        super().__init__(max_length=MAX_NAME_CHARS, label="Name", help_text=hint, **options)

    def clean(self, value: Any) -> str:
        typed: str = super().clean(value)
        return slugify(latin(typed)).replace("_", "-").strip("-")


class NameForm(forms.Form):
    name = NameField()


class RowsForm(forms.Form):
    """A table, pasted or as a file."""

    table = forms.CharField(
        required=False,
        strip=False,
        label="Rows",
        widget=lines(8, "code"),
        help_text=(
            "Paste cells of a spreadsheet, CSV, JSON or JSON Lines. The first line names the columns. "
            f"At most {MAX_ROWS:,} rows and {MAX_BYTES // 1_000_000} MB."
        ),
    )
    file = forms.FileField(required=False, label="Or a file", help_text=".csv, .tsv, .txt, .json or .jsonl")

    def new_rows(self) -> tuple[NewRows, Sequence[str]]:
        """With what was guessed about the file. ``Invalid`` for what is no table. The text of a file stands in the form
        from now on."""
        text: str = self.cleaned_data["table"]
        notes: Sequence[str] = ()
        if upload := self.cleaned_data["file"]:
            text, notes = read_upload(upload.read())
            self._say("table", text)
        table = read_table(text)
        return of_table(table), [*notes, *table.notes]

    def _say(self, name: str, value: object) -> None:
        data = self.data.copy()  # type: ignore[attr-defined]
        data[name] = value
        self.data = data


class GrowForm(RowsForm):
    """``after``: the newest version when the form was made or last showed what it changes: it makes the next one."""

    after = forms.IntegerField(widget=forms.HiddenInput, min_value=1)

    def looked_at(self, number: int) -> None:
        """What the rows would change was shown against this version."""
        self._say("after", number)


class NewSetForm(RowsForm):
    name = NameField()
    field_order = ("name", "table", "file")
