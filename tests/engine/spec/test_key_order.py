"""The order of keys in schemas and settings: it decides what a model writes first, so it is part of what a crew is."""

from __future__ import annotations

from typing import Any

from engine.providers.llm import LLMRequest
from engine.record.request_key import content_key, request_key
from engine.spec.crew_spec import CrewSpec, LLMSpec
from tests.engine.crews import agent, crew, task

REASONS_FIRST: dict[str, Any] = {"properties": {"reasoning": {}, "answer": {}}, "type": "object"}
ANSWERS_FIRST: dict[str, Any] = {"properties": {"answer": {}, "reasoning": {}}, "type": "object"}
AS_JSONB_KEPT_IT: dict[str, Any] = {"type": "object", "properties": {"answer": {}, "reasoning": {}}}


def test_crews_that_differ_in_the_order_of_a_schema_are_two() -> None:
    one, other = (crew(task("a", output_schema=schema)) for schema in (REASONS_FIRST, ANSWERS_FIRST))
    assert one.content_hash != other.content_hash
    assert CrewSpec.from_json(one.to_json()).content_hash == one.content_hash
    tools = [({"name": "mcp", "config": {"b": 1, "a": order}},) for order in ({"x": 1, "y": 2}, {"y": 2, "x": 1})]
    assert len({crew(task("a"), agents=(agent(tools=each),)).content_hash for each in tools}) == 2


def test_inputs_have_no_order() -> None:
    one, other = (crew(task("a"), inputs=inputs) for inputs in ({"a": "1", "b": "2"}, {"b": "2", "a": "1"}))
    assert one.content_hash == other.content_hash


def test_a_hash_from_before_orders_were_kept_is_the_same() -> None:
    spec = crew(task("a", output_schema=AS_JSONB_KEPT_IT))
    import hashlib
    import json

    text = json.dumps(spec.to_json(), sort_keys=True, separators=(",", ":"), ensure_ascii=False)
    assert spec.content_hash == hashlib.sha256(text.encode()).hexdigest()


def test_requests_with_differing_schemas_share_no_reply() -> None:
    def key(schema: dict[str, Any]) -> str:
        request = LLMRequest(llm=LLMSpec(), messages=(), max_tokens=1, response_schema=schema)
        return request_key(request, simulated=False)

    assert key(REASONS_FIRST) != key(ANSWERS_FIRST)
    assert content_key("tool", {"a": 1, "b": 2}) == content_key("tool", {"b": 2, "a": 1})
