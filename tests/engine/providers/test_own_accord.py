"""Nothing is reached but the model's provider, and nothing waits or loads on the event loop, whatever LiteLLM is asked.

What is measured is what must not happen, in a process of its own, and not how long anything takes by the clock.
"""

from __future__ import annotations

import asyncio
import gc
import json
import os
import socket
import subprocess
import sys
from contextvars import Context, copy_context
from pathlib import Path
from typing import Any

import pytest

from engine.providers import tokenizers, tokens
from engine.providers.credential import Credential
from engine.providers.library.own_accord import OwnAccord, no_own_traffic
from engine.providers.litellm_client import LiteLLMClient, get_ready
from engine.providers.llm import LLMRequest
from engine.spec.crew_spec import LLMSpec
from tests.engine.providers.left_alone import KNOWN, NEED_MORE
from tests.openai_server import OpenAIServer
from tests.refused_hosts import listening

ROOT = Path(__file__).resolve().parents[3]
IS_LONG = "HOSTILE_EXAMPLES" in os.environ
"""As ``make hostile`` sets it: then each family is asked in all twelve ways, else in six of them."""
MOST_MS = 500
"""Of processor time at once. On an idle machine it is a tenth of that; what it must show are seconds."""


def left_alone(*arguments: str) -> dict[str, Any]:
    """What was seen in a process in which nothing but the stand-in can be reached. Proxies are traps."""
    with listening() as trap:
        proxies = dict.fromkeys(("HTTP_PROXY", "HTTPS_PROXY", "ALL_PROXY"), f"http://127.0.0.1:{trap.port}")
        environment = {**os.environ, **proxies, "NO_PROXY": "127.0.0.1", "PYTHONPATH": str(ROOT)}
        done = subprocess.run(
            [sys.executable, "-W", "ignore", "-m", "tests.engine.providers.left_alone", *arguments],
            cwd=ROOT,
            env=environment,
            capture_output=True,
            text=True,
            timeout=600,
            check=False,
        )
        assert done.returncode == 0, done.stderr[-3000:]
        assert trap.connections == 0, "something that knows no Python sockets asked a proxy"
    seen: dict[str, Any] = json.loads(done.stdout.splitlines()[-1])
    return seen


def test_nothing_but_the_provider_is_reached_by_whichever_family_of_models() -> None:
    seen = left_alone() if IS_LONG else left_alone("short")
    assert seen["reached"] == []
    assert seen["held_up"] == []
    assert seen["longest"][0] < MOST_MS, seen["longest"]
    assert set(seen["silent"]) < set(NEED_MORE)
    assert seen["answered"] >= 11 * len(KNOWN) / (1 if IS_LONG else 2)


def test_a_tokenizer_that_litellm_would_fetch_is_refused_at_once() -> None:
    """The control: with LiteLLM's own tokenizers the process above sees what they fetch."""
    seen = left_alone("careless", "short")
    assert seen["reached"] == []
    assert any("huggingface.co" in refused for refused in seen["refused"])
    assert any("imports tokenizers" in what for what in seen["held_up"])


async def test_within_the_context_nothing_is_reached_nor_looked_up_nor_started() -> None:
    with listening() as listener, no_own_traffic() as traffic:
        for reach in (
            lambda: connect(listener.port),
            lambda: socket.getaddrinfo("example.com", 443),
            lambda: subprocess.run(["true"], check=True),
        ):
            with pytest.raises(OwnAccord):
                reach()
            with pytest.raises(OwnAccord):
                await asyncio.to_thread(reach)
        assert listener.connections == 0
        traffic.sending = True
        await asyncio.to_thread(connect, listener.port)
        with pytest.raises(OwnAccord):
            socket.getaddrinfo("example.com", 443)
    assert traffic.refused == ["127.0.0.1", "example.com", "true"]
    assert subprocess.run(["true"], check=False).returncode == 0


async def test_others_go_on_meanwhile() -> None:
    entered, left = asyncio.Event(), asyncio.Event()

    async def within() -> None:
        with no_own_traffic():
            entered.set()
            await left.wait()

    work = asyncio.create_task(within())
    await entered.wait()
    with listening() as listener:
        connect(listener.port)
    left.set()
    await work


async def test_tokens_are_counted_with_what_is_in_the_package(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.setenv("TIKTOKEN_CACHE_DIR", str(tmp_path))
    tokenizers.encoding.cache_clear()
    registry = pytest.importorskip("tiktoken.registry")
    monkeypatch.setattr(registry, "ENCODINGS", {})
    assert tokens.count_text("Hello there") == 2
    assert list(tmp_path.iterdir()) == []


async def test_a_long_reply_without_usage_is_counted_beside_the_event_loop(monkeypatch: pytest.MonkeyPatch) -> None:
    counted_on: list[bool] = []
    count = tokens._count_part

    def note(part: str) -> int:
        counted_on.append(_runs_a_loop())
        return count(part)

    with OpenAIServer(lambda body: {"role": "assistant", "content": "word " * 10_000, "usage": None}) as server:
        llm = LLMSpec(model="gpt-4o-mini", timeout_s=60)
        client = LiteLLMClient(lambda _: Credential(api_key="sk-x", base_url=server.url))
        request = LLMRequest(llm=llm, messages=({"role": "user", "content": "Hello"},), max_tokens=99)
        await client.complete(request)  # what is loaded with the first
        tokens._counts.clear()
        monkeypatch.setattr(tokens, "_count_part", note)
        reply = await client.complete(request)
    assert reply.usage.completion_tokens >= 10_000
    assert counted_on
    assert not any(counted_on)


async def test_a_stream_that_is_collected_sets_no_context_variables() -> None:
    """LiteLLM's own would, wherever the collection happens; before Python 3.12 that can crash the process."""
    await asyncio.to_thread(get_ready, ["gpt-4o-mini"])
    litellm = sys.modules["litellm"]
    messages = [{"role": "user", "content": "Hello"}]
    stream = await litellm.acompletion(model="gpt-4o-mini", messages=messages, mock_response="one two", stream=True)
    stream.itself = stream
    del stream
    await asyncio.sleep(0)  # until then the loop holds it
    assert Context().run(_set_by_collecting) == []


def _set_by_collecting() -> list[str]:
    gc.collect()
    return [variable.name for variable in copy_context()]


def connect(port: int) -> None:
    with socket.socket() as ours:
        ours.connect(("127.0.0.1", port))


def _runs_a_loop() -> bool:
    try:
        asyncio.get_running_loop()
    except RuntimeError:
        return False
    return True
