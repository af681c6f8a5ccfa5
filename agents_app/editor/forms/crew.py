"""What people type about the crew itself: process, manager, planning, limits and default inputs."""

from __future__ import annotations

from typing import Any

from django import forms

from agents_app.editor.forms.edit import EditForm
from agents_app.editor.forms.fields import long_text
from agents_app.editor.forms.llm import llm_values, model_field, rest_field, typed_llm
from engine.spec.crew_spec import CrewSpec
from engine.spec.placeholders import placeholders

PROCESSES = [
    ("sequential", "Sequential: in listed order; asynchronous tasks do not hold up the next"),
    ("parallel", "Parallel: every task as soon as what it reads is there"),
    ("hierarchical", "Hierarchical: a manager hands each task to an agent and checks the answer"),
]
DEFAULT_PREFIX = "default."


class CrewForm(EditForm):
    """The crew's own fields, and a default for each placeholder."""

    name = forms.CharField(max_length=200)
    description = forms.CharField(required=False, widget=long_text(2))
    process = forms.ChoiceField(choices=PROCESSES)
    max_rpm = forms.IntegerField(required=False, min_value=1, label="Requests per minute, at most")
    cache = forms.BooleanField(required=False, label="Reuse tool results within a run")
    manager_agent = forms.ChoiceField(required=False, label="Manager")
    manager_llm = model_field("Manager's model", "Of a manager without an agent.")
    manager_llm_rest = rest_field("More about the manager's model")
    planning = forms.BooleanField(required=False, label="Plan first: one request writes how each task is best done")
    planning_llm = model_field("Planner's model", "Empty: the manager's, or else the first agent's.")
    planning_llm_rest = rest_field("More about the planner's model")

    def __init__(self, *args: Any, spec: CrewSpec, revision: int, **options: Any) -> None:
        models = llm_values("manager_llm", spec.manager_llm) | llm_values("planning_llm", spec.planning_llm)
        super().__init__(*args, initial=dict(spec) | models | {"revision": revision}, **options)
        agents = [(agent.key, agent.role or agent.key) for agent in spec.agents]
        if spec.manager_agent and spec.agent(spec.manager_agent) is None:
            agents.append((spec.manager_agent, f"{spec.manager_agent} (unknown)"))
        manager = self.fields["manager_agent"]
        manager.choices = [("", "One of its own, with the model named here"), *agents]  # type: ignore[attr-defined]
        self.input_names = placeholders(spec)
        for name in self.input_names:
            self.fields[f"{DEFAULT_PREFIX}{name}"] = forms.CharField(
                required=False,
                label=name,
                initial=spec.inputs.get(name, ""),
                widget=long_text(1),
                max_length=100_000,
                strip=False,
            )

    @property
    def default_inputs(self) -> list[forms.BoundField]:
        return [self[f"{DEFAULT_PREFIX}{name}"] for name in self.input_names]

    def clean(self) -> dict[str, Any]:
        typed = super().clean() or {}
        self.llms = {name: typed_llm(self, name) for name in ("manager_llm", "planning_llm")}
        return typed

    def spec(self, current: CrewSpec) -> CrewSpec:
        """The current draft with the crew's own fields as typed. An input whose default is empty has none."""
        typed = dict(self.cleaned_data)
        for name in ("revision", "manager_llm_rest", "planning_llm_rest"):
            del typed[name]
        typed |= {**self.llms, "manager_agent": typed["manager_agent"] or None}
        defaults = {name: typed.pop(f"{DEFAULT_PREFIX}{name}") for name in self.input_names}
        inputs = {name: text for name, text in (dict(current.inputs) | defaults).items() if text}
        return CrewSpec(**(dict(current) | typed | {"inputs": inputs}))
