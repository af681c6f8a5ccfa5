"""How long the event loop is kept from others at once, by replies and texts that take long to take apart or to count.

Usage: python -m bench.engine_bench.pauses    (the last line is the result as JSON)

A pause is the processor time that the loop's thread takes between two looks of the loop, in milliseconds.
"""

from __future__ import annotations

import asyncio
import json
import threading
import time
from collections.abc import Awaitable, Callable
from contextlib import suppress
from typing import Any

from bench.engine_bench.bare_import import MARK
from engine.bounded import Effort
from engine.errors import EngineError
from engine.providers import tokens
from engine.providers.credential import Credential
from engine.providers.litellm_client import LiteLLMClient
from engine.providers.llm import LLMRequest
from engine.spec.crew_spec import LLMSpec
from engine.spec.json_schema import schema_fault_within
from tests.engine.providers.families_server import FamiliesServer
from tests.engine.providers.left_alone import KNOWN, LLAMA, PATHS, always
from tests.openai_server import Fault, OpenAIServer

MEGABYTE = 1_000_000
Work = Callable[[], Awaitable[object]]


class Clock:
    """Notes the longest turn of the loop of the thread that makes it."""

    def __init__(self) -> None:
        self.longest_ms = 0.0
        run_handle, here = asyncio.events.Handle._run, threading.get_ident()

        def run_and_clock(handle: asyncio.Handle) -> None:
            began = time.thread_time()
            run_handle(handle)
            if threading.get_ident() == here:
                self.longest_ms = max(self.longest_ms, (time.thread_time() - began) * 1000)

        asyncio.events.Handle._run = run_and_clock  # type: ignore[method-assign]

    async def longest_of(self, work: Work) -> float:
        await asyncio.sleep(0)
        self.longest_ms = 0.0
        with suppress(EngineError):  # refused, which is an answer as well
            await work()
        await asyncio.sleep(0)
        return self.longest_ms


def asking(url: str, model: str = "openai/gpt-4o-mini", *, stream: bool = False) -> Work:
    """A request to the model at this address."""
    llm = LLMSpec(model=model, stream=stream, timeout_s=120)
    request = LLMRequest(llm=llm, messages=({"role": "user", "content": "Hello"},), max_tokens=99)
    credential = Credential(api_key="loopback", base_url=url)
    return lambda: LiteLLMClient(lambda llm: always(credential, llm)).complete(request)


async def measure() -> dict[str, float]:
    found: dict[str, float] = {}
    clock = Clock()
    with FamiliesServer() as server:
        for stream in (False, True):
            each = [
                await clock.longest_of(asking(server.url + PATHS.get(family, ""), f"{family}/{name}", stream=stream))
                for family, known in KNOWN.items()
                for name in (known, LLAMA)
            ]
            found[f"{len(KNOWN)} families' replies, {'streamed' if stream else 'whole'}"] = max(each)
    for name, answer in answers().items():
        with OpenAIServer(lambda body, answer=answer: answer) as openai:
            found[name] = await clock.longest_of(asking(openai.url))
    text = "A line of a text. " * (MEGABYTE // 18)
    found["tokens of a text of 1 MB"] = await clock.longest_of(lambda: tokens.counts([text]))
    schema = {"type": "object", "properties": {f"p{n}": {"type": "string"} for n in range(3000)}}
    found["a schema of 3,000 properties, checked"] = await clock.longest_of(
        lambda: schema_fault_within(Effort(), schema)
    )
    return found


def answers() -> dict[str, Any]:
    """Replies by what they are."""
    whole = json.dumps({"choices": [{"index": 0, "message": {"role": "assistant", "content": "x" * 50 * MEGABYTE}}]})
    return {
        "a reply of 1 MB of text": "word " * (MEGABYTE // 5),
        "the same without usage": {"role": "assistant", "content": "word " * (MEGABYTE // 5), "usage": None},
        "a reply of 3 MB of text": "word " * (3 * MEGABYTE // 5),
        "a reply of 50 MB, refused": Fault(200, whole, {"Content-Type": "application/json"}),
    }


def main() -> None:
    print(f"{MARK}{json.dumps(asyncio.run(measure()))}", flush=True)


if __name__ == "__main__":
    main()
