"""A request to each provider that is not sent: LiteLLM loads on a thread what it would load on the event loop."""

from __future__ import annotations

import asyncio
import gc
import json
import threading
from collections.abc import Awaitable, Callable, Iterable
from concurrent.futures import ThreadPoolExecutor
from itertools import product

import httpx

from engine.catalogue.model_ids import provider_of
from engine.providers.credential import Credential
from engine.providers.llm import LLMRequest
from engine.spec.crew_spec import LLMSpec

NO_TOOL = {"type": "function", "function": {"name": "none", "parameters": {"type": "object", "properties": {}}}}
"""LiteLLM imports a package for the first request with tools."""
NOBODY = Credential(api_key="none", base_url="http://nobody.invalid/v1")
Ask = Callable[[LLMRequest, Credential], Awaitable[None]]
"""Has LiteLLM do all of a request, with ``answered_by_nobody`` in place of the network. Raises nothing."""

_rehearsed: set[str | None] = set()
"""Providers whose way through LiteLLM was gone in this process."""
_lock = threading.Lock()


def is_rehearsed(model: str) -> bool:
    return provider_of(model) in _rehearsed


def rehearse(models: Iterable[str], ask: Ask) -> None:
    """Goes the way of a request through LiteLLM for each new provider. Blocks: for Azure it loads for a second."""
    with _lock:
        new = {provider_of(model): model for model in models if not is_rehearsed(model)}
        if new:
            with ThreadPoolExecutor(1) as thread:  # an event loop may be running on this one
                thread.submit(asyncio.run, _ask_each(new.values(), ask)).result()
            _rehearsed.update(new)
            gc.freeze()  # what was loaded stays, and full collections need not look at it


async def _ask_each(models: Iterable[str], ask: Ask) -> None:
    for model, stream in product(models, (False, True)):
        llm, messages = LLMSpec(model=model, stream=stream), ({"role": "user", "content": "Hello"},)
        await ask(LLMRequest(llm=llm, messages=messages, max_tokens=1, tools=(NO_TOOL,)), NOBODY)


async def answered_by_nobody(request: httpx.Request) -> httpx.Response:
    """An answer as OpenAI-compatible servers give it, whole or as a stream of one event."""
    said = {"role": "assistant", "content": "Hello"}
    usage = {"prompt_tokens": 1, "completion_tokens": 1, "total_tokens": 2}
    reply = {"id": "nobody", "created": 0, "model": "nobody", "usage": usage}
    if b'"stream":true' not in request.content.replace(b" ", b""):
        choices = [{"index": 0, "message": said, "finish_reason": "stop"}]
        return httpx.Response(200, json={**reply, "object": "chat.completion", "choices": choices}, request=request)
    choices = [{"index": 0, "delta": said, "finish_reason": "stop"}]
    chunk = json.dumps({**reply, "object": "chat.completion.chunk", "choices": choices})
    kind = {"Content-Type": "text/event-stream"}
    return httpx.Response(200, content=f"data: {chunk}\n\ndata: [DONE]\n\n", headers=kind, request=request)
