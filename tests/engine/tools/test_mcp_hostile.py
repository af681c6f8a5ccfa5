"""MCP servers that break off, break the protocol or flood: they fail in time, and what they say is bounded."""

from __future__ import annotations

import itertools
import json
import time
from collections.abc import Callable
from typing import Any

import pytest

from engine.bounded import Effort
from engine.tools.mcp import server
from engine.tools.tool import ToolFailed
from tests.engine.loopback import Asked, Reply, Site
from tests.engine.tools.mcp_servers import rpc, scripted
from tests.engine.tools.mcp_tools import OBJECT, opened


async def call(site: Site, name: str = "a", **options: Any) -> str:
    async with opened({"url": f"{site.url}/mcp"}, **options) as tools:
        return await tools[name].run({})


@pytest.mark.parametrize("command", [["false"], ["echo", "garbage"], ["sleep", "60"], ["yes"], ["/nonexistent"]])
async def test_programs_that_are_no_servers_fail_in_time(command: list[str]) -> None:
    began = time.monotonic()
    with pytest.raises(ToolFailed):
        async with opened({"command": command}, open_s=1.0, commands=frozenset({command[0]})):
            pass
    assert time.monotonic() - began < 15


ENDLESS = itertools.repeat(b" " * 65536)
JSON = {"Content-Type": "application/json"}
EVENTS = {"Content-Type": "text/event-stream"}
BROKEN: dict[str, Callable[[Any], Reply]] = {
    "garbage": lambda message: Reply(b"\x00\xff{", headers=JSON),
    "a page": lambda message: Reply(b"<p>Hello</p>"),
    "an error page": lambda message: Reply(b"<p>Hello</p>", status=500),
    "another answer": lambda message: rpc(message, {"what": "ever"}),
    "no answer": lambda message: rpc({"id": 10**6}, {}),
    "accepted": lambda message: Reply(status=202),
    "cut off": lambda message: Reply(b"{", headers=JSON | {"Content-Length": "1000"}),
    "10 MB": lambda message: rpc(message, {"content": [{"type": "text", "text": "x" * 10**7}]}),
    "endless json": lambda message: Reply(ENDLESS, headers=JSON),
    "endless events": lambda message: Reply(itertools.repeat(b"data: {}\n\n" * 1000), headers=EVENTS),
    "one endless event": lambda message: Reply(itertools.repeat(b"data: x" * 1000), headers=EVENTS),
    "events cut off": lambda message: Reply(b"id: 1\nretry: 0\ndata: \n\n", headers=EVENTS),
    "a drip": lambda message: Reply(itertools.repeat(b" "), headers=JSON, pause_s=0.05),
    "packed": lambda message: Reply(b"x", headers=JSON | {"Content-Encoding": "gzip"}),
    "deep": lambda message: Reply(b"[" * 10**6, headers=JSON),
}


@pytest.mark.parametrize("answer", BROKEN.values(), ids=BROKEN.keys())
async def test_broken_answers_to_a_call_fail_it_in_time_and_nothing_else(answer: Callable[[Any], Reply]) -> None:
    answers = [answer, lambda message: rpc(message, {"content": [{"type": "text", "text": "fine"}]})]
    with scripted([{"name": "a", "inputSchema": OBJECT}], lambda message: answers.pop(0)(message)) as site:
        async with opened({"url": f"{site.url}/mcp"}, call_s=3.0) as tools:
            began = time.monotonic()
            with pytest.raises(ToolFailed):
                await tools["a"].run({})
            assert time.monotonic() - began < 10
            assert await tools["a"].run({}) == "fine"


@pytest.mark.parametrize("answer", BROKEN.values(), ids=BROKEN.keys())
async def test_servers_that_are_broken_from_the_start_fail_in_time(answer: Callable[[Any], Reply]) -> None:
    began = time.monotonic()
    with Site({"/mcp": lambda asked: answer({"id": 1})}) as site, pytest.raises(ToolFailed):
        async with opened({"url": f"{site.url}/mcp"}, open_s=2.0, call_s=2.0):
            pass
    assert time.monotonic() - began < 15


async def test_a_server_that_is_not_there_is_said() -> None:
    with pytest.raises(ToolFailed, match="MCP server"):
        async with opened({"url": "http://127.0.0.1:9/mcp"}):
            pass


async def test_a_server_that_dies_fails_the_calls_after_it() -> None:
    with scripted([{"name": "a", "inputSchema": OBJECT}]) as site:
        async with opened({"url": f"{site.url}/mcp"}) as tools:
            site.__exit__()
            with pytest.raises(ToolFailed):
                await tools["a"].run({})
    with scripted([]):
        pass


async def test_what_a_server_says_of_its_tools_is_bounded() -> None:
    tools = [{"name": f"t{n}", "description": "d" * 10_000, "inputSchema": OBJECT} for n in range(150)]
    with scripted(tools, nextCursor="again") as site:
        async with opened({"url": f"{site.url}/mcp"}) as usable:
            assert len(usable) == 100
            assert {len(tool.facts.description) for tool in usable.values()} == {4000}
    with scripted([], nextCursor="again") as site, pytest.raises(ToolFailed, match="has no tools"):
        await call(site)
    assert len(site.asked) < 40


async def test_named_tools_are_found_on_later_pages() -> None:
    pages = [[{"name": f"t{page}_{n}", "inputSchema": OBJECT} for n in range(80)] for page in range(5)]
    with scripted([], pages=pages) as site:
        async with opened({"url": f"{site.url}/mcp", "tools": ["t4_79", "t0_0"]}) as usable:
            assert set(usable) == {"t4_79", "t0_0"}
        async with opened({"url": f"{site.url}/mcp"}) as usable:
            assert len(usable) == 100


async def test_thousands_of_tools_are_not_all_looked_at(caplog: pytest.LogCaptureFixture) -> None:
    with scripted([{"name": f"t{n}", "inputSchema": OBJECT} for n in range(2000)]) as site:
        began = time.process_time()
        async with opened({"url": f"{site.url}/mcp"}) as usable:
            assert len(usable) == 100
        assert time.process_time() - began < 10
    assert "beyond the first 100" in caplog.text


def listing(tools: str) -> Callable[[Asked], Reply]:
    """A server whose list of tools is this JSON text."""

    def answer(asked: Asked) -> Reply:
        message = json.loads(asked.body or b"{}")
        if message.get("method") == "tools/list":
            body = f'{{"jsonrpc": "2.0", "id": {message["id"]}, "result": {{"tools": [{tools}]}}}}'
            return Reply(body.encode(), headers=JSON)
        found = sound.replies["/mcp"]
        assert callable(found)
        return found(asked)

    sound = scripted([])
    return answer


@pytest.mark.parametrize(
    "tools",
    [
        '{"name": "a", "inputSchema": {"type": "object", "x": [' + "[]," * 600_000 + "1]}}",
        '{"name": "a"},' * 130_000 + '{"name": "a", "inputSchema": {"type": "object"}}',
        ",".join(json.dumps({"name": f"t{n}", "description": "", "inputSchema": OBJECT}) for n in range(10_000)),
        '{"name": "a", "inputSchema": {"type": "object", "x": ' + "[" * 400_000 + "]" * 400_000 + "}}",
    ],
    ids=["empty lists", "unusable tools", "tools", "deep"],
)
async def test_an_answer_of_very_many_values_is_refused_before_it_is_parsed(tools: str) -> None:
    """The lists took 4.7 s, the unusable tools 2.5 s and 600 MB."""
    with Site({"/mcp": listing('{"name": "a", "inputSchema": {"type": "object"}}')}) as site:
        async with opened({"url": f"{site.url}/mcp"}):  # what is loaded with the first
            pass
    with Site({"/mcp": listing(tools)}) as site:
        began = time.process_time()
        with pytest.raises(ToolFailed, match="more than 20,000 values"):
            await call(site)
        assert time.process_time() - began < 1


async def test_pages_of_tools_are_counted_together() -> None:
    pages = [[{"name": "a", "inputSchema": OBJECT}] * 1500 for _ in range(20)]
    with scripted([], pages=pages) as site:
        async with opened({"url": f"{site.url}/mcp"}) as tools:
            assert set(tools) == {"a"}
    assert sum(b"tools/list" in asked.body for asked in site.asked) == 4


async def test_slow_patterns_of_many_tools_are_bounded_by_the_runs_effort_and_by_the_clock() -> None:
    from mcp import types  # late: each process that looks for tests reads this file

    slow = {"type": "object", "properties": {f"p{n}": {"pattern": "(a{400}b{400}){1,900}"} for n in range(60)}}
    tools = [{"name": "good", "inputSchema": OBJECT}, *({"name": f"t{n}", "inputSchema": slow} for n in range(60))]
    effort = Effort(0.5)
    with scripted(tools) as site:
        async with opened({"url": f"{site.url}/mcp"}, effort=effort) as usable:
            assert "good" in usable
        assert 0.5 <= effort.spent_s < 2
    listed = {"t": types.Tool(name="t", input_schema=slow)}
    with pytest.raises(ToolFailed, match="not read within 0 s"):
        await server._usable(listed, None, Effort(), 0.0)


@pytest.mark.parametrize(
    "schema",
    [
        {"type": "object", "properties": {"a": {"type": "nonsense"}}},
        {"type": "object", "$ref": "http://169.254.169.254/"},
        {"type": "object", "properties": {"a": {"pattern": "("}}},
        {"type": "object", "description": "x" * 30_000},
        {"type": "object", "required": ["a\x00"]},
        {"type": "object", "patternProperties": {"(((a{100}){100}){100}){100}": {}}},
        {"type": "object", "properties": {"a": {"items": {"pattern": "(((a{100}){100}){100}){100}"}}}},
        {"type": "object"} | {"$defs": {f"d{n}": {"allOf": [{"$ref": f"#/$defs/d{n + 1}"}] * 2} for n in range(60)}}
        | {"$ref": "#/$defs/d0"},
    ],
)  # fmt: skip
async def test_tools_with_unusable_schemas_are_left_out_and_said(
    schema: dict[str, Any], caplog: pytest.LogCaptureFixture
) -> None:
    with scripted([{"name": "good", "inputSchema": OBJECT}, {"name": "bad", "inputSchema": schema}]) as site:
        async with opened({"url": f"{site.url}/mcp"}) as tools:
            assert set(tools) == {"good"}
        assert "bad (" in caplog.text
        with pytest.raises(ToolFailed, match=r"cannot be used: bad \("):
            async with opened({"url": f"{site.url}/mcp", "tools": ["good", "bad"]}):
                pass
        with pytest.raises(ToolFailed, match="no such tool"):
            async with opened({"url": f"{site.url}/mcp", "tools": ["missing"]}):
                pass


async def test_a_listing_that_breaks_the_protocol_is_refused_as_a_whole() -> None:
    tools = [{"name": "good", "inputSchema": OBJECT}, {"name": "bad", "inputSchema": {}}]
    with scripted(tools) as site, pytest.raises(ToolFailed, match=r"no usable answer: .*inputSchema"):
        async with opened({"url": f"{site.url}/mcp"}):
            pass


async def test_what_is_not_text_is_named_and_left_out() -> None:
    parts = [
        {"type": "text", "text": "a\u0000b"},
        {"type": "image", "data": "eA==", "mimeType": "image/png"},
        {"type": "resource_link", "name": "doc", "uri": "https://example.com/doc"},
        {"type": "resource", "resource": {"uri": "file:///x", "text": "inside"}},
        {"type": "resource", "resource": {"uri": "file:///y", "blob": "eA=="}},
    ]
    with scripted([{"name": "a", "inputSchema": OBJECT}], lambda message: rpc(message, {"content": parts})) as site:
        text = await call(site)
    assert text.split("\n") == [
        "ab",
        "[image/png: not text, left out]",
        "[doc: https://example.com/doc]",
        "inside",
        "[file:///y: not text, left out]",
    ]
