"""What people type to launch a batch. ``table`` reads the table, ``actions`` decides what may be launched."""

from __future__ import annotations

import json
from decimal import Decimal
from typing import Any

from django import forms

from agents_app.form_fields import lines
from engine.spec.crew_spec import CrewSpec
from engine.spec.placeholders import placeholders
from runs.batches.order import MAX_CONCURRENCY, MAX_NAME_CHARS, MAX_ROWS, USUAL_CONCURRENCY, BatchOrder, Row
from runs.batches.table import MAX_BYTES
from runs.launch.forms import PREFIX, LaunchForm
from runs.limits.forms import UsdField
from runs.models import DataSetVersion
from teams.models import Team

CHOICE = "column_of_"
"""Begins the names of the fields that say which column fills an input, followed by the input's number."""


class TableForm(forms.Form):
    """A table of inputs, typed, pasted or from a file."""

    table = forms.CharField(
        required=False,
        strip=False,
        label="Inputs, a row for each run",
        widget=lines(8, "code"),
        help_text=(
            "Paste cells of a spreadsheet, CSV, JSON or JSON Lines. The first line names the columns. "
            f"At most {MAX_ROWS:,} rows and {MAX_BYTES // 1_000_000} MB."
        ),
    )
    file = forms.FileField(required=False, label="Or a file", help_text=".csv, .tsv, .txt, .json or .jsonl")

    def take_columns(self, spec: CrewSpec) -> None:
        """The columns of a table that is typed cell by cell."""
        self.fields["table"].widget.attrs["data-grid"] = json.dumps(list(placeholders(spec)))

    def show_table(self, text: str) -> None:
        """The text of the file stands in the form from now on, so that it is sent again without the file."""
        data = self.data.copy()  # type: ignore[attr-defined]
        data["table"] = text
        self.data = data


class RowsForm(TableForm):
    """Rows for a batch that there is. ``after``: how many it had when the form was made, so that a form that is sent
    twice adds its rows once."""

    after = forms.IntegerField(widget=forms.HiddenInput, min_value=0)


class BatchForm(TableForm, LaunchForm):
    """A launch's bounds for each run, and in place of its inputs a table, with the bounds of the whole."""

    name = forms.CharField(required=False, max_length=MAX_NAME_CHARS, label="Name", help_text="Empty: after the crew.")
    data_set = forms.CharField(
        required=False,
        max_length=80,
        label="Or a data set",
        help_text="Its name, with @ and a number for a version of it.",
        widget=forms.TextInput(attrs={"list": "data-sets", "autocomplete": "off"}),
    )
    max_concurrency = forms.IntegerField(
        min_value=1, max_value=MAX_CONCURRENCY, initial=USUAL_CONCURRENCY, label="Runs at once"
    )
    stop_after_failures = forms.IntegerField(
        required=False, min_value=1, max_value=MAX_ROWS, label="Pause after failures", help_text="Empty: never."
    )
    batch_budget_usd = UsdField(
        min_value=Decimal("0.000001"),
        label="Budget of the whole in USD",
        help_text="No row starts that could go beyond it. Rows that run at once share what is left of it.",
    )

    def __init__(self, *args: Any, spec: CrewSpec, team: Team, **options: Any) -> None:
        super().__init__(*args, spec=spec, team=team, **options)
        for name in self.input_names:
            del self.fields[f"{PREFIX}{name}"]
        self.input_names = ()
        self.fields["budget_usd"].label = "Budget of each run in USD"
        self.take_columns(spec)

    def clean(self) -> dict[str, Any]:
        typed = super().clean() or self.cleaned_data
        if typed.get("data_set") and (typed.get("table", "").strip() or typed.get("file")):
            self.add_error("data_set", "Give either a data set or a table.")
        return typed

    def batch_order(self, version: Any, rows: list[Row], kept: DataSetVersion | None = None) -> BatchOrder:
        """What was typed, as an order of these rows. ``kept``: the data set that they are of."""
        typed = self.cleaned_data
        return BatchOrder(
            rows=rows,
            data_set_version=kept,
            run=self.order(version),
            name=typed["name"],
            max_concurrency=typed["max_concurrency"],
            stop_after_failures=typed["stop_after_failures"],
            budget_usd=typed["batch_budget_usd"],
        )


class GoOnForm(forms.Form):
    """Other bounds with which a batch goes on; what is empty stays."""

    max_concurrency = forms.IntegerField(required=False, min_value=1, max_value=MAX_CONCURRENCY, label="Runs at once")
    stop_after_failures = forms.IntegerField(
        required=False, min_value=1, max_value=MAX_ROWS, label="Pause after failures"
    )
    budget_usd = UsdField(min_value=Decimal("0.000001"), label="Budget of the whole in USD")


def columns_chosen(spec: CrewSpec, sent: Any) -> dict[str, str]:
    """Which column each input was given on the page, as far as any was."""
    chosen = {name: sent.get(f"{CHOICE}{number}") for number, name in enumerate(placeholders(spec))}
    return {name: column for name, column in chosen.items() if column is not None}
