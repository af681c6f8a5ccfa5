"""Four ways to make the calls of a crew: both engines, plain LiteLLM and plain httpx. Each imports only its own.

The server's address is read from ``OPENAI_BASE_URL`` when a crew is made, as the engines themselves do.
"""

from __future__ import annotations

import importlib
import os
from collections.abc import Awaitable, Callable
from typing import Any

from bench.engine_bench.crews import ANSWER, MODEL, Shape, build

Run = Callable[[], Awaitable[object]]
"""Runs a crew that was made before; called once."""
Runner = Callable[[Shape], Run]
"""Makes a crew of a shape, which is not timed, and returns what runs it, which is."""


def runner(name: str) -> Runner:
    """``engine`` (ours), ``crewai``, ``litellm`` or ``httpx``; imports it."""
    if name == "litellm":
        return litellm_runner()
    if name == "httpx":
        return httpx_runner()
    return crew_runner(name)


def crew_runner(module: str) -> Runner:
    api = importlib.import_module(module)

    def make(shape: Shape) -> Run:
        crew = build(api, shape)
        return lambda: crew.akickoff(inputs=dict(shape.inputs))

    return make


def litellm_runner() -> Runner:
    """The calls of a crew one after another, with nothing but LiteLLM. The settings are those of our client."""
    from engine.providers.litellm_client import _litellm

    litellm = _litellm()

    def make(shape: Shape) -> Run:
        base_url = os.environ["OPENAI_BASE_URL"]

        async def run() -> None:
            for messages in plain_messages(shape):
                await litellm.acompletion(
                    model=MODEL,
                    messages=messages,
                    max_tokens=4096,
                    timeout=600,
                    num_retries=0,
                    max_retries=0,
                    api_key="loopback",
                    api_base=base_url,
                    stream=False,
                )

        return run

    return make


def httpx_runner() -> Runner:
    """The calls of a crew one after another over one client whose pool is not bounded."""
    import httpx

    client = httpx.AsyncClient(limits=httpx.Limits(max_connections=None), timeout=600)

    def make(shape: Shape) -> Run:
        url = f"{os.environ['OPENAI_BASE_URL']}/chat/completions"

        async def run() -> None:
            for messages in plain_messages(shape):
                body = {"model": MODEL.partition("/")[2], "messages": messages, "max_tokens": 4096}
                answer = await client.post(url, json=body, headers={"Authorization": "Bearer loopback"})
                answer.raise_for_status().json()

        return run

    return make


def plain_messages(shape: Shape) -> list[list[dict[str, Any]]]:
    """For each task the two messages that carry the user's own words and nothing else."""
    conversations = []
    for job in shape.jobs:
        member = shape.members[job.by]
        words = [fill(job.description, shape), fill(job.expected_output, shape), *[ANSWER] * len(job.context)]
        system = "\n".join((member.role, member.backstory, member.goal))
        conversations.append(
            [{"role": "system", "content": system}, {"role": "user", "content": "\n\n".join(words)}],
        )
    return conversations


def fill(text: str, shape: Shape) -> str:
    for name, value in shape.inputs.items():
        text = text.replace("{" + name + "}", value)
    return text
