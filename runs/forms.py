"""The launch form, built from a spec's placeholders. Whether the launch may be is decided in ``actions``."""

from __future__ import annotations

from decimal import Decimal
from typing import Any
from uuid import uuid4

from django import forms

from engine.placeholders import placeholders
from engine.spec import CrewSpec
from runs.actions import LaunchOrder
from runs.states import Priority

PREFIX = "inputs."


class LaunchForm(forms.Form):
    """A text for each placeholder, then budget, priority and whether the run is simulated."""

    budget_usd = forms.DecimalField(
        required=False,
        min_value=Decimal("0.000001"),
        decimal_places=9,
        label="Budget in USD",
        help_text="The run stops before a call that could go beyond it. Empty: none.",
    )
    priority = forms.ChoiceField(choices=Priority.choices, initial=Priority.NORMAL)
    simulated = forms.ChoiceField(choices=[], widget=forms.RadioSelect, label="Models")
    key = forms.CharField(widget=forms.HiddenInput, max_length=60)
    version = forms.IntegerField(required=False, widget=forms.HiddenInput)

    def __init__(
        self, *args: Any, spec: CrewSpec, has_keys: bool, earlier: dict[str, str] | None = None, **options: Any
    ) -> None:
        super().__init__(*args, **options)
        self.input_names = placeholders(spec)
        values = dict(spec.inputs) | (earlier or {})
        for name in self.input_names:
            value = values.get(name, "")
            widget = forms.Textarea(attrs={"rows": min(8, max(1, len(value) // 70 + value.count("\n") + 1))})
            self.fields[f"{PREFIX}{name}"] = forms.CharField(label=name, initial=value, widget=widget, strip=False)
        real = "Real: the team's providers answer, and bill" if has_keys else "Real: needs a provider key first"
        simulated = "Simulated: answers are made up here, tokens counted, nothing is spent"
        self.fields["simulated"].choices = [("no", real), ("yes", simulated)]  # type: ignore[attr-defined]
        self.fields["simulated"].initial = "no" if has_keys else "yes"
        self.fields["key"].initial = str(uuid4())

    @property
    def inputs(self) -> list[forms.BoundField]:
        return [self[f"{PREFIX}{name}"] for name in self.input_names]

    def order(self, version: Any) -> LaunchOrder:
        """What was typed, as an order."""
        typed = self.cleaned_data
        return LaunchOrder(
            inputs={name: typed[f"{PREFIX}{name}"] for name in self.input_names},
            version=version,
            budget_usd=typed["budget_usd"],
            priority=typed["priority"],
            simulated=typed["simulated"] == "yes",
        )
