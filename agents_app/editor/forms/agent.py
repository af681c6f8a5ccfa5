"""What people type about an agent, of a crew or of the library, as a spec and back.

Whether the spec can run is checked elsewhere.
"""

from __future__ import annotations

from typing import Any

from django import forms

from agents_app.editor.forms.edit import KEY_HELP, EditForm
from agents_app.editor.forms.fields import CommaField, long_text
from agents_app.editor.forms.tools import UsesTools
from agents_app.library.forms import name_field, note_field
from agents_app.models import key_validator
from engine.spec.crew_spec import DEFAULT_MODEL, AgentSpec

EFFORTS = [("", "the model's own"), *((effort, effort) for effort in ("minimal", "low", "medium", "high"))]


class AgentForm(UsesTools, EditForm):
    """All of an agent's attributes."""

    role = forms.CharField(widget=long_text(1), help_text="{placeholders} in these texts become inputs of the crew.")
    goal = forms.CharField(required=False, widget=long_text(2))
    backstory = forms.CharField(required=False, widget=long_text(3), help_text="Sent with every call of this agent.")
    model = forms.CharField(max_length=200, initial=DEFAULT_MODEL, widget=forms.TextInput(attrs={"list": "models"}))
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
    respect_context_window = forms.BooleanField(
        required=False, initial=True, label="Shorten a conversation that outgrows the model"
    )
    allow_delegation = forms.BooleanField(required=False, label="May ask co-workers and hand them work")
    cache_ttl_s = forms.IntegerField(
        required=False, min_value=1, label="Reuse replies across runs", help_text="Seconds. Empty: never."
    )
    stream = forms.BooleanField(required=False, label="Stream replies, to know the time to their first token")
    memory = forms.BooleanField(required=False, label="Takes notes, and recalls them in later runs")

    llm_fields = (
        "temperature",
        "top_p",
        "max_tokens",
        "seed",
        "stop",
        "fallbacks",
        "timeout_s",
        "cache_ttl_s",
        "stream",
    )
    advanced = (
        *("key", "temperature", "top_p", "max_tokens", "reasoning_effort", "seed", "stop", "fallbacks", "credential"),
        *("timeout_s", "cache_ttl_s", "max_iter", "max_rpm", "max_execution_time_s", "max_retry_limit"),
        *("cache", "respect_context_window", "memory", "stream"),
    )

    not_of_agent: tuple[str, ...] = ("revision",)
    is_linked = False  # whether it comes from the library; the page says so

    def __init__(self, *args: Any, agent: AgentSpec | None, revision: int, new_key: str = "", **options: Any) -> None:
        self.agent = agent
        initial: dict[str, Any] = {"revision": revision, "key": new_key}
        if agent is not None:
            initial |= dict(agent.llm) | dict(agent) | {"tools": [tool.name for tool in agent.tools]}
        super().__init__(*args, initial=initial, **options)
        self.offer_tools(agent.tools if agent is not None else ())

    def spec(self, current: AgentSpec | None) -> AgentSpec:
        """The agent as typed; what the form has no field for stays as in ``current``."""
        typed = dict(self.cleaned_data)
        llm = {name: typed.pop(name) for name in self.llm_fields} | {
            "model": typed.pop("model").strip(),
            "credential": typed.pop("credential").strip() or None,
            "reasoning_effort": typed.pop("reasoning_effort") or None,
        }
        for name in self.not_of_agent:
            typed.pop(name)
        tools = self.typed_tools(typed)
        kept_llm = dict(current.llm) if current else {}
        return AgentSpec(**((dict(current) if current else {}) | typed | {"llm": kept_llm | llm, "tools": tools}))


class LibraryAgentForm(AgentForm):
    """An agent of the library: what it is called there, all of an agent's attributes, and what changed."""

    name = name_field()
    note = note_field()

    not_of_agent = ("revision", "name", "note")

    def __init__(self, *args: Any, name: str = "", **options: Any) -> None:
        super().__init__(*args, **options)
        self.initial["name"] = name
