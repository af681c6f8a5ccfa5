"""Which models a crew uses, and which field of its spec names each."""

from __future__ import annotations

from engine.spec.crew_spec import CrewSpec, LLMSpec, QuestionGuardrail


def models_of(spec: CrewSpec) -> set[str]:
    """The id of every model that a run of the crew may ask, fallbacks included."""
    return {model for llm in llms_of(spec).values() for model in (llm.model, *llm.fallbacks)}


def llms_of(spec: CrewSpec) -> dict[str, LLMSpec]:
    """Every model that the crew uses, by the field that names it. A model that its process ignores is left out."""
    llms = {f"agents.{agent.key}.llm": agent.llm for agent in spec.agents}
    if spec.process == "hierarchical" and spec.manager_agent is None and spec.manager_llm is not None:
        llms["manager_llm"] = spec.manager_llm
    if spec.planning and spec.planning_llm is not None:
        llms["planning_llm"] = spec.planning_llm
    for task in spec.tasks:
        for guardrail in task.guardrails:
            if isinstance(guardrail, QuestionGuardrail) and guardrail.llm is not None:
                llms[f"tasks.{task.key}.guardrails"] = guardrail.llm
    return llms
