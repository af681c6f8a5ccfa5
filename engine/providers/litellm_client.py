"""Asks real providers through LiteLLM, and translates its replies and errors. Only it and ``library`` import litellm.

One request is one HTTP call: LiteLLM's own retries are off, because every attempt must be a line in our ledger.
"""

from __future__ import annotations

import asyncio
import gc
import logging
import os
import sys
import time
from collections.abc import Awaitable, Callable, Iterable
from contextlib import suppress
from dataclasses import replace
from functools import cache, partial, wraps
from types import ModuleType
from typing import Any

import httpx

from engine.catalogue.model_ids import PROVIDERS, provider_of, real_id
from engine.errors import ProviderError
from engine.garbage import no_collections
from engine.providers import tokens
from engine.providers.credential import Credential, FindCredential
from engine.providers.library.own_accord import no_own_traffic
from engine.providers.library.quiet import NOTHING_FETCHED, drop_own_logs
from engine.providers.library.rehearsal import answered_by_nobody, is_rehearsed, rehearse
from engine.providers.llm import LLMReply, LLMRequest
from engine.providers.one_exchange import Exchange, guard, guard_blocking, one_exchange
from engine.providers.prompt_cache import with_breakpoints
from engine.providers.refusals.kinds import Kind
from engine.providers.refusals.said import tidy
from engine.providers.refusals.translation import causes_of, translated
from engine.providers.replies.litellm_chunks import said_in_chunks, said_whole
from engine.providers.replies.reading import no_answer, read_reply
from engine.providers.replies.said import Said
from engine.providers.servers.base_urls import base_url_of
from engine.providers.servers.known import NEEDS_BASE_URL
from engine.providers.unsent import SETTINGS, unsent
from engine.spec.crew_spec import LLMSpec
from engine.web.addresses import Reach

log = logging.getLogger(__name__)

UNREADABLE = "The provider answered, and the answer cannot be read here. The log names the fault."
MAX_ERROR_CHARS = 16_000
"""Of an error of LiteLLM's, which quotes what it could not convert. It looks through them with slow patterns."""


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
            message = f"There is no key for {request.llm.model}. Add one, or use another model."
            raise ProviderError(message, retryable=False, kind=Kind.KEY)
        try:
            reply = await self._ask(request, credential)
        except ProviderError as error:
            if isinstance(error.reply, LLMReply):
                error.reply = replace(error.reply, books_stated=credential.books_stated)
            raise
        return replace(reply, books_stated=credential.books_stated)

    async def _ask(self, request: LLMRequest, credential: Credential) -> LLMReply:
        if not is_rehearsed(request.llm.model):
            await asyncio.to_thread(get_ready, [request.llm.model])
        litellm = _litellm()
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
                raise translated(error, exchange, credential, request) from error
        try:
            return await _read(said, request, latency_ms=round((time.perf_counter() - began_at) * 1000))
        except ProviderError as error:
            raise _shown(error, credential) from None
        except Exception as error:
            log.exception("A provider's answer could not be read")
            message = f"{request.llm.model}: {UNREADABLE}"
            raise no_answer(message, said.usage, request, retryable=False) from error

    def count_tokens(self, request: LLMRequest) -> int:
        return tokens.count_request(request)

    def simulates(self, llm: LLMSpec) -> bool:
        return False

    def unsent(self, llm: LLMSpec) -> frozenset[str]:
        if not _litellm.cache_info().currsize:  # before the first request of a process nobody waits for the import
            return frozenset()
        settings = {name: getattr(llm, name) for name in SETTINGS}
        given = {
            name: list(value) if name == "stop" else value
            for name, value in settings.items()
            if value not in (None, ())
        }
        return unsent(_litellm(), _litellm_id(llm.model), given) if given else frozenset()


def get_ready(models: Iterable[str]) -> None:
    """Loads all that LiteLLM would load with its first requests to the models' providers. Nobody is asked. Blocks."""
    _litellm()
    tokens.count_text("Hello")
    rehearse(models, _ask_nobody)


async def _ask_nobody(request: LLMRequest, credential: Credential) -> None:
    with one_exchange(answered_by_nobody), suppress(Exception):  # not every provider's answers look like this one
        answer = await _litellm().acompletion(**_arguments(request, credential))
        if request.llm.stream:
            [chunk async for chunk in answer]


@cache
def _litellm() -> ModuleType:
    os.environ.update(NOTHING_FETCHED)
    # Else OpenAI's own SDK stands in between, which takes a third of a call's time.
    os.environ.setdefault("EXPERIMENTAL_OPENAI_BASE_LLM_HTTP_HANDLER", "true")
    with no_own_traffic(), no_collections():  # what an import makes stays, and each would look through all of it
        import litellm  # late: it takes seconds and 180 MB, and simulated runs do without it
    import litellm.proxy.guardrails.exception_utils  # it would be imported at the first error of a stream
    from litellm.llms.custom_httpx.aiohttp_transport import LiteLLMAiohttpTransport

    for transport in (LiteLLMAiohttpTransport, httpx.AsyncHTTPTransport):
        guard(transport)
    guard_blocking(httpx.HTTPTransport)
    _drop_long_errors()
    drop_own_logs()
    # It would cut ids that another program made with LiteLLM. What goes back to whom is decided in replies.own_fields.
    litellm.utils._remove_thought_signatures_from_messages = lambda messages, thought_signature_separator: messages
    for name in ("LiteLLM", "LiteLLM Router", "LiteLLM Proxy"):
        # These loggers would print requests past this process's own logging.
        logging.getLogger(name).handlers.clear()
    litellm.telemetry = False
    litellm.suppress_debug_info = True
    litellm.drop_params = True
    # It would fetch tokenizers of some models from a hub, and make up usage of others on the event loop.
    litellm.disable_hf_tokenizer_download = True
    litellm.disable_token_counter = True
    # LiteLLM's hundreds of thousands of objects stay for good. Unless they are frozen, each full garbage collection
    # looks at all of them, which stops the process for 200 ms.
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
        if any(len(str(cause)) > MAX_ERROR_CHARS for cause in causes_of(original_exception)):
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
        if not wire.is_open_ai or (wire.is_broken_off and not wire.is_accounted_for):
            raise
    return wire.said() if wire.is_open_ai else said_whole(raw, wire)


def _shown(error: ProviderError, credential: Credential) -> ProviderError:
    """The error with words that anybody may see: a server may quote a key, a path or a traceback in what it says."""

    def shown(words: str) -> str:
        return tidy(words.replace(credential.api_key, "[key]") if credential.api_key else words)

    error.args = (shown(str(error)),)
    if isinstance(error.reply, LLMReply):
        error.reply = replace(error.reply, refusal=shown(error.reply.refusal))
    return error


async def _read(said: Said, request: LLMRequest, *, latency_ms: int) -> LLMReply:
    """The reply. A long text may have to be counted, which is done off the event loop."""
    message = said.message or {}
    calls = [call for call in message.get("tool_calls") or () if isinstance(call, dict)]
    chars = len(str(message.get("content") or "")) + len(str(calls))
    read = partial(read_reply, said, request, latency_ms=latency_ms)
    return await asyncio.to_thread(read) if chars > tokens.ASIDE_CHARS else read()


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
    arguments |= _server_of(llm.model, credential)
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
    """The id with its provider in front: LiteLLM guesses the provider only for models that it knows.

    Ollama's models are asked by its chat route: the other one writes tools into the prompt's text.
    """
    name = real_id(model)
    if name.startswith("ollama/"):
        return name.replace("ollama/", "ollama_chat/", 1)
    return name if "/" in name else f"{provider_of(name) or 'openai'}/{name}"


def _server_of(model: str, credential: Credential) -> dict[str, str]:
    """Where the model's server is, if that is not the provider's own, in the forms that LiteLLM wants."""
    provider = provider_of(model) or "openai"
    if not credential.base_url and provider in NEEDS_BASE_URL:
        message = f"{model}: {PROVIDERS[provider]} has no address of its own. Give a base URL at its key."
        raise ProviderError(message, retryable=False, kind=Kind.ADDRESS)
    if not credential.base_url:
        return {}
    base = base_url_of(provider, credential.base_url, credential.api_version)
    further = {"api_version": base.api_version, "aws_region_name": base.region}
    return {"api_base": base.url} | {name: value for name, value in further.items() if value}
