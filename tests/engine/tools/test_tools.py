"""Built-in tools, and the guard that all network tools go through, against real sockets."""

from __future__ import annotations

import json
import threading
from collections.abc import Iterator
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any

import pytest

from engine import Agent, ScrapeWebsiteTool, SerperDevTool
from engine.spec.crew_spec import ToolSpec
from engine.spec.tool_settings import fault_of
from engine.tools.calculator import calculate
from engine.tools.registry import ToolRegistry
from engine.tools.tool import ToolFailed
from engine.tools.web_search import WebSearch
from engine.web.addresses import Reach, RequestFailed
from engine.web.guarded_http import MAX_BYTES, GuardedHttp
from engine.web.html_text import readable_text
from tests.engine.loopback import Reply, Site
from tests.openai_server import SearchServer


@pytest.mark.parametrize(
    ("expression", "value"),
    [
        ("1 + 1", "2"),
        ("0.1 + 0.2", "0.3"),
        ("(1200 - 980) / 980 * 100", "22.4489795918367346938775510204081632653061224489795918367347"),
        ("2 ** 10", "1024"),
        ("-7 // 2", "-3"),
        ("2^3", "8"),
        ("1e40 * 10", "1" + "0" * 41),
    ],
)
def test_arithmetic_is_exact(expression: str, value: str) -> None:
    assert calculate(expression) == value


@pytest.mark.parametrize(
    "expression",
    ["1/0", "import os", "__import__('os')", "9**99999999", "a", "", "'x'*9", "1e400", "(" * 500, "1" * 2000],
)
def test_what_is_no_arithmetic_is_refused(expression: str) -> None:
    with pytest.raises(ToolFailed):
        calculate(expression)


class Pages(BaseHTTPRequestHandler):
    """A small site: each path is one behaviour."""

    def do_GET(self) -> None:
        port = self.server.server_address[1]
        moved = {
            "/to-page": "/page",
            "/to-inside": f"http://127.1:{port}/page",
            "/to-file": "file:///etc/passwd",
            "/round": "/round",
        }
        if self.path in moved:
            self.send_response(302)
            self.send_header("Location", moved[self.path])
            self.send_header("Content-Length", "0")
            self.end_headers()
            return
        bodies = {
            "/page": b"<h1>Hello</h1><script>bad()</script><p>World</p>",
            "/big": b"x" * (MAX_BYTES + 1),
            "/image": b"\x89PNG",
        }
        body = bodies.get(self.path, b"")
        self.send_response(200 if self.path in bodies else 404)
        self.send_header("Content-Type", "image/png" if self.path == "/image" else "text/html; charset=nonsense")
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)

    def log_message(self, *args: object) -> None:
        pass


@pytest.fixture
def site() -> Iterator[int]:
    server = ThreadingHTTPServer(("127.0.0.1", 0), Pages)
    server.daemon_threads = True
    threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.05}, daemon=True).start()
    yield server.server_address[1]
    server.shutdown()
    server.server_close()


@pytest.mark.parametrize(
    "host", ["127.0.0.1", "localhost", "127.1", "2130706433", "0x7f000001", "0177.0.0.1", "0", "[::ffff:127.0.0.1]"]
)
async def test_nothing_inside_is_reached_however_it_is_written(site: int, host: str) -> None:
    with pytest.raises(RequestFailed):
        await GuardedHttp().request("GET", f"http://{host}:{site}/page")


async def test_an_operator_may_allow_a_host(site: int) -> None:
    page = await GuardedHttp(Reach.allowing(["127.0.0.1"])).request("GET", f"http://127.0.0.1:{site}/page")
    assert readable_text(page.text) == "Hello\nWorld"


async def test_a_redirect_is_followed_and_checked_again(site: int) -> None:
    http = GuardedHttp(Reach.allowing(["localhost"]))
    page = await http.request("GET", f"http://localhost:{site}/to-page")
    assert page.url.endswith("/page")
    with pytest.raises(RequestFailed, match=r"127\.1 is not a public address"):
        await http.request("GET", f"http://localhost:{site}/to-inside")


@pytest.mark.parametrize(
    ("path", "reason"),
    [
        ("/big", "larger than"),
        ("/image", "not text"),
        ("/missing", "404"),
        ("/round", "redirects"),
        ("/to-file", "http"),
    ],
)
async def test_what_is_too_much_or_of_no_use_is_refused(site: int, path: str, reason: str) -> None:
    with pytest.raises(RequestFailed, match=reason):
        await GuardedHttp(Reach.allowing(["127.0.0.1"])).request("GET", f"http://127.0.0.1:{site}{path}")


@pytest.mark.parametrize(
    "url", ["file:///etc/passwd", "ftp://example.com", "gopher://x", "http://", "http://u:p@example.com/"]
)
async def test_other_schemes_and_credentials_in_addresses_are_refused(url: str) -> None:
    with pytest.raises(RequestFailed):
        await GuardedHttp().request("GET", url)


async def test_search_gives_titles_links_and_snippets() -> None:
    with SearchServer() as server:
        search = WebSearch(GuardedHttp(Reach.allowing(["127.0.0.1"])), api_key="k", base_url=server.url)
        assert await search.run({"query": "crews"}) == "A result\nhttps://example.com\nAbout it."
    assert server.queries == ["crews"]


async def test_a_search_gives_as_many_results_as_were_asked_for() -> None:
    found = {"organic": [{"title": f"Result {number}"} for number in range(20)]}
    reply = Reply(json.dumps(found).encode(), headers={"Content-Type": "application/json"})
    with Site({"/search": reply}) as site:
        for config, count in (({}, 10), ({"n_results": 3}, 3), ({"n_results": 15}, 15)):
            registry = ToolRegistry.standard(
                search_api_key="k", search_base_url=site.url, reach=Reach.allowing(["127.0.0.1"])
            )
            async with registry.open([ToolSpec(name="web_search", config=config)]) as toolbox:
                text = await toolbox["web_search"][0].run({"query": "x"})
            assert text.count("Result") == count
            assert json.loads(site.asked[-1].body).get("num") == config.get("n_results")


def test_crewais_search_tool_keeps_its_number_of_results() -> None:
    worker = Agent(role="x", tools=[SerperDevTool(n_results=5), ScrapeWebsiteTool()])
    assert worker.spec("x").tools == (
        ToolSpec(name="web_search", config={"n_results": 5}),
        ToolSpec(name="scrape_website"),
    )


@pytest.mark.parametrize("n_results", [0, 101, "5", True, 2.5, None])
def test_a_number_of_results_that_cannot_be_is_a_fault(n_results: Any) -> None:
    assert "n_results" in fault_of(ToolSpec(name="web_search", config={"n_results": n_results}))


@pytest.mark.parametrize("url", ["https://xn--/", "https://a.example/\x01", "https://1.2.3.400/", "https://[/"])
def test_an_address_that_could_not_be_asked_is_a_fault(url: str) -> None:
    assert "full http" in fault_of(ToolSpec(name="scrape_website", config={"website_url": url}))
    assert "full http" in fault_of(ToolSpec(name="mcp", config={"url": url}))


async def test_a_simulated_reader_of_one_page_needs_no_address_either() -> None:
    fixed = [ToolSpec(name="scrape_website", config={"website_url": "https://example.com/a"})]
    facts = []
    for registry in (ToolRegistry.standard(), ToolRegistry.simulated()):
        async with registry.open(fixed) as toolbox:
            facts.append(toolbox["scrape_website"][0].facts)
    assert facts[0] == facts[1]
    assert "https://example.com/a" in await toolbox["scrape_website"][0].run({})


async def test_search_without_a_key_says_so() -> None:
    with pytest.raises(ToolFailed, match="no Serper key"):
        await WebSearch(GuardedHttp(), api_key="").run({"query": "x"})
