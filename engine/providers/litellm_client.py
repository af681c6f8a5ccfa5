"""The only file that imports litellm, and only at the first real request. Its replies and errors are translated here.

One request is one HTTP call: LiteLLM's own retries are off, because every attempt is a ledger line of ours.
"""

from __future__ import annotations

import asyncio
import gc
import logging
import os
import time
from datetime import UTC, datetime
from email.utils import parsedate_to_datetime
from functools import cache
from http import HTTPStatus
from types import ModuleType
from typing import Any

import httpx

from engine.catalogue.model_ids import provider_of, real_id
from engine.catalogue.pricing import Usage
from engine.errors import ProviderError
from engine.providers import tokens
from engine.providers.credential import Credential, FindCredential
from engine.providers.llm import LLMReply, LLMRequest, ToolCall
from engine.providers.one_exchange import Exchange, ReplyTooLarge, SecondRequest, guard, one_exchange
from engine.providers.prompt_cache import with_breakpoints
from engine.providers.reply_stream import gathered
from engine.spec.crew_spec import LLMSpec
from engine.text import storable

MAX_REPLY_CHARS = 4_000_000
MAX_BELIEVABLE_TOKENS = 100_000_000
MAX_MESSAGE_CHARS = 1000
RETRYABLE = frozenset({408, 409, 425, 429})
NEVER_SENT = frozenset(
    {"ConnectError", "ConnectTimeout", "ClientConnectorError", "ClientConnectorDNSError", "gaierror"}
)
"""Names of errors, of httpx and aiohttp, that say that no connection came about."""


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
        is_loaded = _litellm.cache_info().currsize
        litellm = _litellm() if is_loaded else await asyncio.to_thread(_litellm)
        began = time.perf_counter()
        with one_exchange() as exchange:
            try:
                async with asyncio.timeout(request.llm.timeout_s):
                    raw = await litellm.acompletion(**_arguments(request, credential))
                    if request.llm.stream:
                        raw = await gathered(raw, began=began, tail=exchange.tail)
            except TimeoutError as error:
                message = f"{request.llm.model} gave no answer within {request.llm.timeout_s:g} s."
                raise ProviderError(message, retryable=True, outcome_unknown=exchange.sent) from error
            except (asyncio.CancelledError, ProviderError):
                raise
            except Exception as error:  # LiteLLM raises some twenty kinds, and its dependencies' own besides
                raise _translated(error, exchange, credential, request) from error
        return _reply(raw, request, latency_ms=round((time.perf_counter() - began) * 1000))

    def count_tokens(self, request: LLMRequest) -> int:
        return tokens.count_request(request)

    def simulates(self, llm: LLMSpec) -> bool:
        return False


def load() -> None:
    """Imports LiteLLM now, for which the first real request would wait."""
    _litellm()


@cache
def _litellm() -> ModuleType:
    os.environ.setdefault("LITELLM_LOCAL_MODEL_COST_MAP", "True")
    # Without this, OpenAI's own SDK stands in between, which costs a third of a call's time.
    os.environ.setdefault("EXPERIMENTAL_OPENAI_BASE_LLM_HTTP_HANDLER", "true")
    import litellm  # 7 s and 180 MB: only who really asks a provider pays for it
    from litellm.llms.custom_httpx.aiohttp_transport import LiteLLMAiohttpTransport

    guard(LiteLLMAiohttpTransport)
    for name in ("LiteLLM", "LiteLLM Router", "LiteLLM Proxy"):
        # They would print requests around whatever this process logs by.
        logging.getLogger(name).handlers.clear()
    litellm.telemetry = False
    litellm.suppress_debug_info = True
    litellm.drop_params = True
    # Its hundred thousands of objects stay: a full collection would look at each of them, for 200 ms, in the middle of
    # whatever this process runs.
    gc.collect()
    gc.freeze()
    return litellm


def _arguments(request: LLMRequest, credential: Credential) -> dict[str, Any]:
    llm = request.llm
    arguments: dict[str, Any] = {
        "model": _litellm_id(llm.model),
        "messages": with_breakpoints(request),
        "max_tokens": request.max_tokens,
        "timeout": llm.timeout_s,
        "num_retries": 0,
        "max_retries": 0,
        "api_key": credential.api_key or "none",
        "stream": llm.stream,
        "no-log": True,  # its log entries cost more than sending the request
    }
    if llm.stream:
        arguments["stream_options"] = {"include_usage": True}
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


def _litellm_id(model: str) -> str:
    """With a provider's name in front: LiteLLM guesses it from the bare name only for models that it knows."""
    name = real_id(model)
    return name if "/" in name else f"{provider_of(name) or 'openai'}/{name}"


def _reply(raw: Any, request: LLMRequest, *, latency_ms: int) -> LLMReply:
    choices = getattr(raw, "choices", None)
    if not choices or getattr(choices[0], "message", None) is None:
        # It answered, so it may well bill: the reply is unusable and its price unknown.
        raise ProviderError("The provider's answer holds no choices.", retryable=True, outcome_unknown=True)
    message = choices[0].message
    text = _said(message.content if isinstance(message.content, str) else "")
    calls = tuple(_tool_calls(message))
    return LLMReply(
        text=text,
        usage=_usage(getattr(raw, "usage", None), request, text, calls),
        model=_said(getattr(raw, "model", "") or request.llm.model, 200),
        tool_calls=calls,
        finish_reason=_said(getattr(choices[0], "finish_reason", "") or "stop", 40),
        ttft_ms=getattr(raw, "ttft_ms", None),
        latency_ms=latency_ms,
        provider_request_id=_said(getattr(raw, "id", "") or "", 200),
    )


def _tool_calls(message: Any) -> list[ToolCall]:
    calls: list[ToolCall] = []
    taken: set[str] = set()
    for number, call in enumerate(getattr(message, "tool_calls", None) or ()):
        function = getattr(call, "function", None)
        name = getattr(function, "name", None)
        if name:
            arguments = _said(getattr(function, "arguments", "") or "")
            call_id = _said(call.id or f"call_{number}", 180)
            if call_id in taken:  # answers are matched by it, and providers refuse doubles
                call_id = f"{call_id}_{number}"
            taken.add(call_id)
            calls.append(ToolCall(call_id, _said(name, 200), arguments))
    return calls


def _said(value: Any, most: int = MAX_REPLY_CHARS) -> str:
    """A provider's text, bounded and fit to be stored and sent again."""
    return storable(str(value)[:most])


def _usage(raw: Any, request: LLMRequest, text: str, calls: tuple[ToolCall, ...]) -> Usage:
    """The provider's figures, or our own count, marked as estimated, where they are missing or cannot be true."""
    prompt, completion = _count(raw, "prompt_tokens"), _count(raw, "completion_tokens")
    if not prompt or completion is None or (completion == 0 and (text or calls)):
        said = text + "".join(call.name + call.arguments for call in calls)
        return Usage(
            prompt_tokens=tokens.count_request(request),
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


def _translated(error: Exception, exchange: Exchange, credential: Credential, request: LLMRequest) -> ProviderError:
    """What LiteLLM raised, told by what was really sent and answered: its own status codes are partly made up."""
    response = exchange.response
    status = response.status_code if response is not None else None
    message = _message(error, response)
    if credential.api_key:
        message = message.replace(credential.api_key, "[key]")
    never_sent = not exchange.sent or any(type(cause).__name__ in NEVER_SENT for cause in _causes(error))
    answered_no = status is not None and status >= HTTPStatus.BAD_REQUEST
    return ProviderError(
        f"{request.llm.model}: {storable(message)[:MAX_MESSAGE_CHARS]}",
        retryable=_retryable(error, exchange, status),
        outcome_unknown=not (never_sent or answered_no),
        status=status,
        retry_after_s=_retry_after_s(response),
        context_too_long=type(error).__name__ == "ContextWindowExceededError",
    )


def _message(error: Exception, response: httpx.Response | None) -> str:
    causes = _causes(error)
    if too_large := next((cause for cause in causes if isinstance(cause, ReplyTooLarge)), None):
        return str(too_large)
    if response is not None and response.is_closed and any(isinstance(cause, SecondRequest) for cause in causes):
        return f"The provider answered {response.status_code}: {response.text}"
    return str(error).partition("\nTraceback")[0]


def _retryable(error: Exception, exchange: Exchange, status: int | None) -> bool:
    """Whether the same request may succeed later: cut or missing answers, 429 and 5xx; never what was unfit to send."""
    if any(isinstance(cause, ReplyTooLarge) for cause in _causes(error)):
        return False
    if status is None:
        return exchange.sent or any(type(cause).__name__ in NEVER_SENT for cause in _causes(error))
    return status in RETRYABLE or status >= HTTPStatus.INTERNAL_SERVER_ERROR or status < HTTPStatus.BAD_REQUEST


def _causes(error: BaseException | None) -> list[BaseException]:
    found: list[BaseException] = []
    while error is not None and len(found) < 20:
        found.append(error)
        error = error.__cause__ or error.__context__
    return found


def _retry_after_s(response: httpx.Response | None) -> float | None:
    """Seconds that the provider asks for: a number of them, or a date."""
    value = response.headers.get("retry-after") if response is not None else None
    if value is None:
        return None
    try:
        return max(0.0, float(value))
    except ValueError:
        pass
    try:
        return max(0.0, (parsedate_to_datetime(value) - datetime.now(UTC)).total_seconds())
    except (ValueError, TypeError):
        return None
