"""Which models a crew names and uses, wherever in its spec it names them."""

from __future__ import annotations

from engine.spec.crew_spec import CrewSpec, LLMSpec, QuestionGuardrail


def models_of(spec: CrewSpec) -> set[str]:
    """Every model id that running the crew may ask for."""
    return {model for llm in llms_of(spec).values() for model in (llm.model, *llm.fallbacks)}


def llms_of(spec: CrewSpec) -> dict[str, LLMSpec]:
    """Every model that the crew names and uses, by the field that names it."""
    llms = {f"agents.{agent.key}.llm": agent.llm for agent in spec.agents}
    if spec.process == "hierarchical" and spec.manager_agent is None and spec.manager_llm is not None:
        llms["manager_llm"] = spec.manager_llm
    if spec.planning and spec.planning_llm is not None:
        llms["planning_llm"] = spec.planning_llm
    for task in spec.tasks:
        for rail in task.guardrails:
            if isinstance(rail, QuestionGuardrail) and rail.llm is not None:
                llms[f"tasks.{task.key}.guardrails"] = rail.llm
    return llms
