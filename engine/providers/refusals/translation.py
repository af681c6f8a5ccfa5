"""Turns what LiteLLM raises, and what was on the wire, into the one error that the engine knows.

LiteLLM's own texts are not shown: they quote tracebacks and paths, and some of their statuses are made up. What is
shown is a sentence of ours and the provider's words.
"""

from __future__ import annotations

import json
import logging
from http import HTTPStatus
from typing import Any

import httpx

from engine.catalogue.model_ids import PROVIDERS, provider_of
from engine.errors import ModelRefused, ProviderError, Room
from engine.providers.credential import Credential
from engine.providers.llm import LLMRequest
from engine.providers.one_exchange import Exchange
from engine.providers.refusals.kinds import Kind
from engine.providers.refusals.meaning import Refusal, meaning
from engine.providers.refusals.said import tidy
from engine.providers.refusals.sentences import sentence
from engine.providers.replies.bounded import ReplyTooLarge, UnusableReply
from engine.providers.replies.ends import refusal_in_error
from engine.providers.replies.reading import no_answer
from engine.text import storable

log = logging.getLogger(__name__)

MAX_MESSAGE_CHARS = 1000
MAX_CAUSES = 20
NO_NAME = frozenset({"ClientConnectorDNSError", "gaierror"})
NO_TRUST = frozenset({"ClientConnectorSSLError", "ClientConnectorCertificateError", "SSLCertVerificationError"})
NO_CONNECTION = frozenset({"ConnectError", "ConnectTimeout", "ClientConnectorError"})
"""Names of httpx's and aiohttp's errors after which it is certain that nothing was sent: there was no connection."""
NOT_BEGUN = frozenset(Kind) - {Kind.BUSY, Kind.DOWN, Kind.REQUEST}
"""Kinds of refusal of which it is certain, even behind a status of success, that no answer was begun and billed."""


def translated(error: Exception, exchange: Exchange, credential: Credential, request: LLMRequest) -> ProviderError:
    """The error of an attempt, with a text that can be shown to anybody."""
    if credential.api_key:  # first, since words are cut
        exchange.wire.tail[:] = exchange.wire.tail.replace(credential.api_key.encode(), b"[key]")
    failure = _failure(error, exchange, request)
    message = f"{request.llm.model}{' ' if isinstance(failure, ModelRefused) else ': '}{failure}"
    if credential.api_key:
        message = message.replace(credential.api_key, "[key]")
    failure.args = (storable(message)[:MAX_MESSAGE_CHARS],)
    return failure


def causes_of(error: BaseException | None) -> list[BaseException]:
    """The error and what led to it, at most 20: a chain of causes may be a circle."""
    causes: list[BaseException] = []
    while error is not None and len(causes) < MAX_CAUSES:
        causes.append(error)
        error = error.__cause__ or error.__context__
    return causes


def _failure(error: Exception, exchange: Exchange, request: LLMRequest) -> ProviderError:
    response = exchange.response
    if exchange.refused is not None:
        return ProviderError(str(exchange.refused), retryable=False, kind=Kind.ADDRESS)
    if stopped := next((cause for cause in causes_of(error) if isinstance(cause, ReplyTooLarge | UnusableReply)), None):
        return _stopped(stopped, exchange, request)
    if response is None:
        return _unanswered(error, exchange) if exchange.sent else _unsent(error, request.llm.model)
    if response.has_redirect_location:
        where = tidy(response.headers["location"][:200])
        message = f"The provider redirects to {where}, and redirects are not followed. Give that address as base URL."
        return ProviderError(message, retryable=False, status=response.status_code, kind=Kind.ADDRESS)
    if response.status_code >= HTTPStatus.BAD_REQUEST:
        return _refused(error, exchange, response, request)
    return _unusable(error, exchange, response, request)


def _stopped(stopped: Exception, exchange: Exchange, request: LLMRequest) -> ProviderError:
    """An answer that was not read to its end, or is no reply; what its usage says was billed all the same."""
    if exchange.wire.usage is not None and isinstance(stopped, UnusableReply):
        return no_answer(str(stopped), exchange.wire.usage, request)
    was_refused = exchange.response is not None and exchange.response.is_error
    return ProviderError(str(stopped), retryable=isinstance(stopped, UnusableReply), outcome_unknown=not was_refused)


def _refused(error: Exception, exchange: Exchange, response: httpx.Response, request: LLMRequest) -> ProviderError:
    refusal = _meaning(response.status_code, response, bytes(exchange.wire.tail), request)
    return _of(refusal, error, refused=tidy(refusal_in_error(exchange.wire.tail.decode("utf-8", "replace"))))


def _meaning(status: int, response: httpx.Response, body: bytes, request: LLMRequest) -> Refusal:
    headers = {name.lower(): value for name, value in response.headers.items()}
    return meaning(status, headers, body, prompt=request.prompt_tokens, asked=request.max_tokens)


def _of(refusal: Refusal, error: Exception, *, outcome_unknown: bool = False, refused: str = "") -> ProviderError:
    """``refused``: the words, if it is known to be for what the texts hold."""
    if refused or refusal.kind is Kind.CONTENT:
        failure = ModelRefused(f"refused to answer: {refused or sentence(refusal)}", status=refusal.status)
        failure.outcome_unknown = outcome_unknown
        return failure
    room = refusal.room
    if type(error).__name__ == "ContextWindowExceededError":  # LiteLLM knows wordings that we do not
        room = room or Room()
    return ProviderError(
        sentence(refusal),
        retryable=refusal.retryable,
        outcome_unknown=outcome_unknown,
        status=refusal.status,
        retry_after_s=refusal.pause_s,
        room=room,
        kind=refusal.kind,
    )


def _unusable(error: Exception, exchange: Exchange, response: httpx.Response, request: LLMRequest) -> ProviderError:
    """An answer with a status of success that is no reply: perhaps a refusal inside it, as gateways send it."""
    inner, is_first = _inner_refusal(bytes(exchange.wire.tail))
    if inner is not None:
        refusal = _meaning(_inner_status(inner), response, json.dumps(inner).encode(), request)
        return _of(refusal, error, outcome_unknown=not (is_first and refusal.kind in NOT_BEGUN))
    log.warning("A provider's answer could not be used", exc_info=error)
    message = "The provider's answer cannot be understood, or broke off. Whether it was billed is not known."
    return ProviderError(message, retryable=True, outcome_unknown=True, status=response.status_code)


def _inner_refusal(tail: bytes) -> tuple[dict[str, Any] | None, bool]:
    """The error in a body or in the events of a stream, and whether nothing came before it."""
    lines = [line.removeprefix("data:").strip() for line in tail.decode("utf-8", "replace").splitlines()]
    texts = [line for line in lines if line.startswith("{")]
    if len(texts) != len([line for line in lines if line and not line.startswith(("event:", ":", "[DONE]"))]):
        texts = ["\n".join(lines)]  # one JSON over several lines
    for number, text in enumerate(texts):
        try:
            read = json.loads(text)
        except (ValueError, RecursionError):
            continue
        if isinstance(read, dict) and read.get("error") and not read.get("choices"):
            return read, number == 0
    return None, False


def _inner_status(inner: dict[str, Any]) -> int:
    """The status that the error names; 502 where it names none, as a gateway would."""
    error = inner["error"] if isinstance(inner["error"], dict) else {}
    for code in (error.get("code"), error.get("status"), inner.get("code"), inner.get("status_code")):
        try:
            if 400 <= int(code) < 600:  # type: ignore[arg-type]
                return int(code)  # type: ignore[arg-type]
        except (TypeError, ValueError, OverflowError):
            continue
    return int(HTTPStatus.BAD_GATEWAY)


def _unanswered(error: Exception, exchange: Exchange) -> ProviderError:
    names = {type(cause).__name__ for cause in causes_of(error)}
    where = _origin(exchange.url)
    if names & NO_NAME:
        message = f"There is no server named {exchange.url.host if exchange.url else '?'}. Check the base URL."
        return ProviderError(message, retryable=True, kind=Kind.ADDRESS)
    if names & NO_TRUST:
        message = f"The certificate of {where} is not to be trusted, so nothing was sent. Check the base URL."
        return ProviderError(message, retryable=False, kind=Kind.ADDRESS)
    if names & NO_CONNECTION:
        message = f"Nothing answers at {where}. Is the server running, and is the base URL right?"
        return ProviderError(message, retryable=True, kind=Kind.ADDRESS)
    message = f"The connection to {where} broke off before an answer. Whether it was billed is not known."
    return ProviderError(message, retryable=True, outcome_unknown=True, kind=Kind.DOWN)


def _unsent(error: Exception, model: str) -> ProviderError:
    """LiteLLM would not even send it."""
    provider = provider_of(model)
    if "LLM Provider NOT provided" in str(error) or provider is None:
        message = (
            f"This id names no known provider. Write provider/model with one of {', '.join(sorted(PROVIDERS))}; for "
            "any other OpenAI-compatible server write openai/model, with the server's base URL at the key."
        )
        return ProviderError(message, retryable=False, kind=Kind.MODEL)
    log.warning("A request could not be made", exc_info=error)
    said = str(error).removeprefix("litellm.")
    return ProviderError(f"The request could not be made: {tidy(said)}", retryable=False, kind=Kind.REQUEST)


def _origin(url: httpx.URL | None) -> str:
    """Scheme, host and port, which is what people know of it."""
    return "the provider" if url is None else f"{url.scheme}://{url.netloc.decode('ascii')}"
