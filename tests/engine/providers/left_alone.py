"""A process in which nothing but a stand-in can be reached. It asks many providers' models, and prints what was tried.

Usage: python -m tests.engine.providers.left_alone [short] [careless]    (the last line is ``Seen`` as JSON)

``short``: half of the ways to ask a family, the other half of the next one.

``careless``: LiteLLM is let count tokens by its own tokenizers, to show that what it then fetches is seen and refused.
"""

from __future__ import annotations

import asyncio
import itertools
import json
import logging
import sys
import threading
import time
from dataclasses import asdict, dataclass, field
from functools import partial
from typing import Any

from engine.errors import ProviderError
from engine.providers.credential import Credential
from engine.providers.library import own_accord
from engine.providers.litellm_client import LiteLLMClient, _litellm
from engine.providers.llm import LLMRequest
from engine.spec.crew_spec import LLMSpec
from tests.engine.providers.families_server import FamiliesServer

KNOWN = {
    "openai": "gpt-4o-mini", "azure": "gpt-4o", "azure_ai": "mistral-large-2407", "anthropic": "claude-sonnet-4-5",
    "gemini": "gemini-2.5-flash", "mistral": "mistral-large-latest", "cohere": "command-r-plus",
    "deepseek": "deepseek-reasoner", "groq": "openai/gpt-oss-120b", "xai": "grok-4", "openrouter": "openai/gpt-4o",
    "together_ai": "Qwen/Qwen2.5-72B-Instruct-Turbo", "perplexity": "sonar", "ollama": "mistral",
    "fireworks_ai": "accounts/fireworks/models/deepseek-v3", "ollama_chat": "mistral", "hosted_vllm": "qwen3",
    "lm_studio": "qwen3", "llamafile": "any", "litellm_proxy": "gpt-4o", "huggingface": "together/Qwen/QwQ-32B",
    "databricks": "databricks-claude-3-7-sonnet", "nvidia_nim": "any", "cerebras": "qwen-3-32b",
    "sambanova": "DeepSeek-R1", "deepinfra": "deepseek-ai/DeepSeek-R1", "moonshot": "kimi-k2-0711-preview",
    "dashscope": "qwen-max",
    "ai21": "jamba-large-1.6", "github": "gpt-4o", "text-completion-openai": "gpt-3.5-turbo-instruct",
    "snowflake": "mistral-large2", "vercel_ai_gateway": "openai/gpt-4o", "novita": "deepseek/deepseek-v3-turbo",
    "hyperbolic": "deepseek-ai/DeepSeek-V3", "nebius": "deepseek-ai/DeepSeek-V3", "featherless_ai": "any",
    "meta_llama": "any", "minimax": "MiniMax-M2", "zai": "glm-4.6", "volcengine": "any",
}  # fmt: skip
"""The families that people use most, each with a model that the price list knows, where it knows one."""
NEED_MORE = {
    "bedrock": "anthropic.claude-3-5-sonnet-20240620-v1:0", "vertex_ai": "gemini-2.5-flash", "sagemaker": "any",
    "watsonx": "ibm/granite-3-8b-instruct", "github_copilot": "gpt-4o", "gigachat": "GigaChat-2", "oci": "xai.grok-4",
    "predibase": "any",
}  # fmt: skip
"""Those that need more than a key and an address, or stream otherwise: they may fail, and still reach nothing."""
LLAMA, UNKNOWN = "meta-llama/Llama-3.3-70B-Instruct", "some-model-that-nobody-knows"
PATHS = {"openai": "/v1", "cohere": "/v2/chat", "text-completion-openai": "/v1", "codestral": "/v1"}
"""What belongs to the base address of some families."""
TOOL = {"type": "function", "function": {"name": "t", "description": "d", "parameters": {"type": "object"}}}
PROGRAMS = frozenset({"subprocess.Popen", "os.system", "os.posix_spawn"})


@dataclass
class Seen:
    """``reached``: what got as far as the network, or was started, and was not the stand-in.

    ``held_up``: what the event loop's thread did that waits or loads. ``longest``: the most processor time, in
    milliseconds, that the loop was kept for at once, and when. ``answered``: calls with a reply. ``silent``: families
    that gave none. ``refused``: what the product's own guard stopped.
    """

    reached: list[str] = field(default_factory=list)
    held_up: list[str] = field(default_factory=list)
    longest: tuple[float, str] = (0.0, "")
    answered: int = 0
    silent: list[str] = field(default_factory=list)
    refused: list[str] = field(default_factory=list)


class Watch:
    """Looks at what goes on in this process, after the product's own guard has let it pass."""

    def __init__(self, port: int) -> None:
        self.seen = Seen()
        self.now = ""
        self._port = port
        self._loop_thread = 0
        self._imported: list[tuple[str, str]] = []
        own_accord._watch()
        sys.addaudithook(self._look)

    def begin(self) -> None:
        """From now on this thread is the event loop's."""
        self._loop_thread = threading.get_ident()
        run_handle = asyncio.events.Handle._run
        watch = self

        def run_and_clock(handle: asyncio.Handle) -> None:
            began = time.thread_time()
            run_handle(handle)
            if threading.get_ident() == watch._loop_thread:
                kept_ms = round((time.thread_time() - began) * 1000, 1)
                watch.seen.longest = max(watch.seen.longest, (kept_ms, watch.now))

        asyncio.events.Handle._run = run_and_clock  # type: ignore[method-assign]

    def end(self) -> Seen:
        self._loop_thread = 0
        self.seen.held_up += [f"{now}: imports {name}" for now, name in self._imported if name in sys.modules]
        return self.seen

    def _look(self, event: str, arguments: tuple[Any, ...]) -> None:
        on_loop = threading.get_ident() == self._loop_thread
        if event == "import" and on_loop and arguments[0] not in sys.modules:
            self._imported.append((self.now, arguments[0]))
        elif event == "time.sleep" and on_loop:
            self.seen.held_up.append(f"{self.now}: sleeps")
        elif event == "socket.connect":
            self._look_at_connection(*arguments, on_loop=on_loop)
        elif event in own_accord.LOOK_UPS and on_loop:
            self.seen.held_up.append(f"{self.now}: looks up {arguments[0]}")
        elif event in own_accord.LOOK_UPS and arguments[0] != "127.0.0.1":
            self._refuse(f"looks up {arguments[0]}")
        elif event in PROGRAMS:
            self._refuse(f"starts {arguments[0]}")

    def _look_at_connection(self, socket: Any, address: Any, *, on_loop: bool) -> None:
        if address != ("127.0.0.1", self._port):
            self._refuse(f"connects to {address}")
        if on_loop and socket.gettimeout() != 0:
            self.seen.held_up.append(f"{self.now}: connects and waits")

    def _refuse(self, what: str) -> None:
        self.seen.reached.append(f"{self.now}: {what}")
        raise ConnectionRefusedError(what)


class Refusals(logging.Handler):
    """Gathers what the product's guard says that it refused."""

    def __init__(self, seen: Seen) -> None:
        super().__init__()
        self._seen = seen

    def emit(self, record: logging.LogRecord) -> None:
        self._seen.refused.append(record.getMessage())


def always(credential: Credential, llm: LLMSpec) -> Credential:
    return credential


async def ask(watch: Watch, url: str, families: dict[str, str]) -> None:
    watch.begin()
    for number, (family, known) in enumerate(families.items()):
        replies = 0
        for name, stream, has_tools in itertools.product((known, UNKNOWN, LLAMA), (False, True), (False, True)):
            if "short" in sys.argv and (number + (name == UNKNOWN) + stream + has_tools) % 2:
                continue  # each two of a family's model, streaming and tools still come together
            watch.now = f"{family}/{name}{' streamed' if stream else ''}{' with tools' if has_tools else ''}"
            llm = LLMSpec(model=f"{family}/{name}", timeout_s=60, stream=stream)
            request = LLMRequest(llm, ({"role": "user", "content": "Hello"},), 9, tools=(TOOL,) if has_tools else ())
            credential = Credential(api_key="sk-x", base_url=url + PATHS.get(family, ""))
            try:
                await LiteLLMClient(partial(always, credential)).complete(request)
            except ProviderError as error:
                logging.debug("%s: %s", watch.now, error)
            else:
                replies += 1
        watch.seen.answered += replies
        if not replies:
            watch.seen.silent.append(family)


def main() -> None:
    logging.basicConfig(level=logging.DEBUG if "debug" in sys.argv else logging.ERROR)
    with FamiliesServer() as server:
        watch = Watch(server.port)
        own_accord.log.addHandler(Refusals(watch.seen))
        own_accord.log.setLevel(logging.INFO)
        litellm, families = _litellm(), KNOWN | NEED_MORE
        if "careless" in sys.argv:
            litellm.disable_hf_tokenizer_download = litellm.disable_token_counter = False
            families = {"openai": "gpt-4o"}
        asyncio.run(ask(watch, server.url, families))
        seen = watch.end()
    sys.stdout.write(json.dumps(asdict(seen)) + "\n")


if __name__ == "__main__":
    main()
