"""Asks real providers through LiteLLM, and translates its replies and errors. Only this file imports litellm.

One request is one HTTP call: LiteLLM's own retries are off, because every attempt must be a line in our ledger.
"""

from __future__ import annotations

import asyncio
import gc
import logging
import math
import os
import sys
import time
from collections.abc import Awaitable, Callable
from datetime import UTC, datetime
from email.utils import parsedate_to_datetime
from functools import cache, partial, wraps
from http import HTTPStatus
from types import ModuleType
from typing import Any

import httpx

from engine.catalogue.model_ids import provider_of, real_id
from engine.errors import ModelRefused, ProviderError
from engine.providers import tokens
from engine.providers.credential import Credential, FindCredential
from engine.providers.llm import LLMReply, LLMRequest
from engine.providers.one_exchange import (
    Exchange,
    SecondRequest,
    guard,
    guard_blocking,
    one_exchange,
)
from engine.providers.prompt_cache import with_breakpoints
from engine.providers.replies.bounded import ReplyTooLarge, UnusableReply
from engine.providers.replies.ends import refusal_in_error
from engine.providers.replies.litellm_chunks import said_in_chunks, said_whole
from engine.providers.replies.reading import no_answer, read_reply
from engine.providers.replies.said import Said
from engine.spec.crew_spec import LLMSpec
from engine.text import storable
from engine.web.addresses import Reach

MAX_MESSAGE_CHARS = 1000
MAX_ERROR_CHARS = 16_000
"""Of an error of LiteLLM's, which quotes what it could not convert. It looks through them with slow patterns."""
MAX_RETRY_AFTER_S = 86_400.0
RETRYABLE = frozenset({408, 409, 425, 429})
NEVER_SENT = frozenset(
    {"ConnectError", "ConnectTimeout", "ClientConnectorError", "ClientConnectorDNSError", "gaierror"}
)
"""Names of httpx's and aiohttp's errors after which it is certain that nothing was sent: there was no connection."""


class LiteLLMClient:
    """An ``LLMClient`` that asks the model's provider.

    ``reach``: which hosts may be asked, where others than the program's own people choose them. None: all hosts, and
    by the environment's proxies.
    """

    def __init__(self, find_credential: FindCredential, reach: Reach | None = None) -> None:
        self._find_credential = find_credential
        self._reach = reach

    async def complete(self, request: LLMRequest) -> LLMReply:
        credential = self._find_credential(request.llm)
        if credential is None:
            raise ProviderError(
                f"There is no key for {request.llm.model}. Add one, or use another model.", retryable=False
            )
        is_loaded = _litellm.cache_info().currsize
        litellm = _litellm() if is_loaded else await asyncio.to_thread(_litellm)
        began_at = time.perf_counter()
        send = None if self._reach is None else await _sender(self._reach)
        with one_exchange(send) as exchange:
            try:
                async with asyncio.timeout(request.llm.timeout_s):
                    said = await _said(litellm, request, credential, exchange, began_at)
            except TimeoutError as error:
                message = f"{request.llm.model} gave no answer within {request.llm.timeout_s:g} s."
                raise ProviderError(message, retryable=True, outcome_unknown=exchange.sent) from error
            except (asyncio.CancelledError, ProviderError):
                raise
            except Exception as error:  # LiteLLM raises some twenty kinds, and those of its dependencies
                raise _translated(error, exchange, credential, request) from error
        return read_reply(said, request, latency_ms=round((time.perf_counter() - began_at) * 1000))

    def count_tokens(self, request: LLMRequest) -> int:
        return tokens.count_request(request)

    def simulates(self, llm: LLMSpec) -> bool:
        return False


def load() -> None:
    """Imports LiteLLM now, so that the first real request need not wait for it."""
    _litellm()


@cache
def _litellm() -> ModuleType:
    os.environ.setdefault("LITELLM_LOCAL_MODEL_COST_MAP", "True")
    # Else OpenAI's own SDK stands in between, which takes a third of a call's time.
    os.environ.setdefault("EXPERIMENTAL_OPENAI_BASE_LLM_HTTP_HANDLER", "true")
    import litellm  # late: it takes 7 s and 180 MB, and simulated runs do without it
    from litellm.llms.custom_httpx.aiohttp_transport import LiteLLMAiohttpTransport

    for transport in (LiteLLMAiohttpTransport, httpx.AsyncHTTPTransport):
        guard(transport)
    guard_blocking(httpx.HTTPTransport)
    _drop_long_errors()
    # It would cut ids that another program made with LiteLLM. What goes back to whom is decided in replies.own_fields.
    litellm.utils._remove_thought_signatures_from_messages = lambda messages, thought_signature_separator: messages
    for name in ("LiteLLM", "LiteLLM Router", "LiteLLM Proxy"):
        # These loggers would print requests past this process's own logging.
        logging.getLogger(name).handlers.clear()
    litellm.telemetry = False
    litellm.suppress_debug_info = True
    litellm.drop_params = True
    litellm.disable_hf_tokenizer_download = True  # it would fetch tokenizers of some models from a hub
    # LiteLLM's hundreds of thousands of objects stay for good. Unless they are frozen, each full garbage collection
    # looks at all of them, which stops the process for 200 ms.
    gc.collect()
    gc.freeze()
    return litellm


class UnconvertibleReply(Exception):
    """Stands for an error of LiteLLM's that quotes a long answer."""


def _drop_long_errors() -> None:
    """Puts ``UnconvertibleReply`` in the place of errors with long texts, before LiteLLM finds out their kind.

    A kind is found, and secrets are, by patterns over the text: they take minutes over some megabytes of braces.
    """
    from litellm.litellm_core_utils import exception_mapping_utils  # late: it imports litellm

    own: Callable[..., Any] = exception_mapping_utils.exception_type

    @wraps(own)
    def exception_type(model: Any, original_exception: Exception, *args: Any, **options: Any) -> Any:
        if any(len(str(cause)) > MAX_ERROR_CHARS for cause in _causes(original_exception)):
            raise UnconvertibleReply("The provider's answer cannot be understood.") from None
        return own(model, original_exception, *args, **options)

    for name, module in sys.modules.copy().items():  # a copy is one step; another thread may be importing
        if name.startswith("litellm.") and vars(module).get("exception_type") is own:
            module.exception_type = exception_type  # type: ignore[attr-defined]


@cache
def _direct_transport() -> Any:
    from litellm.llms.custom_httpx.aiohttp_transport import LiteLLMAiohttpTransport  # late: it imports litellm

    class DirectTransport(LiteLLMAiohttpTransport):
        """Uses none of the environment's proxies: only a proxy itself would know where it connects to."""

        async def _get_proxy_settings(self, request: httpx.Request) -> None:
            return None

    return DirectTransport


async def _sender(reach: Reach) -> Callable[[httpx.Request], Awaitable[httpx.Response]]:
    """Sends requests over this event loop's connections within ``reach``, with LiteLLM's errors.

    It raises ``RequestFailed`` before anything is sent to an address that may not be reached.
    """
    from litellm.llms.custom_httpx.aiohttp_transport import LiteLLMAiohttpTransport  # late: it imports litellm
    from litellm.llms.custom_httpx.http_handler import get_ssl_configuration

    from engine.providers.connections import new_session, session_within  # late: it imports aiohttp

    tls: Any = get_ssl_configuration()
    anew = partial(new_session, reach, tls=tls)
    transport = _direct_transport()(await session_within(reach, tls=tls), session_factory=anew, owns_session=False)

    async def send(request: httpx.Request) -> httpx.Response:
        reach.check_url(request.url)
        return await guard(LiteLLMAiohttpTransport)(transport, request)

    return send


async def _said(
    litellm: ModuleType, request: LLMRequest, credential: Credential, exchange: Exchange, began_at: float
) -> Said:
    """What the model said. An answer in OpenAI's shape is known from the wire, whatever LiteLLM makes of it."""
    wire = exchange.wire
    try:
        raw = await litellm.acompletion(**_arguments(request, credential))
        if request.llm.stream:
            return await said_in_chunks(raw, wire, began_at=began_at)
    except (ProviderError, asyncio.CancelledError):
        raise
    except Exception:
        if not wire.is_open_ai or wire.is_broken_off:
            raise
    return wire.said() if wire.is_open_ai else said_whole(raw, wire)


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
    """The id with its provider in front: LiteLLM guesses the provider only for models that it knows."""
    name = real_id(model)
    return name if "/" in name else f"{provider_of(name) or 'openai'}/{name}"


def _translated(error: Exception, exchange: Exchange, credential: Credential, request: LLMRequest) -> ProviderError:
    """LiteLLM's error as ours. The status is that of the real answer: some of LiteLLM's own are made up."""
    if exchange.refused is not None:
        return ProviderError(f"{request.llm.model}: {exchange.refused}", retryable=False)
    response = exchange.response
    status = response.status_code if response is not None else None
    message = _message(error, response)
    if credential.api_key:
        message = message.replace(credential.api_key, "[key]")
    message = f"{request.llm.model}: {storable(message)[:MAX_MESSAGE_CHARS]}"
    if words := _refusal(response, credential.api_key):
        return ModelRefused(f"{request.llm.model} refused to answer: {words}", status=status)
    if exchange.wire.usage is not None and any(isinstance(cause, UnusableReply) for cause in _causes(error)):
        return no_answer(message, exchange.wire.usage, request)
    never_sent = not exchange.sent or any(type(cause).__name__ in NEVER_SENT for cause in _causes(error))
    was_refused = status is not None and status >= HTTPStatus.BAD_REQUEST
    return ProviderError(
        message,
        retryable=_retryable(error, exchange, status),
        outcome_unknown=not (never_sent or was_refused),
        status=status,
        retry_after_s=_retry_after_s(response),
        context_too_long=type(error).__name__ == "ContextWindowExceededError",
    )


def _refusal(response: httpx.Response | None, key: str) -> str:
    """The words of an error that is a refusal of what the prompt holds, "" if it is another."""
    if response is None or not response.is_error or not response.is_closed:
        return ""
    try:
        words = refusal_in_error(response.text)
    except httpx.ResponseNotRead:
        return ""
    return storable(words.replace(key, "[key]") if key else words)[:MAX_MESSAGE_CHARS]


def _message(error: Exception, response: httpx.Response | None) -> str:
    causes = _causes(error)
    if response is not None and response.has_redirect_location:
        return f"The provider redirects to {response.headers['location'][:200]}, and redirects are not followed."
    if refused := next((cause for cause in causes if isinstance(cause, ReplyTooLarge | UnusableReply)), None):
        return str(refused)
    if response is not None and response.is_closed and any(isinstance(cause, SecondRequest) for cause in causes):
        return f"The provider answered {response.status_code}: {response.text}"
    return str(error).partition("\nTraceback")[0]


def _retryable(error: Exception, exchange: Exchange, status: int | None) -> bool:
    """Whether the same request may succeed later: cut or missing answers, 429 and 5xx; never what was unfit to send."""
    if any(isinstance(cause, ReplyTooLarge) for cause in _causes(error)):
        return False
    if exchange.response is not None and exchange.response.has_redirect_location:
        return False
    if status is None:
        return exchange.sent or any(type(cause).__name__ in NEVER_SENT for cause in _causes(error))
    return status in RETRYABLE or status >= HTTPStatus.INTERNAL_SERVER_ERROR or status < HTTPStatus.BAD_REQUEST


def _causes(error: BaseException | None) -> list[BaseException]:
    """The error and what led to it, at most 20: a chain of causes may be a circle."""
    causes: list[BaseException] = []
    while error is not None and len(causes) < 20:
        causes.append(error)
        error = error.__cause__ or error.__context__
    return causes


def _retry_after_s(response: httpx.Response | None) -> float | None:
    """The pause that the provider asks for, in seconds, at most a day. Retry-After is a number of seconds or a date."""
    value = response.headers.get("retry-after") if response is not None else None
    if value is None:
        return None
    try:
        asked_s = float(value)
    except ValueError:
        try:
            asked_s = (parsedate_to_datetime(value) - datetime.now(UTC)).total_seconds()
        except (ValueError, TypeError, OverflowError):
            return None
    return None if math.isnan(asked_s) else min(max(0.0, asked_s), MAX_RETRY_AFTER_S)
