"""MCP servers' tools, against real servers over HTTP and standard input and output, and what they are given."""

from __future__ import annotations

import asyncio
import contextlib
import json
import os
import re
import subprocess
import sys
import time
from pathlib import Path
from typing import Any

import httpx
import pytest

from engine.providers.credential import Credential
from engine.providers.litellm_client import LiteLLMClient
from engine.record.memory_journal import MemoryJournal
from engine.spec.crew_spec import AgentSpec, ToolSpec
from engine.spec.tool_settings import fault_of
from engine.tools.mcp.server import McpAccess, McpServer
from engine.tools.mcp.session import Timeouts
from engine.tools.registry import ToolRegistry
from engine.tools.tool import Effect, ToolFailed
from engine.web.addresses import PUBLIC, Reach, RequestFailed
from tests.engine.crews import agent, crew, run, runtime, task
from tests.engine.loopback import Reply, Site
from tests.engine.tools.mcp_servers import scripted, served, sound_server
from tests.engine.tools.mcp_tools import LOCAL, OBJECT, opened
from tests.openai_server import OpenAIServer, tool_call
from tests.refused_hosts import REASONS, REFUSED_HOSTS, Names, listening

PROGRAM = [sys.executable, str(Path(__file__).parent / "mcp_servers.py")]


def spec(url: str = "", **config: Any) -> ToolSpec:
    return ToolSpec(name="mcp", config=({"url": url} if url else {}) | config)


async def test_tools_of_a_server_over_http() -> None:
    calls: list[str] = []
    with served(sound_server(calls)) as url:
        async with opened({"url": url}) as tools:
            assert set(tools) == {"add", "set_name", "fail", "numbers", "environment", "crash", "hang"}
            assert tools["add"].facts.description == "Adds two numbers."
            assert await tools["add"].run({"a": 2, "b": 40}) == "42"
            assert await tools["set_name"].run({"name": "Ü"}) == "The name is Ü."
            assert json.loads(await tools["numbers"].run({})) == {"one": 1}
            with pytest.raises(ToolFailed, match="this went wrong"):
                await tools["fail"].run({})
            assert await tools["add"].run({"a": 1, "b": 1}) == "2"
    assert calls == ["add", "set name", "add"]


async def test_what_a_tool_does_to_the_world_is_what_the_server_hints() -> None:
    with served(sound_server([])) as url:
        async with opened({"url": url, "tools": ["add", "set name", "fail"]}) as tools:
            facts = {name: (tool.facts.effect, tool.facts.cacheable) for name, tool in tools.items()}
    assert facts == {
        "add": (Effect.PURE, True),
        "set_name": (Effect.IDEMPOTENT, False),
        "fail": (Effect.UNSAFE, False),
    }


async def test_calls_at_once_share_one_session() -> None:
    with served(sound_server([])) as url:
        async with opened({"url": url}) as tools:
            sums = await asyncio.gather(*(tools["add"].run({"a": n, "b": n}) for n in range(20)))
    assert sums == [str(2 * n) for n in range(20)]


async def test_a_slow_call_ends_at_its_time_and_the_session_goes_on() -> None:
    with served(sound_server([])) as url:
        async with opened({"url": url}, call_s=0.5) as tools:
            began = time.monotonic()
            with pytest.raises(ToolFailed, match=r"0\.5 s|[Tt]imed out"):
                await tools["hang"].run({})
            assert time.monotonic() - began < 1.9
            assert await tools["add"].run({"a": 1, "b": 1}) == "2"


async def test_the_token_is_sent_to_the_server_and_is_in_no_spec() -> None:
    seen: list[dict[str, str]] = []
    with served(sound_server([]), seen) as url:
        tokens = {"crm": Credential(api_key="s3cret", base_url=url)}
        async with opened({"url": url, "credential": "crm"}, tokens=tokens) as tools:
            await tools["add"].run({"a": 1, "b": 1})
    assert {headers.get("authorization") for headers in seen} == {"Bearer s3cret"}


@pytest.mark.parametrize("home", [None, "https://crm.example.com/mcp", "http://127.0.0.1:1/mcp"])
async def test_a_token_goes_to_no_other_server_than_its_own(home: str | None) -> None:
    seen: list[dict[str, str]] = []
    tokens = {"crm": Credential(api_key="s3cret", base_url=home)}
    with served(sound_server([]), seen) as url, pytest.raises(ToolFailed, match="belongs to another server"):
        async with opened({"url": url, "credential": "crm"}, tokens=tokens):
            pass
    assert seen == []


async def test_an_unknown_credential_is_refused_and_none_goes_over_plain_http() -> None:
    for config, reason in (
        ({"url": "https://example.com/mcp"}, "no credential"),
        ({"url": "http://example.com/mcp"}, "https only"),
    ):
        tokens = {} if reason == "no credential" else {"crm": Credential(api_key="s3cret", base_url=config["url"])}
        with pytest.raises(ToolFailed, match=reason):
            async with opened(config | {"credential": "crm"}, tokens=tokens):
                pass


async def refusal_of(url: str, reach: Reach = PUBLIC) -> str:
    with pytest.raises((ToolFailed, RequestFailed)) as refused:
        async with McpServer({"url": url}, McpAccess(reach, timeouts=Timeouts(10, 10))).open():
            pass
    return str(refused.value)


async def test_servers_inside_are_not_reached_in_any_form() -> None:
    with listening() as listener:
        told = {host: await refusal_of(f"http://{host}:{listener.port}/mcp") for host in REFUSED_HOSTS}
    assert {host: text for host, text in told.items() if not re.search(REASONS, text)} == {}
    assert listener.connections == 0


@pytest.mark.parametrize("answer", [["127.0.0.1"], ["8.8.8.8", "127.0.0.1"], ["::1"]])
async def test_a_servers_name_that_leads_inside_is_refused(answer: list[str]) -> None:
    with listening() as listener:
        told = await refusal_of(f"http://inside.test:{listener.port}/mcp", Reach(resolve=Names(inside_test=[answer])))
    assert "inside.test is not a public address" in told
    assert "ALLOWED_PRIVATE_HOSTS" in told
    assert listener.connections == 0


async def test_a_servers_name_that_changes_its_mind_is_connected_to_where_it_was_checked() -> None:
    """127.0.0.1 stands for a public address; 127.0.0.3, which answers alike, for one inside."""
    with served(sound_server([])) as url:
        port = httpx.URL(url).port
        names = Names(rebinding_test=[["127.0.0.1"], ["127.0.0.3"]])
        access = McpAccess(Reach.allowing(["127.0.0.1"], resolve=names))
        rebinding = f"http://rebinding.test:{port}/mcp"
        with contextlib.suppress(ToolFailed):  # a later connection of the session is refused
            async with McpServer({"url": rebinding}, access).open() as tools:
                await tools[0].run({"a": 1, "b": 1})
        assert names.asked
        assert "rebinding.test is not a public address" in await refusal_of(rebinding, access.reach)


async def test_the_environments_proxies_are_not_used(monkeypatch: pytest.MonkeyPatch) -> None:
    with served(sound_server([])) as url, listening() as proxy:
        for name in ("HTTP_PROXY", "http_proxy", "ALL_PROXY"):
            monkeypatch.setenv(name, f"http://127.0.0.1:{proxy.port}")
        async with opened({"url": url}) as tools:
            assert await tools["add"].run({"a": 1, "b": 2}) == "3"
    assert proxy.connections == 0


async def test_a_redirect_to_another_host_is_not_followed() -> None:
    with scripted([]) as other, Site() as site:
        site.replies["/mcp"] = Reply(status=307, headers={"Location": f"http://localhost:{other.port}/mcp"})
        with pytest.raises(ToolFailed, match="not followed"):
            async with opened({"url": f"{site.url}/mcp"}):
                pass
    assert not other.asked


async def test_a_program_is_started_only_if_an_operator_allows_it(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("SECRET_OF_OURS", "x")
    monkeypatch.chdir(Path(__file__).parents[3])
    monkeypatch.setenv("PYTHONPATH", os.getcwd())
    command = ["env", f"PYTHONPATH={os.getcwd()}", *PROGRAM]
    for commands in ((), ("python",), ("/usr/bin/env",)):
        with pytest.raises(ToolFailed, match="may not be started"):
            async with opened({"command": command}, commands=frozenset(commands)):
                pass
    async with opened({"command": command}, commands=frozenset({"env"})) as tools:
        assert await tools["add"].run({"a": 2, "b": 40}) == "42"
        assert "SECRET_OF_OURS" not in await tools["environment"].run({})
        with pytest.raises(ToolFailed):
            await tools["crash"].run({})
        with pytest.raises(ToolFailed, match="MCP server"):
            await tools["add"].run({"a": 1, "b": 1})


async def test_names_that_clash_are_told_apart() -> None:
    with scripted([{"name": name, "inputSchema": OBJECT} for name in ("a b", "a/b", "calculator")]) as site:
        registry = ToolRegistry.standard(reach=Reach.allowing(LOCAL))
        wanted = [ToolSpec(name="calculator"), spec(f"{site.url}/mcp"), ToolSpec(name="calculator")]
        async with registry.open(wanted) as toolbox:
            assert list(toolbox) == ["calculator", "a_b", "a_b_2", "calculator_2"]
            assert [tool.facts.name for tool, _ in toolbox.values()] == list(toolbox)
            assert toolbox["a_b_2"][0].facts.identity == "a/b"


async def test_a_crew_uses_a_servers_tools_and_reuses_what_only_reads() -> None:
    calls: list[str] = []

    def answer(body: dict[str, Any]) -> Any:
        said = [message["content"] for message in body["messages"] if message["role"] == "tool"]
        return said[-1] if said else tool_call("add", {"a": 2, "b": 40})

    journal = MemoryJournal()
    with served(sound_server(calls)) as url, OpenAIServer(answer) as models:
        client = LiteLLMClient(lambda llm: Credential(api_key="k", base_url=models.url))
        registry = ToolRegistry.standard(reach=Reach.allowing(LOCAL))
        given = runtime(llm=client, journal=journal, tools=registry)
        output = await run(crew(task("a"), task("b"), agents=(_with(spec(url, tools=["add"])),)), given)
    assert output.status == "succeeded"
    assert "42" in output.raw
    assert calls == ["add"]
    assert [one.outcome.cache_hit for one in journal.calls if one.intent.tool] == [False, True]


async def test_a_task_whose_server_is_not_there_fails_with_the_reason_and_spends_nothing() -> None:
    journal = MemoryJournal()
    given = runtime(journal=journal, tools=ToolRegistry.standard(reach=Reach.allowing(LOCAL)))
    output = await run(crew(task("a"), agents=(_with(spec("http://127.0.0.1:9/mcp")),)), given)
    assert output.status == "failed"
    assert output.error_code == "tool_failed"
    assert "MCP server" in output.error
    assert not journal.calls


async def test_a_run_that_is_cancelled_closes_its_sessions() -> None:
    before = set(asyncio.all_tasks())
    with served(sound_server([])) as url:
        entered = asyncio.Event()

        async def use() -> None:
            async with opened({"url": url}):
                entered.set()
                await asyncio.sleep(60)

        job = asyncio.create_task(use())
        await entered.wait()
        job.cancel()
        with pytest.raises(asyncio.CancelledError):
            await job
        assert set(asyncio.all_tasks()) == before


async def test_in_simulated_runs_no_server_is_asked() -> None:
    with scripted([]) as site:
        async with ToolRegistry.simulated().open([spec(f"{site.url}/mcp", tools=["a b", "c"])]) as toolbox:
            assert list(toolbox) == ["a_b", "c"]
            assert "simulated" in await toolbox["c"][0].run({})
        async with ToolRegistry.simulated().open([spec(f"{site.url}/mcp")]) as toolbox:
            assert list(toolbox) == ["mcp"]
    assert not site.asked


@pytest.mark.parametrize(
    "config",
    [
        {},
        {"url": "https://example.com/mcp", "command": ["x"]},
        {"url": "example.com"},
        {"url": "file:///x"},
        {"url": "https://u:p@example.com"},
        {"url": 1},
        {"command": []},
        {"command": "npx server"},
        {"command": ["x", 1]},
        {"url": "https://example.com", "tools": []},
        {"url": "https://example.com", "tools": "a"},
        {"url": "https://example.com", "headers": {"Authorization": "Bearer x"}},
        {"url": "https://example.com", "credential": 1},
        {"command": ["x"], "credential": "a"},
    ],
)
def test_bad_settings_have_a_fault(config: dict[str, Any]) -> None:
    assert fault_of(ToolSpec(name="mcp", config=config))


def test_good_settings_have_none() -> None:
    for config in ({"url": "https://example.com/mcp", "tools": ["a"], "credential": "crm"}, {"command": ["npx", "x"]}):
        assert fault_of(ToolSpec(name="mcp", config=config)) == ""


def test_the_engine_is_loaded_without_the_mcp_package() -> None:
    load = "import engine, sys; engine.Crew, engine.tool"
    code = f"{load}; print([name for name in ('mcp', 'httpx2', 'httpcore2') if name in sys.modules])"
    assert subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True).stdout == "[]\n"


def _with(wanted: ToolSpec) -> AgentSpec:
    return agent(llm="gpt-4o-mini", tools=(wanted,))
