"""What people type about schedules: a launch's inputs and bounds, those of a batch, and when. ``actions`` decides."""

from __future__ import annotations

from collections.abc import Mapping
from decimal import Decimal
from typing import Any

from django import forms

from agents_app.models import Crew, CrewVersion
from engine.spec.crew_spec import CrewSpec
from engine.spec.placeholders import placeholders
from runs.batches.kept_inputs import VERSION_MARK, named_version
from runs.batches.order import MAX_CONCURRENCY, MAX_NAME_CHARS, MAX_ROWS, USUAL_CONCURRENCY
from runs.launch.forms import BOUNDS, PREFIX, LaunchForm
from runs.launch.page import MAX_VERSIONS
from runs.limits.forms import UsdField
from runs.models import Schedule
from runs.money import to_usd
from runs.schedules.order import NOT_SAVED, ScheduleOrder
from runs.states import Overlap
from teams.access import Principal
from teams.models import Team

NEWEST = ""
COLUMNS_OF = "columns_of"
"""The field that says of which set the columns were chosen."""
COLUMN = "columns."
"""Begins the names of the fields that say which column fills an input, followed by the input's."""
EXAMPLE = "30 8 * * 1-5".replace(" ", "\N{NO-BREAK SPACE}")
PLAIN = {"dir": "ltr", "autocomplete": "off", "autocapitalize": "none", "spellcheck": "false"}


class ScheduleForm(LaunchForm):
    """``spec`` is of the version whose inputs are asked for."""

    name = forms.CharField(max_length=MAX_NAME_CHARS, label="Name")
    cron = forms.CharField(
        max_length=1_000,
        label="Times",
        help_text=f"Minute, hour, day of the month, month, day of the week. {EXAMPLE}: 8:30, Monday to Friday.",
        widget=forms.TextInput(attrs=PLAIN | {"class": "font-monospace", "placeholder": "30 8 * * 1-5"}),
    )
    time_zone = forms.CharField(
        max_length=200,
        label="Time zone",
        initial="UTC",
        help_text="Such as Europe/Berlin.",
        widget=forms.TextInput(attrs=PLAIN | {"list": "time-zones"}),
    )
    data_set = forms.CharField(
        required=False,
        max_length=80,
        label="Data set",
        help_text="Its name launches a batch of its newest rows; with @2 behind it, of the rows of version 2.",
        widget=forms.TextInput(attrs=PLAIN | {"list": "data-sets"}),
    )
    overlap = forms.ChoiceField(
        choices=Overlap.choices, initial=Overlap.SKIP, label="While the launch before is under way"
    )
    catch_up = forms.BooleanField(
        required=False, label="Catch up: launch once, late, for times that were missed because no worker was at work"
    )
    max_concurrency = forms.IntegerField(
        required=False,
        min_value=1,
        max_value=MAX_CONCURRENCY,
        label="Runs at once",
        help_text=f"Of a batch. Empty: {USUAL_CONCURRENCY}.",
    )
    stop_after_failures = forms.IntegerField(
        required=False,
        min_value=1,
        max_value=MAX_ROWS,
        label="Pause after failures",
        help_text="Of a batch. Empty: never.",
    )
    batch_budget_usd = UsdField(
        min_value=Decimal("0.000001"),
        label="Budget of each batch in USD",
        help_text="No row starts that could go beyond it. Rows that run at once share what is left of it.",
    )

    def __init__(self, *args: Any, spec: CrewSpec, team: Team, crew: Crew, **options: Any) -> None:
        super().__init__(*args, spec=spec, team=team, **options)
        del self.fields["key"]
        numbers = crew.versions.order_by("-number").values_list("number", flat=True)[:MAX_VERSIONS]
        choices = [(NEWEST, "The newest at each launch"), *((str(number), f"Version {number}") for number in numbers)]
        self.spec = spec
        self.fields["version"] = forms.ChoiceField(choices=choices, required=False, label="Version of the crew")
        self.fields["budget_usd"].label = "Budget of each run in USD"
        for name in self.input_names:
            self.fields[f"{PREFIX}{name}"].required = False  # a data set has them; ``clean`` looks whether there is one
        self.fields[
            "accept_unpriced"
        ].label = "Launch also where a model has no known price, so that budgets do not hold"

    def clean(self) -> dict[str, Any]:
        typed = super().clean() or self.cleaned_data
        for name in (f"{PREFIX}{name}" for name in self.input_names):
            if not self.data.get("data_set", "").strip() and not typed.get(name):
                self.add_error(name, self.fields[name].error_messages["required"])
        return typed

    def schedule_order(self, who: Principal, crew: Crew) -> ScheduleOrder:
        """What was typed. ``Invalid`` for a data set that there is not."""
        typed = self.cleaned_data
        named = typed["data_set"]
        kept = named_version(who, named, field="data_set", not_done=NOT_SAVED) if named else None
        version: CrewVersion | None = None
        if typed["version"]:
            version = crew.versions.filter(number=int(typed["version"])).first()
        return ScheduleOrder(
            name=typed["name"],
            crew=crew,
            cron=typed["cron"],
            time_zone=typed["time_zone"],
            run=self.order(version),
            data_set=None if kept is None else kept.data_set,
            data_set_version=kept if VERSION_MARK in named else None,
            columns=columns_typed(self.spec, self.data) if named else {},
            overlap=typed["overlap"],
            catch_up=typed["catch_up"],
            max_concurrency=typed["max_concurrency"],
            stop_after_failures=typed["stop_after_failures"],
            budget_usd=typed["batch_budget_usd"],
        )


def columns_typed(spec: CrewSpec, sent: Mapping[str, Any]) -> dict[str, str]:
    """Which column each input was given on the page, as far as any was. Those that were chosen of another set than the
    one that is named now count for nothing."""
    if sent.get(COLUMNS_OF, named := sent.get("data_set", "").strip()) != named:
        return {}
    return {name: sent[key] for name in placeholders(spec) if (key := f"{COLUMN}{name}") in sent}


def initial_of(schedule: Schedule) -> dict[str, Any]:
    """What a schedule has, as its form shows it."""
    same = ("name", "cron", "time_zone", "overlap", "catch_up", "priority", "at_limit")
    of_batches = ("max_concurrency", "stop_after_failures")
    return {
        **{name: getattr(schedule, name) for name in (*same, *of_batches, *BOUNDS)},
        **{f"{PREFIX}{name}": value for name, value in schedule.inputs.items()},
        "version": "" if schedule.version is None else str(schedule.version.number),
        "data_set": schedule.set_name or "",
        "columns": schedule.columns,
        "simulated": None if schedule.simulated is None else "yes" if schedule.simulated else "no",
        "budget_usd": None if schedule.run_budget_nusd is None else to_usd(schedule.run_budget_nusd),
        "batch_budget_usd": None if schedule.budget_nusd is None else to_usd(schedule.budget_nusd),
        "accept_unpriced": schedule.accepts_unpriced,
    }
