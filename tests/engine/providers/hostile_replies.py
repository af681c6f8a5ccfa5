"""A program that asks a hostile provider for each kind of answer, and prints what each cost. Run by a test.

``python -m tests.engine.providers.hostile_replies``. It may use so much memory and processor time, and no more.
"""

from __future__ import annotations

import asyncio
import json
import resource
import sys
import time
from collections.abc import Callable
from typing import Any

from engine.errors import ProviderError
from engine.providers.credential import Credential
from engine.providers.litellm_client import LiteLLMClient
from engine.providers.llm import LLMRequest
from engine.spec.crew_spec import LLMSpec
from tests.engine.providers.replies.wires import TOOLS
from tests.openai_server import Fault, OpenAIServer

MEMORY_BYTES = 900_000_000
"""Of data. LiteLLM takes some 300 MB of it before any request."""
CPU_SECONDS = 90
EVENTS = {"Content-Type": "text/event-stream"}


def whole(content: Any = "ok", *, message: str = "", more: str = "", **fields: Any) -> Fault:
    """A completion; ``message`` and ``more`` are JSON text put at the end of the message and of the whole."""
    text = json.dumps({"role": "assistant", "content": content})[:-1] + message + "}"
    head = json.dumps({"id": "x", "object": "chat.completion", "created": 1, "model": "m"} | fields)[:-1]
    choice = f'{{"index": 0, "message": {text}, "finish_reason": "stop"}}'
    usage = '{"prompt_tokens": 5, "completion_tokens": 5, "total_tokens": 10}'
    return Fault(200, f'{head}, "choices": [{choice}], "usage": {usage}{more}}}')


def events(delta: Callable[[int], Any], number: int) -> Fault:
    def event(delta: Any) -> str:
        return "data: " + json.dumps({"choices": [{"delta": delta}]}) + "\n\n"

    return Fault(200, "".join(event(delta(n)) for n in range(number)) + "data: [DONE]\n\n", EVENTS)


def call(number: int) -> dict[str, Any]:
    return {"index": number, "id": f"c{number}", "type": "function", "function": {"name": "clock", "arguments": "{}"}}


BRACES = "{" * 3_000_000
KINDS: dict[str, Callable[[], Fault]] = {
    "an ordinary one": whole,
    "tool calls of the wrong kind": lambda: whole(BRACES, message=', "tool_calls": 5'),
    "a usage of the wrong kind": lambda: whole(BRACES, more=', "usage": [1]'),
    "a text of the wrong kind": lambda: whole({"text": BRACES}),
    "one choice of the wrong kind": lambda: Fault(200, json.dumps({"choices": [BRACES]})),
    "a log probability of the wrong kind": lambda: Fault(
        200, json.dumps({"choices": [{"message": {"content": BRACES}, "logprobs": 5, "provider_specific_fields": 5}]})
    ),
    "300,000 keys": lambda: whole(more="".join(f', "k{n}": 1' for n in range(300_000))),
    "1,000,000 lists": lambda: whole(more=', "x": [' + "[]," * 1_000_000 + "1]"),
    "very deep": lambda: whole(more=', "x": ' + "[" * 900 + "]" * 900),
    "a long id": lambda: whole(id="i" * 1_000_000),
    "a long reason to finish": lambda: Fault(
        200, json.dumps({"choices": [{"message": {"content": "ok"}, "finish_reason": "f" * 1_000_000}]})
    ),
    "5,000 tool calls": lambda: whole(None, message=f', "tool_calls": {json.dumps([call(n) for n in range(5000)])}'),
    "a deep argument": lambda: whole(
        None, message=', "tool_calls": ' + json.dumps([call(0) | {"function": {"name": "a", "arguments": BRACES}}])
    ),
    "an error page": lambda: Fault(500, "<p>" * 3_000_000, {"Content-Type": "text/html"}),
    "UTF-16": lambda: Fault(200, ("{" + ",".join(f'"k{n}": 1' for n in range(100_000)) + "}").encode("utf-16")),
    "marks of calls in a text": lambda: whole("<tool_call>" * 300_000),
    "marks of arguments without end": lambda: whole("<tool_call>a" + "<arg_key>" * 300_000),
    "marks of parameters without end": lambda: whole("<function=a>" + '<parameter name="' * 200_000),
    "marks of thoughts": lambda: whole("<think>\n```\n" * 200_000),
    "beginnings of JSON": lambda: whole('\n{"name": [' * 200_000),
    "spaces": lambda: whole(" " * 1_500_000 + "x" + "\n" * 1_000_000),
    "stream: 5,000 tool calls": lambda: events(lambda n: {"tool_calls": [call(n)]}, 5000),
    "stream: an event of lists": lambda: events(lambda n: {"x": [[]] * 300_000}, 1),
    "stream: an event of the wrong kind": lambda: events(lambda n: {"content": BRACES, "tool_calls": 5}, 1),
    "stream: lists behind an odd line end": lambda: Fault(
        200, 'data: {"x": "\u2028data: [' + "[]," * 300_000 + '1]\u2028"}\n\ndata: [DONE]\n\n', EVENTS
    ),
}


async def ask(port: int, *, stream: bool) -> str:
    llm = LLMSpec(model="openai/m", timeout_s=60, stream=stream)
    client = LiteLLMClient(lambda _: Credential(api_key="sk-x", base_url=f"http://127.0.0.1:{port}/v1"))
    try:
        await client.complete(
            LLMRequest(llm=llm, messages=({"role": "user", "content": "Hello"},), max_tokens=99, tools=TOOLS)
        )
    except ProviderError as error:
        return str(error)
    return "a reply"


async def cost_of(kind: str) -> dict[str, Any]:
    fault = KINDS[kind]()
    with OpenAIServer(lambda body: fault) as server:
        began = time.process_time()
        said = await ask(server.port, stream=kind.startswith("stream"))
        return {"kind": kind, "said": said, "cpu_s": time.process_time() - began}


def main() -> None:
    resource.setrlimit(resource.RLIMIT_DATA, (MEMORY_BYTES, MEMORY_BYTES))
    resource.setrlimit(resource.RLIMIT_CPU, (CPU_SECONDS, CPU_SECONDS))
    asyncio.run(cost_of("an ordinary one"))  # what is loaded with the first
    for kind in KINDS:
        sys.stdout.write(json.dumps(asyncio.run(cost_of(kind))) + "\n")
        sys.stdout.flush()


if __name__ == "__main__":
    main()
