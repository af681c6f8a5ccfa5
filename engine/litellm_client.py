"""The only file that imports litellm, and only at the first real request. Its replies and errors are translated here.

One request is one HTTP call: LiteLLM's own retries are off, because every attempt is a ledger line of ours.
"""

from __future__ import annotations

import asyncio
import os
import time
from collections.abc import Callable
from dataclasses import dataclass, field
from functools import cache
from types import ModuleType
from typing import Any

from engine import tokens
from engine.errors import ProviderError
from engine.llm import LLMReply, LLMRequest, ToolCall, Usage
from engine.models import provider_of
from engine.spec import LLMSpec

MAX_REPLY_CHARS = 4_000_000
MAX_BELIEVABLE_TOKENS = 100_000_000
REFUSALS = frozenset({400, 401, 403, 404, 405, 409, 413, 415, 422, 429})
"""The provider read the request and said no: nothing was done, nothing is billed."""
NEVER_SENT = frozenset(
    {"ConnectError", "ConnectTimeout", "ClientConnectorError", "ClientConnectorDNSError", "gaierror"}
)
"""Names of errors, of httpx and aiohttp, that say that no connection came about."""


@dataclass(frozen=True, slots=True)
class Credential:
    """A provider key and, for OpenAI-compatible servers, where they are. The key is left out of the repr."""

    api_key: str = field(repr=False)
    base_url: str | None = None


FindCredential = Callable[[LLMSpec], Credential | None]


class LiteLLMClient:
    """Asks real providers. ``find_credential`` gives the key for a model, None if there is none."""

    def __init__(self, find_credential: FindCredential) -> None:
        self._find_credential = find_credential

    async def complete(self, request: LLMRequest) -> LLMReply:
        credential = self._find_credential(request.llm)
        if credential is None:
            raise ProviderError(
                f"There is no key for {request.llm.model}. Add one, or use another model.", retryable=False
            )
        litellm = await asyncio.to_thread(_litellm)
        began = time.perf_counter()
        try:
            async with asyncio.timeout(request.llm.timeout_s):
                raw = await litellm.acompletion(**_arguments(request, credential))
        except TimeoutError as error:
            message = f"{request.llm.model} gave no answer within {request.llm.timeout_s:g} s."
            raise ProviderError(message, retryable=True, outcome_unknown=True) from error
        except asyncio.CancelledError:
            raise
        except Exception as error:  # LiteLLM raises some twenty kinds, and its dependencies' own besides
            raise _translated(error, credential, request) from error
        return _reply(raw, request, latency_ms=round((time.perf_counter() - began) * 1000))

    def count_tokens(self, request: LLMRequest) -> int:
        return tokens.count_messages(request.messages, request.tools)

    def simulates(self, llm: LLMSpec) -> bool:
        return False


@cache
def _litellm() -> ModuleType:
    os.environ.setdefault("LITELLM_LOCAL_MODEL_COST_MAP", "True")
    import litellm  # 7 s and 180 MB: only who really asks a provider pays for it

    litellm.telemetry = False
    litellm.suppress_debug_info = True
    litellm.drop_params = True
    return litellm


def _arguments(request: LLMRequest, credential: Credential) -> dict[str, Any]:
    llm = request.llm
    arguments: dict[str, Any] = {
        "model": _litellm_id(llm.model, credential),
        "messages": [dict(message) for message in request.messages],
        "max_tokens": request.max_tokens,
        "timeout": llm.timeout_s,
        "num_retries": 0,
        "max_retries": 0,
        "api_key": credential.api_key or "none",
        "stream": False,
    }
    if credential.base_url:
        arguments["api_base"] = credential.base_url
    for name in ("temperature", "top_p", "seed", "reasoning_effort"):
        if (value := getattr(llm, name)) is not None:
            arguments[name] = value
    if llm.stop:
        arguments["stop"] = list(llm.stop)
    if request.tools:
        arguments["tools"] = list(request.tools)
        arguments["tool_choice"] = "auto" if request.may_call_tools else "none"
    if request.response_schema is not None:
        schema = {"name": "answer", "schema": request.response_schema, "strict": False}
        arguments["response_format"] = {"type": "json_schema", "json_schema": schema}
    return arguments


def _litellm_id(model: str, credential: Credential) -> str:
    """With a provider's name in front: LiteLLM guesses it from the bare name only for models that it knows."""
    provider = provider_of(model)
    if "/" in model:
        return model
    if provider is None:
        return f"openai/{model}"
    return f"{provider}/{model}"


def _reply(raw: Any, request: LLMRequest, *, latency_ms: int) -> LLMReply:
    choices = getattr(raw, "choices", None)
    if not choices or getattr(choices[0], "message", None) is None:
        # It answered, so it may well bill: the reply is unusable and its price unknown.
        raise ProviderError("The provider's answer holds no choices.", retryable=True, outcome_unknown=True)
    message = choices[0].message
    text = clean(message.content if isinstance(message.content, str) else "")
    calls = tuple(_tool_calls(message))
    return LLMReply(
        text=text,
        usage=_usage(getattr(raw, "usage", None), request, text, calls),
        model=clean(str(getattr(raw, "model", "") or request.llm.model))[:200],
        tool_calls=calls,
        finish_reason=str(getattr(choices[0], "finish_reason", "") or "stop"),
        latency_ms=latency_ms,
        provider_request_id=clean(str(getattr(raw, "id", "") or ""))[:200],
    )


def _tool_calls(message: Any) -> list[ToolCall]:
    calls = []
    for number, call in enumerate(getattr(message, "tool_calls", None) or ()):
        function = getattr(call, "function", None)
        name = getattr(function, "name", None)
        if name:
            arguments = clean(str(getattr(function, "arguments", "") or ""))
            calls.append(ToolCall(str(call.id or f"call_{number}"), clean(str(name)), arguments))
    return calls


def _usage(raw: Any, request: LLMRequest, text: str, calls: tuple[ToolCall, ...]) -> Usage:
    """The provider's figures, or our own count, marked as estimated, where they are missing or cannot be true."""
    prompt, completion = _count(raw, "prompt_tokens"), _count(raw, "completion_tokens")
    if not prompt or completion is None or (completion == 0 and (text or calls)):
        said = text + "".join(call.name + call.arguments for call in calls)
        return Usage(
            prompt_tokens=tokens.count_messages(request.messages, request.tools),
            completion_tokens=tokens.count_text(said),
            estimated=True,
        )
    prompt_details = getattr(raw, "prompt_tokens_details", None)
    cached = _count(prompt_details, "cached_tokens") or _count(raw, "cache_read_input_tokens") or 0
    cache_write = _count(raw, "cache_creation_input_tokens") or 0
    reasoning = _count(getattr(raw, "completion_tokens_details", None), "reasoning_tokens") or 0
    cached = min(cached, prompt)
    return Usage(
        prompt_tokens=prompt,
        cached_prompt_tokens=cached,
        cache_write_tokens=min(cache_write, prompt - cached),
        completion_tokens=completion,
        reasoning_tokens=min(reasoning, completion),
    )


def _count(holder: Any, name: str) -> int | None:
    """A believable token count, else None."""
    value = getattr(holder, name, None)
    if isinstance(value, bool) or not isinstance(value, int) or not 0 <= value <= MAX_BELIEVABLE_TOKENS:
        return None
    return value


def _translated(error: Exception, credential: Credential, request: LLMRequest) -> ProviderError:
    status = getattr(error, "status_code", None)
    status = status if isinstance(status, int) else None
    refused = status in REFUSALS
    retryable = status is None or status in (408, 409, 425, 429) or status >= 500
    message = str(error).partition("\nTraceback")[0][:1000]
    if credential.api_key:
        message = message.replace(credential.api_key, "[key]")
    return ProviderError(
        f"{request.llm.model}: {clean(message)}",
        retryable=retryable,
        outcome_unknown=_outcome_unknown(error, refused),
        status=status,
        retry_after_s=_retry_after_s(error),
    )


def _outcome_unknown(error: Exception, refused: bool) -> bool:
    """Whether the request may have been carried out and billed although no usable answer came.

    LiteLLM gives most failures a made-up response, so only the causes tell: an HTTP error status was really answered,
    and
    a connection that was never made carried nothing.
    """
    causes = {type(cause).__name__ for cause in _causes(error)}
    return not (refused or "HTTPStatusError" in causes or causes & NEVER_SENT)


def _causes(error: BaseException | None) -> list[BaseException]:
    found: list[BaseException] = []
    while error is not None and len(found) < 20:
        found.append(error)
        error = error.__cause__ or error.__context__
    return found


def _retry_after_s(error: Exception) -> float | None:
    """Seconds from the provider's own Retry-After header, wherever in the chain of errors it was kept."""
    for cause in _causes(error):
        holders = (
            getattr(cause, "litellm_response_headers", None),
            getattr(getattr(cause, "response", None), "headers", None),
        )
        for headers in holders:
            try:
                return max(0.0, float((headers or {}).get("retry-after")))  # type: ignore[arg-type]
            except (TypeError, ValueError):
                continue
    return None


def clean(text: str) -> str:
    """Text of any provider as text that can be stored and sent again: bounded, no NULs, no lone surrogates."""
    text = text[:MAX_REPLY_CHARS].replace("\x00", "\ufffd")
    return text.encode("utf-16", "surrogatepass").decode("utf-16", "replace")
