"""Which models are asked in place of one that fails or that a budget does not cover, in their order.

When they are asked is decided where calls are made (``engine.crew.model_calls``).
"""

from __future__ import annotations

from collections.abc import Iterator

from engine.catalogue.model_ids import provider_of
from engine.spec.crew_spec import LLMSpec


def models_in_turn(llm: LLMSpec) -> Iterator[LLMSpec]:
    """The model, then its fallbacks. A fallback of another provider does not get the model's named key."""
    yield llm.model_copy(update={"fallbacks": ()})
    for model in llm.fallbacks:
        same_provider = provider_of(model) == provider_of(llm.model)
        credential = llm.credential if same_provider else None
        yield llm.model_copy(update={"model": model, "fallbacks": (), "credential": credential})


def models_instead(llm: LLMSpec, cheaper_model: str) -> list[LLMSpec]:
    """The model's fallbacks, then ``cheaper_model`` unless it is "". Whether each is cheaper, the caller checks."""
    names = [name for name in (*llm.fallbacks, cheaper_model) if name]
    return list(models_in_turn(llm.model_copy(update={"fallbacks": tuple(names)})))[1:]
