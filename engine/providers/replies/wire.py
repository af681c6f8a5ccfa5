"""What a provider really sent in one attempt, read off the wire before a client library makes something else of it.

Answers in the shape of OpenAI's chat completions, and in Ollama's own, are put together here, whole or from events.
The library then gets a stand-in, because it drops what it does not know, makes up what is missing, and stops at what
it does not expect. Answers in other shapes go on to the library; of these only the usage and the end are noted.
"""

from __future__ import annotations

import re
import time
from collections.abc import Iterator, Mapping
from typing import Any

from engine.providers.replies.assembling import Assembly
from engine.providers.replies.said import Said

USAGE = re.compile(rb'"usage(?:Metadata)?"\s*:\s*\{')
PLACES_OF_USAGE = ("x_groq", "message", "delta", "response", "meta")
"""Where in an answer or event, besides its top and its choices (Moonshot's), usage may lie: Groq's, Anthropic's,
Cohere's, OpenAI's responses."""
NOT_YET = "FINISH_REASON_UNSPECIFIED"
"""What Google may say in events before the last one."""
STAND_IN = (
    b'{"id": "read-elsewhere", "object": "chat.completion", "created": 0, "model": "read-elsewhere", "choices": '
    b'[{"index": 0, "message": {"role": "assistant", "content": "."}, "finish_reason": "stop"}], '
    b'"usage": {"prompt_tokens": 1, "completion_tokens": 1, "total_tokens": 2}}'
)
STAND_IN_EVENTS = (
    b'data: {"id": "read-elsewhere", "object": "chat.completion.chunk", "created": 0, "model": "read-elsewhere", '
    b'"choices": [{"index": 0, "delta": {"role": "assistant", "content": "."}, "finish_reason": null}]}\n\n'
    b'data: {"id": "read-elsewhere", "object": "chat.completion.chunk", "created": 0, "model": "read-elsewhere", '
    b'"choices": [{"index": 0, "delta": {}, "finish_reason": "stop"}], '
    b'"usage": {"prompt_tokens": 1, "completion_tokens": 1, "total_tokens": 2}}\n\n'
)
OLLAMA_STAND_IN = (
    b'{"model": "read-elsewhere", "created_at": "2026-01-01T00:00:00Z", "message": {"role": "assistant", "content": '
    b'"."}, "done": true, "done_reason": "stop", "prompt_eval_count": 1, "eval_count": 1}'
)


class WireReply:
    """``tail``: the last bytes. ``stop``: the provider's own word for why it ended, ``why`` its sentence for that."""

    def __init__(self) -> None:
        self._began_at = time.perf_counter()
        self._assembly: Assembly | None = None
        self._usage: dict[str, Any] = {}
        self._is_read = False
        self._is_ended = False
        self._is_ollama = False
        self.tail = bytearray()
        self.stop = ""
        self.why = ""

    @property
    def is_open_ai(self) -> bool:
        """Whether what came was in the shape of OpenAI's chat completions, or was put into it, and is read here."""
        return self._assembly is not None

    @property
    def is_broken_off(self) -> bool:
        """Whether events came, and neither a reason for the end nor the mark of the end."""
        return self._assembly is not None and not self._is_ended and not self._assembly.finish_reason

    @property
    def is_accounted_for(self) -> bool:
        """Whether it broke off with an error, and what it costs is stated all the same."""
        return self._assembly is not None and bool(self._assembly.error) and bool(self._usage)

    @property
    def usage(self) -> dict[str, Any] | None:
        """The figures as the provider names them, None if it stated none where usage lies."""
        return self._usage or None

    @property
    def reports_usage(self) -> bool:
        """Whether the provider stated usage. Of an answer that is no JSON, such as Bedrock's events, its bytes say."""
        return bool(self._usage) if self._is_read else USAGE.search(bytes(self.tail)) is not None

    def note(self, data: Mapping[str, Any]) -> None:
        """Notes the usage and the reason for the end of an answer or an event, whatever else it holds."""
        self._is_read = True
        for usage in _usages(data):
            self._usage.update({name: value for name, value in usage.items() if value is not None})
        stop, why = _end_of(data)
        self.stop, self.why = stop or self.stop, why or self.why

    def adapted(self, data: dict[str, Any]) -> dict[str, Any]:
        """An answer or event of Ollama's in OpenAI's shape; others as they are."""
        message, is_done = data.get("message"), data.get("done")
        if "choices" in data or not isinstance(message, dict) or not isinstance(is_done, bool):
            return data
        self._is_ollama = True
        said = {name: message[name] for name in ("content", "tool_calls") if name in message}
        said |= {"reasoning_content": message["thinking"]} if isinstance(message.get("thinking"), str) else {}
        finish = (data.get("done_reason") or "stop") if is_done else None
        return {"model": data.get("model"), "choices": [{"delta": said, "message": said, "finish_reason": finish}]}

    def stand_in(self, *, is_event: bool) -> bytes:
        """What LiteLLM gets in the place of what was taken."""
        if self._is_ollama:
            return OLLAMA_STAND_IN + (b"\n" if is_event else b"")
        return STAND_IN_EVENTS if is_event else STAND_IN

    def take(self, data: Mapping[str, Any], *, is_event: bool) -> bool:
        """Takes an answer or event of OpenAI's shape. False: it has another, or is an error, and goes on."""
        if self._assembly is not None and _is_error(data):
            self._assembly.error = data["error"]
        if not isinstance(data.get("choices"), list) or _is_error(data):
            return False
        if self._assembly is None:
            self._assembly = Assembly()
        at_ms = round((time.perf_counter() - self._began_at) * 1000)
        self._assembly.add(data, is_event=is_event, at_ms=at_ms)
        self._is_ended = self._is_ended or not is_event
        return True

    def end(self) -> None:
        """The stream's mark of its end has come."""
        self._is_ended = True

    def said(self) -> Said:
        """What was said, of an answer of OpenAI's shape."""
        assert self._assembly is not None
        answer = self._assembly
        return Said(
            message=answer.message,
            finish_reason=answer.finish_reason,
            why=f"the provider's filter found {', '.join(answer.filtered)}." if answer.filtered else "",
            usage=self.usage,
            model=answer.model,
            id=answer.id,
            ttft_ms=answer.ttft_ms,
            error=answer.error,
        )


def _usages(data: Mapping[str, Any]) -> Iterator[Mapping[str, Any]]:
    """Usage where it may lie. Deeper down the same names may stand in what a model says, or in a tool's arguments."""
    choices = data.get("choices")
    for place in (*(choices if isinstance(choices, list) else ()), data, *map(data.get, PLACES_OF_USAGE)):
        if isinstance(place, dict):
            for name in ("usage", "usageMetadata", "tokens"):
                if isinstance(usage := place.get(name), dict):
                    yield usage
    if "eval_count" in data or "prompt_eval_count" in data:  # Ollama's own shape
        yield {name: data.get(name) for name in ("prompt_eval_count", "eval_count")}


def _end_of(data: Mapping[str, Any]) -> tuple[str, str]:
    """The provider's word for why the answer ended and its sentence for that, in shapes other than OpenAI's."""
    candidates, blocked, delta = data.get("candidates"), data.get("promptFeedback"), data.get("delta")
    if isinstance(blocked, dict) and blocked.get("blockReason"):
        return str(blocked["blockReason"]), str(blocked.get("blockReasonMessage") or "")
    if isinstance(candidates, list) and candidates and isinstance(candidates[0], dict):
        word = str(candidates[0].get("finishReason") or "")
        return "" if word == NOT_YET else word, str(candidates[0].get("finishMessage") or "")
    for place in (data, delta):
        if isinstance(place, dict) and isinstance(place.get("stop_reason"), str):
            details = place.get("stop_details")
            explanation = details.get("explanation") if isinstance(details, dict) else None
            return place["stop_reason"], str(explanation or "")
    return "", ""


def _is_error(data: Mapping[str, Any]) -> bool:
    """Whether it says that something went wrong. Some servers send an empty error with every answer."""
    error = data.get("error")
    return bool(error.get("message") or error.get("code")) if isinstance(error, dict) else bool(error)
