"""What a provider put into an assistant's turn for itself: kept to the byte, given back to it alone.

Such are signatures of thoughts, without which the next request is refused. They are kept as text of JSON, because a
database may order the keys of objects anew. Another provider would refuse them, and long ids too.
"""

from __future__ import annotations

import hashlib
import json
from collections.abc import Mapping, Sequence
from typing import Any

from engine.catalogue.model_ids import provider_of
from engine.providers.llm import Message, ToolCall

OWN_FIELDS = "own_fields"
"""The key under which an assistant's turn carries them until it is sent."""
OF_MESSAGE = (
    *("reasoning_content", "reasoning", "reasoning_details"),
    *("thinking_blocks", "provider_specific_fields", "extra_content"),
)
OF_CALL = ("provider_specific_fields", "extra_content", "thought_signature")
ID_CHARS = 9
"""Of ids in the place of another provider's: Mistral wants just so many letters and digits, OpenAI takes 40 at most."""


def own_fields_of(message: Mapping[str, Any], calls: Sequence[ToolCall], model: str, *, content: Any = None) -> str:
    """What goes back to the model's provider beside the calls, as JSON. ``content``: what goes in the text's place."""
    fields = {name: message[name] for name in OF_MESSAGE if message.get(name) is not None}
    if content is not None:
        fields["content"] = content
    of_calls = {}
    made = [call for call in message.get("tool_calls") or () if (call.get("function") or {}).get("name")]
    for call, given in zip(calls, made, strict=False):
        if own := {name: given[name] for name in OF_CALL if given.get(name) is not None}:
            of_calls[call.id] = own
    if not fields and not calls:
        return ""
    return json.dumps({"provider": _provider(model), "message": fields, "calls": of_calls})


def given_back(messages: Sequence[Message], model: str) -> tuple[Message, ...]:
    """The messages as this model's provider takes them: its own turns whole, others' without what is their own."""
    sent: list[Message] = []
    new_ids: dict[str, str] = {}
    for position, turn in enumerate(messages):
        own = json.loads(turn[OWN_FIELDS]) if turn.get(OWN_FIELDS) else None
        if own is None:
            call_id = turn.get("tool_call_id")
            sent.append({**turn, "tool_call_id": new_ids[call_id]} if call_id in new_ids else turn)
        elif own["provider"] == _provider(model):
            new_ids = {}
            sent.append(_whole(turn, own))
        else:
            new_ids = _new_ids(turn, position)
            sent.append(_renamed(turn, new_ids))
    return tuple(sent)


def _whole(message: Message, own: dict[str, Any]) -> Message:
    calls = [{**call, **own["calls"].get(call["id"], {})} for call in message.get("tool_calls") or ()]
    return _without_own(message) | ({"tool_calls": calls} if calls else {}) | own["message"]


def _renamed(message: Message, new_ids: Mapping[str, str]) -> Message:
    calls = [{**call, "id": new_ids[call["id"]]} for call in message.get("tool_calls") or ()]
    return _without_own(message) | ({"tool_calls": calls} if calls else {})


def _without_own(message: Message) -> Message:
    return {name: value for name, value in message.items() if name != OWN_FIELDS}


def _new_ids(message: Message, position: int) -> dict[str, str]:
    """An id in the place of each of the turn's; the same in every request that holds the turn."""
    ids = [call["id"] for call in message.get("tool_calls") or ()]
    return {old: hashlib.sha256(f"{position} {old}".encode()).hexdigest()[:ID_CHARS] for old in ids}


def _provider(model: str) -> str:
    return provider_of(model) or "openai"
