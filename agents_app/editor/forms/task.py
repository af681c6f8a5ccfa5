"""What people type about a task, as a spec and back. Whether the spec can run is checked elsewhere."""

from __future__ import annotations

from typing import Any

from django import forms

from agents_app.editor.forms.edit import KEY_HELP, EditForm
from agents_app.editor.forms.fields import ChosenOf, JsonField, long_text
from agents_app.editor.forms.llm import llm_values, model_field, rest_field, typed_llm
from agents_app.editor.forms.tools import UsesTools
from agents_app.models import key_validator
from engine.spec.crew_spec import CrewSpec, QuestionGuardrail, TaskSpec

CONTEXTS = [
    ("unset", "Left to the process (sequential: all earlier outputs; parallel: none)"),
    ("none", "Nothing"),
    ("chosen", "The outputs chosen below"),
]


class TaskForm(UsesTools, EditForm):
    """All of a task's attributes. The first guardrail that asks a model a question has fields of its own."""

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
    output_schema = JsonField(kind=dict, label="Output schema", help_text="A JSON Schema that the answer must fit.")
    takes_near_misses = forms.BooleanField(
        required=False,
        initial=True,
        label='Take values that can only be meant as ones that fit, such as "9.5" for a number, and note it',
    )
    question = forms.CharField(
        required=False,
        widget=long_text(1),
        label="A question about the answer that a model says yes or no to",
        help_text="Such as: Does every figure name its source? A no sends the answer back, with the reason.",
    )
    question_llm = model_field("Model that is asked", "Empty: the agent's own.")
    question_llm_rest = rest_field("More about that model")
    guardrails = JsonField(
        kind=list,
        label="Other guardrails",
        help_text='Such as [{"kind": "length", "max_words": 200}]; also schema, regex and further questions.',
    )
    guardrail_max_retries = forms.IntegerField(
        initial=3, min_value=0, max_value=20, label="Times an answer is sent back"
    )
    condition = JsonField(
        kind=dict, help_text='Run only if {"task": "triage", "contains": "urgent"}; also matches, negate.'
    )
    markdown = forms.BooleanField(required=False, label="Ask for Markdown")
    human_input = forms.BooleanField(
        required=False, label="A person approves the answer: the run waits for them, however long"
    )
    cache_ttl_s = forms.IntegerField(
        required=False, min_value=1, label="Reuse the output across runs", help_text="Seconds. Empty: never."
    )

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
        self.offer_tools((task and task.tools) or ())

    def clean(self) -> dict[str, Any]:
        typed = super().clean() or {}
        if typed.get("reads") == "chosen" and not typed.get("context"):
            self.add_error("context", "Choose at least one task, or say that it reads nothing.")
        self.question_spec = typed_llm(self, "question_llm")
        if self.question_spec is not None and not typed.get("question", "").strip():
            self.add_error("question", "Write the question for this model, or empty the model.")
        return typed

    def spec(self, current: TaskSpec | None) -> TaskSpec:
        """The task as typed; what the form has no field for stays as in ``current``."""
        typed = dict(self.cleaned_data)
        typed.pop("revision")
        context = {"unset": None, "none": ()}.get(typed.pop("reads"), tuple(typed["context"]))
        chosen, has_own = self.typed_tools(typed), typed.pop("own_tools")
        typed |= {"agent": typed["agent"] or None, "context": context, "tools": chosen if has_own else None}
        typed["guardrails"] = self._guardrails(typed, current)
        return TaskSpec(**((dict(current) if current else {}) | typed))

    def _guardrails(self, typed: dict[str, Any], current: TaskSpec | None) -> tuple[Any, ...]:
        """All guardrails, the question in the place where it was. Takes the question's fields out of ``typed``."""
        question = typed.pop("question").strip()
        del typed["question_llm"], typed["question_llm_rest"]
        others = list(typed["guardrails"] or ())
        if question:
            place, _ = _first_question(current)
            others.insert(place, QuestionGuardrail(question=question, llm=self.question_spec))
        return tuple(others)


def _first_question(task: TaskSpec | None) -> tuple[int, QuestionGuardrail | None]:
    """The place of the first guardrail that asks a model, and that guardrail; if there is none, the place after all."""
    guardrails = task.guardrails if task is not None else ()
    questions = ((place, rail) for place, rail in enumerate(guardrails) if isinstance(rail, QuestionGuardrail))
    return next(questions, (len(guardrails), None))


def _task_values(task: TaskSpec) -> dict[str, Any]:
    """The form's initial values."""
    data = task.to_json()
    place, question = _first_question(task)
    others = [rail for index, rail in enumerate(data.get("guardrails", ())) if question is None or index != place]
    return (
        dict(task)
        | llm_values("question_llm", question.llm if question else None)
        | {
            "question": question.question if question else "",
            "reads": "unset" if task.context is None else "chosen" if task.context else "none",
            "own_tools": task.tools is not None,
            "tools": [tool.name for tool in task.tools or ()],
            "guardrails": others or None,
            "condition": data.get("condition"),
        }
    )
