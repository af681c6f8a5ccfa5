"""The launch form, built from a spec's placeholders. ``actions`` decides what may be launched."""

from __future__ import annotations

from decimal import Decimal
from typing import Any
from uuid import uuid4

from django import forms
from django.conf import settings

from agents_app.form_fields import lines
from engine.record.limits import RunLimits
from engine.simulated import speed
from engine.spec.crew_spec import CrewSpec
from engine.spec.placeholders import placeholders
from runs.bounds import run_caps
from runs.launch.order import LaunchOrder
from runs.limits.forms import UsdField, at_limit_choices, run_budget_help
from runs.models import Run
from runs.money import to_usd
from runs.states import Priority
from teams.models import Team

PREFIX = "inputs."
BOUNDS = ("max_calls", "max_tokens", "max_seconds")
KINDS = [
    ("no", "Real: the team's providers answer, and bill"),
    ("yes", "Simulated: answers are made up here, tokens are counted, nothing is spent"),
]


class LaunchForm(forms.Form):
    """A text for each placeholder, then budget and other bounds, priority and whether the run is simulated.

    ``key`` is the idempotency key: a form that is sent twice launches once. ``earlier`` is a run to launch again: its
    inputs and bounds are taken over.
    """

    simulated = forms.ChoiceField(choices=KINDS, widget=forms.RadioSelect, label="Models", required=False)
    budget_usd = UsdField(min_value=Decimal("0.000001"), label="Budget in USD")
    at_limit = forms.ChoiceField(required=False, label="At a budget")
    max_calls = forms.IntegerField(required=False, min_value=1, label="Model requests at most")
    max_tokens = forms.IntegerField(required=False, min_value=1, label="Tokens at most")
    max_seconds = forms.IntegerField(required=False, min_value=1, label="Seconds at most")
    accept_unpriced = forms.BooleanField(
        required=False, label="Launch all the same: these calls are made whatever the budgets say, and sums say so"
    )
    priority = forms.ChoiceField(choices=Priority.choices, initial=Priority.NORMAL)
    key = forms.CharField(widget=forms.HiddenInput, max_length=60)
    version = forms.CharField(required=False, widget=forms.HiddenInput)

    def __init__(self, *args: Any, spec: CrewSpec, team: Team, earlier: Run | None = None, **options: Any) -> None:
        super().__init__(*args, **options)
        self.fields["simulated"].help_text = speed.in_words(settings.SIMULATED_PACE)
        self.fields["budget_usd"].help_text = run_budget_help(team)
        for name in BOUNDS:
            self.fields[name].help_text = run_caps.bound_help(team, name)
        self.fields["at_limit"].choices = at_limit_choices(team)  # type: ignore[attr-defined]
        self.input_names = placeholders(spec)
        values = dict(spec.inputs) | (earlier.inputs if earlier else {})
        for name in self.input_names:
            rows = min(8, 1 + values.get(name, "").count("\n"))
            self.fields[f"{PREFIX}{name}"] = forms.CharField(
                label=name,
                initial=values.get(name, ""),
                widget=lines(rows, "grows"),
                strip=False,
            )
        self.fields["key"].initial = str(uuid4())
        if earlier is not None:
            self._take_over(earlier, team)

    def _take_over(self, earlier: Run, team: Team) -> None:
        """The earlier run's bounds, within what the team gives a run now."""
        self.fields["priority"].initial = earlier.priority
        self.fields["at_limit"].initial = "" if earlier.at_limit == team.at_limit else earlier.at_limit
        for name in BOUNDS:
            bound, most = getattr(earlier, name), run_caps.cap_of(team, name)
            self.fields[name].initial = None if bound is not None and most is not None and bound >= most else bound
        if earlier.budget_nusd is not None:
            most = earlier.budget_nusd if team.run_budget_nusd is None else team.run_budget_nusd
            self.fields["budget_usd"].initial = to_usd(min(earlier.budget_nusd, most))

    @property
    def bounds(self) -> list[forms.BoundField]:
        return [self[name] for name in BOUNDS]

    @property
    def is_bounded(self) -> bool:
        """Whether a bound is set, or was typed wrongly, so that they are shown at once."""
        return any(bound.value() or bound.errors for bound in self.bounds)

    @property
    def inputs(self) -> list[forms.BoundField]:
        return [self[f"{PREFIX}{name}"] for name in self.input_names]

    def take_new_key(self) -> None:
        """After a conflict: the key belongs to a launch that was made, and the next one is another."""
        data = self.data.copy()  # type: ignore[attr-defined]
        data["key"] = str(uuid4())
        self.data = data

    def order(self, version: Any) -> LaunchOrder:
        """What was typed, as an order."""
        typed = self.cleaned_data
        return LaunchOrder(
            inputs={name: typed[f"{PREFIX}{name}"] for name in self.input_names},
            version=version,
            budget_usd=typed["budget_usd"],
            limits=RunLimits(**{name: typed[name] for name in BOUNDS}),
            priority=typed["priority"],
            at_limit=typed["at_limit"] or None,
            accept_unpriced=typed["accept_unpriced"],
            simulated={"yes": True, "no": False}.get(typed["simulated"]),
        )
