"""Tests a key by one free request, for the server's list of models, and reads the ids of those that chat."""

from __future__ import annotations

import json
import re
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

import httpx

from engine.catalogue.model_ids import PROVIDERS
from engine.providers.credential import Credential
from engine.providers.refusals.kinds import Kind
from engine.providers.refusals.meaning import Refusal, meaning
from engine.providers.servers.base_urls import BaseUrl, base_url_of
from engine.providers.servers.known import SERVERS, Server
from engine.web.addresses import RequestFailed
from engine.web.guarded_http import GuardedHttp, HttpAnswer

MAX_LIST_BYTES = 4_000_000
MAX_MODELS = 500
MAX_ERROR_CHARS = 8_000
"""Of a refusal no more is looked through."""
MAX_ID_CHARS = 180
NO_CHAT = re.compile(
    r"embed|whisper|tts|speech|transcri|dall-e|image|imagen|veo|sora|moderation|rerank|realtime|audio|davinci|babbage"
    r"|\baqa\b|guard|ocr|segment|voxtral",
    re.IGNORECASE,
)
"""Names of models that make no chat replies, where the list does not say what each can do."""


class ServerFault(Exception):
    """Why the test failed, for people. ``field`` is what to change: ``api_key`` or ``base_url``; "" if neither."""

    def __init__(self, message: str, *, field: str = "") -> None:
        super().__init__(message)
        self.field = field


@dataclass(frozen=True, slots=True)
class Listing:
    """``models``: ids as agents name them, with their provider in front. ``note``: what the test does not say.

    ``was_asked``: False where there is no list to ask for.
    """

    models: tuple[str, ...] = ()
    note: str = ""
    was_asked: bool = True


async def list_models(provider: str, credential: Credential, http: GuardedHttp) -> Listing:
    """The models that the key may use. Raises ``ServerFault`` if the server does not take the key or is none."""
    server = SERVERS.get(provider)
    name = PROVIDERS.get(provider, provider)
    if server is None or not server.models:
        message = f"{name} has no list of models to test a key with, so the first call will tell."
        return Listing(note=message, was_asked=False)
    base = base_url_of(provider, credential.base_url or server.base_url, credential.api_version)
    if credential.base_url:
        name = f"The server at {base.url}"
    answer = await _ask(server, base, credential, http)
    if answer.status >= 400 or answer.status in (301, 302, 303, 307, 308):
        raise _fault(name, base, answer, credential.api_key)
    models = tuple(dict.fromkeys(_agents_id(provider, model) for model in _ids(_read(answer, base))))
    if not server.lists_ids:
        return Listing(note=server.note)
    return Listing(models[:MAX_MODELS], server.note if models else f"{name} lists no model for chats yet.")


async def _ask(server: Server, base: BaseUrl, credential: Credential, http: GuardedHttp) -> HttpAnswer:
    headers = dict(server.headers)
    if credential.api_key:
        is_bearer = server.key_in == "Authorization"
        headers[server.key_in] = f"Bearer {credential.api_key}" if is_bearer else credential.api_key
    url = base.url + server.models.format(api_version=base.api_version)
    try:
        return await http.get_once(url, headers=headers, most_bytes=MAX_LIST_BYTES)
    except RequestFailed as failed:
        is_there = not isinstance(failed.__cause__, httpx.ConnectError)
        what = str(failed) if is_there else f"Nothing answers at {base.url}."
        raise ServerFault(f"{what} Is the server running, and is the base URL right?", field="base_url") from failed


def _fault(name: str, base: BaseUrl, answer: HttpAnswer, key: str) -> ServerFault:
    if answer.status < 400:
        where = answer.headers.get("location", "")[:200]
        return ServerFault(f"{base.url} redirects to {where}. Give that address as base URL.", field="base_url")
    text = answer.text[:MAX_ERROR_CHARS]
    refusal = meaning(answer.status, answer.headers, (text.replace(key, "[key]") if key else text).encode())
    says = f" It says ({answer.status}): {refusal.words}" if refusal.words else f" (Status {answer.status}.)"
    return ServerFault(f"{_what(name, base, refusal)}{says}", field=_field(refusal))


def _what(name: str, base: BaseUrl, refusal: Refusal) -> str:
    match refusal.kind:
        case Kind.KEY:
            return f"{name} does not take this key. Paste it again, or make a new one there."
        case Kind.PERMISSION:
            return f"{name} knows the key, and does not let it list models. Give it the right to, or use another key."
        case Kind.QUOTA:
            return f"{name} takes the key, but nothing is left to spend there. Add credit."
        case Kind.BUSY | Kind.DOWN:
            return f"{name} cannot answer at the moment. Test again later."
        case _:
            return f"{base.url} has no list of models, so it may be the wrong base URL; many end in /v1."


def _field(refusal: Refusal) -> str:
    if refusal.kind in (Kind.KEY, Kind.PERMISSION, Kind.QUOTA):
        return "api_key"
    return "" if refusal.kind in (Kind.BUSY, Kind.DOWN) else "base_url"


def _read(answer: HttpAnswer, base: BaseUrl) -> Any:
    try:
        read = json.loads(answer.text)
    except (ValueError, RecursionError):
        read = None
    rows = read.get("data", read.get("models")) if isinstance(read, dict) else read
    if not isinstance(rows, list):
        message = f"What answers at {base.url} is no model server: it gave no list of models. Check the base URL."
        raise ServerFault(message, field="base_url")
    return rows


def _ids(rows: list[Any]) -> Iterator[str]:
    """The ids of chat models, as OpenAI, Anthropic, Gemini, Cohere, Ollama and Together write their lists."""
    for row in rows:
        if not isinstance(row, dict):
            continue
        name = row.get("id") or row.get("model") or row.get("name")
        if isinstance(name, str) and 0 < len(name) <= MAX_ID_CHARS and _chats(row, name) and not _is_odd(name):
            yield name.removeprefix("models/")


def _is_odd(name: str) -> bool:
    """Whether it holds a blank, or a character that is not seen."""
    return " " in name or not name.isprintable()


def _chats(row: dict[str, Any], name: str) -> bool:
    """Whether the model makes chat replies, by what its row says of it or else by its name."""
    methods, kinds, abilities = (
        row.get("supportedGenerationMethods"),
        row.get("endpoints"),
        row.get("capabilities"),
    )
    if isinstance(methods, list) and "generateContent" not in methods:
        return False
    if isinstance(kinds, list) and kinds and "chat" not in kinds:
        return False
    if isinstance(abilities, dict) and isinstance(said := abilities.get("completion_chat"), bool):
        return said
    if isinstance(kind := row.get("type"), str) and kind in ("embedding", "embeddings", "image", "audio", "rerank"):
        return False
    return NO_CHAT.search(name) is None


def _agents_id(provider: str, model: str) -> str:
    return model if provider == "anthropic" and model.startswith("claude-") else f"{provider}/{model}"
