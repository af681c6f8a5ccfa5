"""The form with which a member chooses their reports."""

from __future__ import annotations

from typing import Any

from django import forms

from runs.models import ReportKind, ReportWish


class ReportsForm(forms.Form):
    week = forms.BooleanField(required=False, label="Each Monday: the week before")
    month = forms.BooleanField(required=False, label="On the first of each month: the month before")

    def __init__(self, data: Any = None, *, wish: ReportWish | None = None) -> None:
        kept = {"week": wish is not None and wish.week_since, "month": wish is not None and wish.month_since}
        super().__init__(data, initial={name: bool(since) for name, since in kept.items()})

    def kinds(self) -> list[ReportKind]:
        """Those that were ticked."""
        return [kind for kind in ReportKind if self.cleaned_data[kind.value]]
