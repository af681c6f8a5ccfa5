"""Settings that LiteLLM leaves out are not said to have been sent."""

from __future__ import annotations

import pytest

from engine.providers.litellm_client import LiteLLMClient, get_ready
from engine.spec.crew_spec import LLMSpec

SETTINGS = {"temperature": 0.7, "top_p": 0.9, "seed": 3, "stop": ("x",)}


@pytest.mark.parametrize(
    ("model", "unsent"),
    [
        ("gpt-4o", set()),
        ("o3-mini", {"temperature", "top_p"}),
        ("gpt-5", {"temperature", "top_p", "stop"}),
        ("claude-sonnet-4-5", {"seed"}),
        ("openai/a-model-of-nobodys", set()),
        ("nobody-knows-whose", set()),
    ],
)
def test_what_a_model_refuses_is_named(model: str, unsent: set[str]) -> None:
    get_ready([])
    assert LiteLLMClient(lambda llm: None).unsent(LLMSpec(model=model, **SETTINGS)) == unsent  # type: ignore[arg-type]
    assert LiteLLMClient(lambda llm: None).unsent(LLMSpec(model=model)) == frozenset()
