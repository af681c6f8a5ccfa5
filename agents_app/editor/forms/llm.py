"""A model beside an agent's own (the manager's, the planner's, a guardrail's) as two form fields: its id, and its other
settings as JSON."""

from __future__ import annotations

from typing import Any

from django import forms
from pydantic import ValidationError

from agents_app.editor.forms.fields import JsonField
from engine.spec.crew_spec import LLMSpec

REST_HELP = 'Such as {"temperature": 0.2, "max_tokens": 800, "credential": "research"}.'


def model_field(label: str, help_text: str) -> forms.CharField:
    widget = forms.TextInput(attrs={"list": "models"})
    return forms.CharField(required=False, max_length=200, label=label, help_text=help_text, widget=widget)


def rest_field(label: str) -> JsonField:
    return JsonField(kind=dict, label=label, help_text=REST_HELP, rows=2)


def llm_values(name: str, llm: LLMSpec | None) -> dict[str, Any]:
    """Initial values of the fields ``name`` and ``name_rest``."""
    if llm is None:
        return {name: "", f"{name}_rest": None}
    rest = {key: value for key, value in llm.to_json().items() if key != "model"}
    return {name: llm.model, f"{name}_rest": rest or None}


def typed_llm(form: forms.Form, name: str) -> LLMSpec | None:
    """The model as typed; None for an empty id. A fault is shown at its field, and gives None too."""
    typed = form.cleaned_data
    model, rest = str(typed.get(name) or "").strip(), typed.get(f"{name}_rest")
    if not model:
        if rest:
            form.add_error(name, "Name the model that these settings are for.")
        return None
    try:
        return LLMSpec(**{**(rest or {}), "model": model})
    except (ValidationError, TypeError) as error:
        faults = error.errors() if isinstance(error, ValidationError) else []
        for fault in faults:
            form.add_error(f"{name}_rest", f"{'.'.join(map(str, fault['loc']))}: {fault['msg']}")
    return None
