"""Models in CrewAI's terms: an id where nothing else is set, else ``LLM(...)``. Neither keys nor addresses are ours."""

from __future__ import annotations

from agents_app.writers.expressions import Call, Expression
from agents_app.writers.remarks import Remarks
from engine.catalogue.model_ids import is_simulated, provider_of, real_id
from engine.spec.crew_spec import LLMSpec

NATIVE = frozenset({"openai", "anthropic", "gemini"})
"""Providers that CrewAI knows by a model's bare id. It asks OpenAI for every other bare id."""
DEFAULT_TIMEOUT_S = 600


def llm(spec: LLMSpec, remarks: Remarks, path: str) -> Expression:
    """The model as an agent or a crew is given it."""
    fields = llm_fields(spec, remarks, path)
    return fields["model"] if len(fields) == 1 else Call("LLM", fields)


def llm_call(spec: LLMSpec, remarks: Remarks, path: str) -> Call:
    """The model as an object, for what does not take an id alone."""
    return Call("LLM", llm_fields(spec, remarks, path))


def llm_fields(spec: LLMSpec, remarks: Remarks, path: str) -> dict[str, Expression]:
    """The fields of ``LLM``, ``model`` first."""
    fields: dict[str, Expression] = {"model": _id(spec.model, remarks, f"{path}.model")}
    for name in ("temperature", "top_p", "max_tokens", "seed", "reasoning_effort"):
        value = getattr(spec, name)
        if value is not None:
            fields[name] = value
    if spec.stop:
        fields["stop"] = list(spec.stop)
    if spec.timeout_s != DEFAULT_TIMEOUT_S:
        fields["timeout"] = spec.timeout_s
    if spec.stream:
        fields["stream"] = True
    if spec.fallbacks:
        others = ", ".join(spec.fallbacks)
        remarks.warn(f"{path}.fallbacks", f"CrewAI asks no other model where one fails: {others} are left out.")
    if spec.cache_ttl_s is not None:
        remarks.warn(f"{path}.cache_ttl_s", "CrewAI keeps no replies of models for later runs.")
    if spec.credential is not None:
        remarks.warn(f"{path}.credential", "Keys are never exported: CrewAI takes them from its environment.")
    return fields


def _id(model: str, remarks: Remarks, path: str) -> str:
    if is_simulated(model):
        remarks.warn(path, f"It is simulated here; there {real_id(model)} itself is asked.")
        model = real_id(model)
    provider = provider_of(model)
    if "/" not in model and provider is not None and provider not in NATIVE:
        remarks.info(path, f"CrewAI takes a bare id for one of OpenAI's: {model} is written with its provider.")
        return f"{provider}/{model}"
    return model
