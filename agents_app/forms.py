"""What people type about crews, agents and tasks, to specs and back. Whether a spec can run is validated elsewhere."""

from __future__ import annotations

import json
from typing import Any

from django import forms

from agents_app.models import key_validator
from engine.price_list import prices
from engine.spec import DEFAULT_MODEL, AgentSpec, CrewSpec, TaskSpec
from engine.tools.names import TOOL_SUMMARIES

NAMED_KEY = "a name for references: lower-case letters, digits, _"
PROCESSES = [
    ("sequential", "Sequential: in listed order; asynchronous tasks at once"),
    ("parallel", "Parallel: every task as soon as its context is done"),
]
CONTEXT_CHOICES = [
    ("unset", "Left to the process (sequential: all earlier outputs; parallel: none)"),
    ("none", "None"),
    ("chosen", "The outputs chosen here"),
]
SUGGESTED_MODELS = [
    "gpt-4o-mini",
    "gpt-4o",
    "gpt-4.1",
    "gpt-4.1-mini",
    "gpt-4.1-nano",
    "gpt-4",
    "gpt-3.5-turbo",
    "gpt-5",
    "gpt-5-mini",
    "o3",
    "o4-mini",
    "claude-sonnet-4-5",
    "claude-haiku-4-5",
    "claude-opus-4-1",
    "gemini/gemini-2.5-pro",
    "gemini/gemini-2.5-flash",
    "gemini/gemini-2.5-flash-lite",
    "mistral/mistral-large-latest",
    "deepseek/deepseek-chat",
    "ollama/llama3.1",
]


def suggested_models() -> list[str]:
    """Ids for the model field's list: well-known ones that the price list knows."""
    known = prices()
    return [model for model in SUGGESTED_MODELS if model in known or model.startswith("ollama/")]


class JsonField(forms.CharField):
    """JSON typed as text; what does not parse is said with its line."""

    def __init__(self, *, kind: type, **options: Any) -> None:
        self._kind = kind
        widget = forms.Textarea(attrs={"rows": 4, "spellcheck": "false", "data-mono": "1"})
        super().__init__(required=False, widget=widget, **options)

    def clean(self, value: Any) -> Any:
        text = super().clean(value).strip()
        if not text:
            return None
        try:
            data = json.loads(text)
        except ValueError as error:
            raise forms.ValidationError(f"This is not JSON: {error}.") from error
        if not isinstance(data, self._kind):
            raise forms.ValidationError("A JSON object is needed." if self._kind is dict else "A JSON list is needed.")
        return data

    def prepare_value(self, value: Any) -> Any:
        return json.dumps(value, indent=2, ensure_ascii=False) if isinstance(value, (dict, list)) else value


class RevisionForm(forms.Form):
    """Every edit says which revision it started from."""

    revision = forms.IntegerField(widget=forms.HiddenInput)


class NameForm(forms.Form):
    name = forms.CharField(max_length=200)


class ImportForm(forms.Form):
    name = forms.CharField(max_length=200, required=False, help_text="Left empty, the source's own name is taken.")
    source = forms.CharField(
        required=False,
        max_length=2_000_000,
        strip=False,
        widget=forms.Textarea(attrs={"rows": 18, "spellcheck": "false", "data-mono": "1"}),
        help_text="Python with Agent, Task and Crew; agents.yaml and then tasks.yaml; or Crewsite's JSON.",
    )
    file = forms.FileField(required=False, help_text="Or choose a .py, .yaml or .json file.")


class CrewForm(RevisionForm):
    name = forms.CharField(max_length=200)
    description = forms.CharField(required=False, widget=forms.Textarea(attrs={"rows": 2}))
    process = forms.ChoiceField(choices=PROCESSES)
    cache = forms.BooleanField(required=False, label="Reuse tool results within a run")
    max_rpm = forms.IntegerField(required=False, min_value=1, label="Requests per minute, at most")

    def spec(self, current: CrewSpec, defaults: dict[str, str]) -> CrewSpec:
        """The draft's spec with the crew's own fields as typed."""
        typed = {name: self.cleaned_data[name] for name in ("name", "description", "process", "cache", "max_rpm")}
        return CrewSpec(**(dict(current) | typed | {"inputs": defaults}))


class AgentForm(RevisionForm):
    role = forms.CharField(
        widget=forms.Textarea(attrs={"rows": 1}), help_text="What it is. {placeholders} become inputs."
    )
    goal = forms.CharField(required=False, widget=forms.Textarea(attrs={"rows": 2}))
    backstory = forms.CharField(
        required=False, widget=forms.Textarea(attrs={"rows": 3}), help_text="Sent with every call of this agent."
    )
    model = forms.CharField(max_length=200, initial=DEFAULT_MODEL, widget=forms.TextInput(attrs={"list": "models"}))
    tools = forms.MultipleChoiceField(
        required=False, choices=list(TOOL_SUMMARIES.items()), widget=forms.CheckboxSelectMultiple
    )
    key = forms.CharField(max_length=64, validators=[key_validator], help_text=NAMED_KEY)
    temperature = forms.FloatField(required=False, min_value=0, max_value=2)
    max_tokens = forms.IntegerField(required=False, min_value=1, label="Tokens per answer, at most")
    fallbacks = forms.CharField(
        required=False, label="Fallback models", help_text="Tried in order; separated by commas."
    )
    credential = forms.CharField(required=False, label="Provider key", help_text="Its name, if it is not “default”.")
    max_iter = forms.IntegerField(initial=20, min_value=1, max_value=200, label="Rounds, at most")
    max_rpm = forms.IntegerField(required=False, min_value=1, label="Requests per minute, at most")
    max_execution_time_s = forms.FloatField(required=False, min_value=0.001, label="Seconds, at most")
    max_retry_limit = forms.IntegerField(initial=2, min_value=0, max_value=20, label="Retries of a failed request")
    cache = forms.BooleanField(required=False, initial=True, label="Reuse tool results within a run")

    basic = ("role", "goal", "backstory", "model", "tools")
    advanced = (
        "key", "temperature", "max_tokens", "fallbacks", "credential", "max_iter", "max_rpm", "max_execution_time_s",
        "max_retry_limit", "cache",
    )  # fmt: skip

    @staticmethod
    def initial_of(agent: AgentSpec, revision: int) -> dict[str, Any]:
        llm = agent.llm
        return dict(agent) | {
            "revision": revision,
            "model": llm.model,
            "temperature": llm.temperature,
            "max_tokens": llm.max_tokens,
            "fallbacks": ", ".join(llm.fallbacks),
            "credential": llm.credential,
            "tools": [tool.name for tool in agent.tools],
        }

    def spec(self, current: AgentSpec | None) -> AgentSpec:
        """The agent as typed, over what the form does not show of the current one."""
        typed = self.cleaned_data
        llm = (dict(current.llm) if current else {}) | {
            "model": typed["model"].strip(),
            "temperature": typed["temperature"],
            "max_tokens": typed["max_tokens"],
            "fallbacks": tuple(part.strip() for part in typed["fallbacks"].split(",") if part.strip()),
            "credential": typed["credential"].strip() or None,
        }
        kept = {tool.name: tool for tool in current.tools} if current else {}
        plain = ("key", "role", "goal", "backstory", "max_iter", "max_rpm", "max_execution_time_s", "max_retry_limit")
        fields = {name: typed[name] for name in (*plain, "cache")}
        tools = tuple(kept.get(name, name) for name in typed["tools"])
        return AgentSpec(**((dict(current) if current else {}) | fields | {"llm": llm, "tools": tools}))


class TaskForm(RevisionForm):
    name = forms.CharField(max_length=200, required=False)
    description = forms.CharField(
        widget=forms.Textarea(attrs={"rows": 4}), help_text="What to do. {placeholders} become inputs."
    )
    expected_output = forms.CharField(required=False, widget=forms.Textarea(attrs={"rows": 2}))
    agent = forms.ChoiceField(required=False)
    context_kind = forms.ChoiceField(choices=CONTEXT_CHOICES, widget=forms.RadioSelect, label="Reads", initial="unset")
    context = forms.MultipleChoiceField(required=False, widget=forms.CheckboxSelectMultiple, label="Outputs of")
    async_execution = forms.BooleanField(required=False, label="Asynchronous: later tasks do not wait for it")
    key = forms.CharField(max_length=64, validators=[key_validator], help_text=NAMED_KEY)
    output_schema = JsonField(kind=dict, label="Output schema", help_text="A JSON Schema that the answer must fit.")
    guardrails = JsonField(
        kind=list,
        label="Guardrails",
        help_text='Such as [{"kind": "length", "max_words": 200}]; kinds: schema, length, regex.',
    )
    guardrail_max_retries = forms.IntegerField(
        initial=3, min_value=0, max_value=20, label="Times to send an answer back"
    )
    condition = JsonField(
        kind=dict,
        label="Condition",
        help_text='Run only if an earlier output fits: {"task": "triage", "contains": "urgent"}.',
    )
    markdown = forms.BooleanField(required=False, label="Ask for Markdown")

    basic = ("name", "description", "expected_output", "agent", "context_kind", "context", "async_execution")
    advanced = ("key", "output_schema", "guardrails", "guardrail_max_retries", "condition", "markdown")

    def __init__(self, *args: Any, crew_spec: CrewSpec, own_key: str | None = None, **options: Any) -> None:
        super().__init__(*args, **options)
        self.fields["agent"].choices = [("", "–")] + [(agent.key, agent.role) for agent in crew_spec.agents]  # type: ignore[attr-defined]
        others = [(task.key, task.title) for task in crew_spec.tasks if task.key != own_key]
        self.fields["context"].choices = others  # type: ignore[attr-defined]

    @staticmethod
    def initial_of(task: TaskSpec, revision: int) -> dict[str, Any]:
        data = task.to_json()
        kind = "unset" if task.context is None else "chosen" if task.context else "none"
        return dict(task) | {
            "revision": revision,
            "context_kind": kind,
            "guardrails": data.get("guardrails") or None,
            "condition": data.get("condition"),
        }

    def clean(self) -> dict[str, Any]:
        typed = super().clean() or {}
        if typed.get("context_kind") == "chosen" and not typed.get("context"):
            self.add_error("context", "Choose at least one task, or say that it reads none.")
        return typed

    def spec(self, current: TaskSpec | None) -> TaskSpec:
        """The task as typed, over what the form does not show of the current one."""
        typed = self.cleaned_data
        plain = (
            "key",
            "name",
            "description",
            "expected_output",
            "async_execution",
            "guardrail_max_retries",
            "markdown",
        )
        context = {"unset": None, "none": ()}.get(typed["context_kind"], tuple(typed["context"]))
        fields = {name: typed[name] for name in (*plain, "output_schema", "condition")} | {
            "agent": typed["agent"] or None,
            "context": context,
            "guardrails": typed["guardrails"] or (),
        }
        return TaskSpec(**((dict(current) if current else {}) | fields))
