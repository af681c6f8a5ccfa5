"""What people type about crews, agents and tasks, to specs and back. Whether a spec can run is validated elsewhere."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Sequence
from typing import Any

from django import forms

from agents_app.form_fields import ChosenOf, CommaField, FilesField, JsonField, lines, long_text
from agents_app.models import key_validator
from engine.placeholders import placeholders
from engine.spec import DEFAULT_MODEL, AgentSpec, CrewSpec, TaskSpec
from engine.tools.names import TOOL_SUMMARIES
from engine.validate import Complaint

KEY_HELP = "What others call it: a–z, 0–9, _"
PROCESSES = [
    ("sequential", "Sequential: in listed order; asynchronous tasks do not hold up the next"),
    ("parallel", "Parallel: every task as soon as what it reads is there"),
]
CONTEXTS = [
    ("unset", "Left to the process (sequential: all earlier outputs; parallel: none)"),
    ("none", "Nothing"),
    ("chosen", "The outputs chosen below"),
]
EFFORTS = [("", "the model's own"), *((effort, effort) for effort in ("minimal", "low", "medium", "high"))]
DEFAULT_PREFIX = "default."


class NameForm(forms.Form):
    name = forms.CharField(max_length=200)


class ImportForm(forms.Form):
    """Pasted text or files; files count if there are any."""

    source = forms.CharField(required=False, max_length=2_000_000, strip=False, widget=lines(20, "code"))
    uploads = FilesField(
        required=False, label="Or files", help_text="One or several: .py, .yaml, .json, .jsonc, .ipynb, .md"
    )

    def texts(self) -> dict[str, str]:
        """The sources by file name; a pasted one has none."""
        files = self.cleaned_data["uploads"]
        if not files:
            return {"": self.cleaned_data["source"]}
        return {file.name: file.read().decode("utf-8-sig", "replace") for file in files}


class SaveImportForm(forms.Form):
    """What was previewed, as our JSON, to be saved under a name."""

    name = forms.CharField(max_length=200, required=False)
    spec = forms.CharField(widget=forms.HiddenInput, strip=False)


class EditForm(forms.Form):
    """Every edit says which revision of the draft it started from.

    ``later`` are switches for what cannot run yet: they are shown only where they are on, to be turned off.
    ``complaints`` and ``saved_meanwhile``, by field, are for the page to show.
    """

    revision = forms.IntegerField(widget=forms.HiddenInput)
    later: Sequence[str] = ()

    def __init__(self, *args: Any, **options: Any) -> None:
        super().__init__(*args, **options)
        self.complaints: defaultdict[str, list[Complaint]] = defaultdict(list)
        self.saved_meanwhile: dict[str, Any] = {}

    def hide_unset_later(self, values: dict[str, Any]) -> None:
        for name in self.later:
            if not values.get(name):
                del self.fields[name]


class CrewForm(EditForm):
    """The crew's own fields, and a default for each placeholder."""

    name = forms.CharField(max_length=200)
    description = forms.CharField(required=False, widget=long_text(2))
    process = forms.ChoiceField()
    max_rpm = forms.IntegerField(required=False, min_value=1, label="Requests per minute, at most")
    cache = forms.BooleanField(required=False, label="Reuse tool results within a run")
    planning = forms.BooleanField(required=False, label="Planning (not supported yet: turn it off)")
    later = ("planning",)

    def __init__(self, *args: Any, spec: CrewSpec, revision: int, **options: Any) -> None:
        super().__init__(*args, initial=dict(spec) | {"revision": revision}, **options)
        own = [] if spec.process in dict(PROCESSES) else [(spec.process, f"{spec.process} (not supported yet)")]
        self.fields["process"].choices = PROCESSES + own  # type: ignore[attr-defined]
        self.hide_unset_later(dict(spec))
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

    def spec(self, current: CrewSpec) -> CrewSpec:
        """The current draft with the crew's own fields as typed. An empty default is none."""
        typed = dict(self.cleaned_data)
        typed.pop("revision")
        defaults = {name: typed.pop(f"{DEFAULT_PREFIX}{name}") for name in self.input_names}
        inputs = {name: text for name, text in (dict(current.inputs) | defaults).items() if text}
        return CrewSpec(**(dict(current) | typed | {"inputs": inputs}))


class AgentForm(EditForm):
    """An agent. What the form does not show of it stays as it is."""

    role = forms.CharField(widget=long_text(1), help_text="{placeholders} in these texts become inputs of the crew.")
    goal = forms.CharField(required=False, widget=long_text(2))
    backstory = forms.CharField(required=False, widget=long_text(3), help_text="Sent with every call of this agent.")
    model = forms.CharField(max_length=200, initial=DEFAULT_MODEL, widget=forms.TextInput(attrs={"list": "models"}))
    tools = ChosenOf()
    key = forms.CharField(max_length=64, validators=[key_validator], help_text=KEY_HELP)
    temperature = forms.FloatField(required=False, min_value=0, max_value=2)
    top_p = forms.FloatField(required=False, min_value=0.000001, max_value=1, label="Top p")
    max_tokens = forms.IntegerField(required=False, min_value=1, label="Tokens per answer, at most")
    reasoning_effort = forms.ChoiceField(required=False, choices=EFFORTS)
    seed = forms.IntegerField(required=False)
    stop = CommaField(label="Stop texts", help_text="Separated by commas.")
    fallbacks = CommaField(label="Fallback models", help_text="Tried in order; separated by commas.")
    credential = forms.CharField(required=False, label="Provider key", help_text="Its name, if not “default”.")
    timeout_s = forms.FloatField(initial=600, min_value=0.001, max_value=3600, label="Seconds per request, at most")
    max_iter = forms.IntegerField(initial=20, min_value=1, max_value=200, label="Rounds per task, at most")
    max_rpm = forms.IntegerField(required=False, min_value=1, label="Requests per minute, at most")
    max_execution_time_s = forms.FloatField(required=False, min_value=0.001, label="Seconds per task, at most")
    max_retry_limit = forms.IntegerField(initial=2, min_value=0, max_value=20, label="Retries of a failed request")
    cache = forms.BooleanField(required=False, initial=True, label="Reuse tool results within a run")
    allow_delegation = forms.BooleanField(required=False, label="Delegation (has no effect yet)")
    cache_ttl_s = forms.IntegerField(
        required=False, min_value=1, label="Reuse replies across runs", help_text="Not supported yet: empty it."
    )
    later = ("allow_delegation", "cache_ttl_s")

    of_model = ("temperature", "top_p", "max_tokens", "seed", "stop", "fallbacks", "timeout_s", "cache_ttl_s")
    advanced = (
        *("key", "temperature", "top_p", "max_tokens", "reasoning_effort", "seed", "stop", "fallbacks", "credential"),
        *("timeout_s", "max_iter", "max_rpm", "max_execution_time_s", "max_retry_limit", "cache", *later),
    )

    def __init__(self, *args: Any, agent: AgentSpec | None, revision: int, new_key: str = "", **options: Any) -> None:
        self.agent = agent
        initial: dict[str, Any] = {"revision": revision, "key": new_key}
        if agent is not None:
            initial |= dict(agent.llm) | dict(agent) | {"tools": [tool.name for tool in agent.tools]}
        super().__init__(*args, initial=initial, **options)
        self.fields["tools"].offer(TOOL_SUMMARIES.items(), chosen=initial.get("tools", ()))  # type: ignore[attr-defined]
        self.hide_unset_later(initial)

    def spec(self, current: AgentSpec | None) -> AgentSpec:
        typed = dict(self.cleaned_data)
        llm = {name: typed.pop(name) for name in self.of_model if name in typed} | {
            "model": typed.pop("model").strip(),
            "credential": typed.pop("credential").strip() or None,
            "reasoning_effort": typed.pop("reasoning_effort") or None,
        }
        typed.pop("revision")
        known = {tool.name: tool for tool in current.tools} if current else {}
        tools = tuple(known.get(name, name) for name in typed.pop("tools"))
        kept_llm = dict(current.llm) if current else {}
        return AgentSpec(**((dict(current) if current else {}) | typed | {"llm": kept_llm | llm, "tools": tools}))


class TaskForm(EditForm):
    """A task. What the form does not show of it stays as it is."""

    name = forms.CharField(max_length=200, required=False)
    agent = forms.ChoiceField(required=False)
    description = forms.CharField(
        widget=long_text(3), help_text="What to do. {placeholders} become inputs of the crew."
    )
    expected_output = forms.CharField(required=False, widget=long_text(2))
    reads = forms.ChoiceField(choices=CONTEXTS, widget=forms.RadioSelect, initial="unset")
    context = ChosenOf(label="Outputs of")
    async_execution = forms.BooleanField(required=False, label="Asynchronous: later tasks do not wait for it")
    key = forms.CharField(max_length=64, validators=[key_validator], help_text=KEY_HELP)
    own_tools = forms.BooleanField(required=False, label="Other tools than the agent's: those chosen here, or none")
    tools = ChosenOf()
    output_schema = JsonField(kind=dict, label="Output schema", help_text="A JSON Schema that the answer must fit.")
    guardrails = JsonField(
        kind=list, help_text='Such as [{"kind": "length", "max_words": 200}]; also schema and regex.'
    )
    guardrail_max_retries = forms.IntegerField(
        initial=3, min_value=0, max_value=20, label="Times an answer is sent back"
    )
    condition = JsonField(
        kind=dict, help_text='Run only if {"task": "triage", "contains": "urgent"}; also matches, negate.'
    )
    markdown = forms.BooleanField(required=False, label="Ask for Markdown")
    human_input = forms.BooleanField(required=False, label="A person approves (not supported yet: turn it off)")
    cache_ttl_s = forms.IntegerField(
        required=False, min_value=1, label="Reuse the output across runs", help_text="Not supported yet: empty it."
    )
    later = ("human_input", "cache_ttl_s")

    def __init__(
        self, *args: Any, task: TaskSpec | None, crew: CrewSpec, revision: int, new_key: str = "", **options: Any
    ) -> None:
        self.task = task
        initial: dict[str, Any] = {"revision": revision, "key": new_key} | (_task_values(task) if task else {})
        super().__init__(*args, initial=initial, **options)
        agents = [(agent.key, agent.role or agent.key) for agent in crew.agents]
        if initial.get("agent") and crew.agent(initial["agent"]) is None:
            agents.append((initial["agent"], f"{initial['agent']} (unknown)"))
        self.fields["agent"].choices = [("", "–"), *agents]  # type: ignore[attr-defined]
        others = [(other.key, other.title) for other in crew.tasks if other != task]
        self.fields["context"].offer(others, chosen=initial.get("context") or ())  # type: ignore[attr-defined]
        self.fields["tools"].offer(TOOL_SUMMARIES.items(), chosen=initial.get("tools") or ())  # type: ignore[attr-defined]
        self.hide_unset_later(initial)

    def clean(self) -> dict[str, Any]:
        typed = super().clean() or {}
        if typed.get("reads") == "chosen" and not typed.get("context"):
            self.add_error("context", "Choose at least one task, or say that it reads nothing.")
        return typed

    def spec(self, current: TaskSpec | None) -> TaskSpec:
        typed = dict(self.cleaned_data)
        typed.pop("revision")
        context = {"unset": None, "none": ()}.get(typed.pop("reads"), tuple(typed["context"]))
        known = {tool.name: tool for tool in (current and current.tools) or ()}
        tools = tuple(known.get(name, name) for name in typed["tools"]) if typed.pop("own_tools") else None
        typed |= {"agent": typed["agent"] or None, "context": context, "tools": tools}
        typed["guardrails"] = typed["guardrails"] or ()
        return TaskSpec(**((dict(current) if current else {}) | typed))


def _task_values(task: TaskSpec) -> dict[str, Any]:
    data = task.to_json()
    return dict(task) | {
        "reads": "unset" if task.context is None else "chosen" if task.context else "none",
        "own_tools": task.tools is not None,
        "tools": [tool.name for tool in task.tools or ()],
        "guardrails": data.get("guardrails"),
        "condition": data.get("condition"),
    }
