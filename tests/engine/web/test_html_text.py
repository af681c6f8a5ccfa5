"""Pages are read in time linear in their size, whatever they are made of, and normal pages keep their text."""

from __future__ import annotations

import asyncio
import threading
import time
from collections.abc import Iterator
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer

import pytest

from engine.bounded import Effort
from engine.errors import TooMuchWork
from engine.tools import network_tools
from engine.tools.http_request import HttpRequest
from engine.tools.scrape import ScrapeWebsite
from engine.tools.tool import ToolFailed
from engine.web.addresses import Reach
from engine.web.guarded_http import GuardedHttp
from engine.web.html_text import readable_text, tokens

SIZE = 1_990_000
BOUND_S = 20.0
"""Minutes away from what a quadratic reader takes for 2 MB, and far above a linear one on a busy machine."""

HOSTILE = {
    "openings": "<!",
    "comments": "<!--",
    "comment ends": "<!-->--!>",
    "declarations": "<![CDATA[",
    "instructions": "<?",
    "tags left open": "<a ",
    "end tags left open": "</a ",
    "slashes": "</",
    "less than": "<",
    "quotes": "<a b='",
    "quoted values": "<a b=\"c\" d='e'",
    "equals": "<a =",
    "spaces": "<a =          ",
    "numbers": "&#",
    "hex": "&#x",
    "digits": "9",
    "ampersands": "&",
    "names": "&notanentity",
    "divs": "<div>",
    "paragraphs in divs": "<div><p>",
    "formatting": "<b><i>",
    "silent": "<svg>",
    "silent, crossed": "<nav><svg></template>",
    "ends of nothing": "</nav></svg>",
    "scripts": "<script>",
    "script ends": "<script></scrip",
    "closed scripts": "<script></script>",
    "titles": "<title></titl",
    "pre": "<pre>\n",
    "spaces alone": " \t\n",
    "tables": "<table><tr><td>",
    "nothing": "\x01",
}


@pytest.mark.parametrize("unit", HOSTILE.values(), ids=HOSTILE.keys())
@pytest.mark.parametrize("start", ["", "<body><p>Hello</p>", "&#", "<a href='"])
def test_each_character_of_a_hostile_page_is_looked_at_once(unit: str, start: str) -> None:
    page = start + unit * (SIZE // len(unit) // 20)
    at = 0
    for _, begin, end in tokens(page):
        assert begin == at < end
        at = end
    assert at == len(page)


@pytest.mark.parametrize("unit", HOSTILE.values(), ids=HOSTILE.keys())
def test_hostile_pages_of_2_mb_are_read_in_bounded_time(unit: str) -> None:
    page = "<p>Hello</p>" + unit * (SIZE // len(unit))
    began = time.process_time()
    text = readable_text(page)
    assert time.process_time() - began < BOUND_S
    assert text.startswith("Hello")


QUADRATIC_ELSEWHERE = {
    "ends of what is not open": ("<span>" * 160_000) + ("</b>" * 250_000),
    "formatting that is opened again": "<p>" + "".join(f"<font size={n}>" for n in range(60_000)) + "<p>x" * 250_000,
    "attributes of different names": "<a " + " ".join(f"a{n}=1" for n in range(200_000)) + ">",
}
"""Pages of 2 MB that take other parsers minutes or all memory, measured on 2026-11-28; ``docs/decisions.md`` has it."""


@pytest.mark.parametrize("rest", QUADRATIC_ELSEWHERE.values(), ids=QUADRATIC_ELSEWHERE.keys())
def test_pages_that_other_parsers_cannot_bear_are_read_in_bounded_time(rest: str) -> None:
    began = time.process_time()
    text = readable_text("<p>Hello</p>" + rest)
    assert time.process_time() - began < BOUND_S
    assert text.startswith("Hello")


NORMAL = """<!DOCTYPE html>
<html><head><title>Not shown</title><script>if (a < b) { "</p>" }</script><style>p > a {}</style></head>
<body class="x > y"><nav><ul><li>Menu</ul></nav>
<h1>Tea &amp; coffee</h1><!-- a > comment -- > with <p>tags</p> -->
<p title='it is "quoted" >'>First
 paragraph, with <b>bold</b> and a&nbsp;space.<br/>Second line: 1 < 2, don't you think?
<ul><li>One<li>Two</ul>
<table><tr><td>a</td><td>b</td></tr><tr><td>c<td>d</table>
<pre>def f():
    return 1</pre>
<svg viewBox="0 0 1 1"/><p>After a picture &#8212; &#x2014; &eacute;.</p>
<textarea><p>typed</p></textarea>
<footer>Imprint</footer></body></html>"""


def test_a_normal_page_keeps_its_text_a_line_per_block() -> None:
    assert readable_text(NORMAL).split("\n") == [
        "Tea & coffee",
        "First paragraph, with bold and a space.",
        "Second line: 1 < 2, don't you think?",
        "One",
        "Two",
        "a b",
        "c d",
        "def f():",
        "return 1",
        "After a picture — — é.",
        "<p>typed</p>",
    ]


@pytest.mark.parametrize(
    ("page", "text"),
    [
        ("", ""),
        ("plain", "plain"),
        ("<head><meta charset=utf-8><title>t</title><body>No head end", "No head end"),
        ("<p don't>a</p><p>b</p>", "a\nb"),
        ("<a href=x>one</a> <a href = 'y>z'>two</a>", "one two"),
        ("<SCRIPT>x</ScRiPt >y", "y"),
        ("a<nav>b<svg>c</nav>d", "ad"),
        ("a</nav>b", "ab"),
        ("a<b", "a"),
        ("a < b <3 <> c", "a < b <3 <> c"),
        ("a<!>b<!-->c<!--->d<!---->e<?php >f</>g</3>h", "abcdefgh"),
        ("&lt;p&gt; &amp;amp; &nosuch; &#0; &#1114112; &#99999999999;", "<p> &amp; &nosuch; \ufffd \ufffd \ufffd9999;"),
    ],
)
def test_what_browsers_make_of_it(page: str, text: str) -> None:
    assert readable_text(page) == text


class Site(BaseHTTPRequestHandler):
    def do_GET(self) -> None:
        body = b"<p>Hello</p>" + b"<b>" * 600_000
        self.send_response(200)
        self.send_header("Content-Type", "text/html")
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)

    def log_message(self, *args: object) -> None:
        pass


@pytest.fixture
def site() -> Iterator[str]:
    server = ThreadingHTTPServer(("127.0.0.1", 0), Site)
    server.daemon_threads = True
    threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.05}, daemon=True).start()
    yield f"http://127.0.0.1:{server.server_port}/"
    server.shutdown()
    server.server_close()


async def test_what_a_runs_pages_cost_is_bounded_in_all(site: str) -> None:
    spent = Effort(0)
    with pytest.raises(TooMuchWork, match="Reading the page was not done: such work of this run took"):
        await ScrapeWebsite(GuardedHttp(Reach.allowing(["127.0.0.1"])), effort=spent).run({"url": site})
    posted = HttpRequest(
        GuardedHttp(Reach.allowing(["127.0.0.1"])), allowed_hosts=("127.0.0.1",), methods=("GET",), effort=spent
    )
    with pytest.raises(ToolFailed, match=r"The request was made and answered\. Reading"):
        await posted.run({"url": site})


def test_the_tools_of_a_run_share_one_effort_for_pages() -> None:
    made = network_tools.tools(network_tools.NetworkAccess())
    scrape, request = made["scrape_website"]({}), made["http_request"]({"allowed_hosts": ["a.example"]})
    assert isinstance(scrape, ScrapeWebsite)
    assert isinstance(request, HttpRequest)
    assert scrape._effort is request._effort
    assert scrape._effort is made["scrape_website"]({})._effort  # type: ignore[union-attr]


async def test_the_event_loop_goes_on_while_a_large_page_is_read(site: str) -> None:
    reading = asyncio.create_task(ScrapeWebsite(GuardedHttp(Reach.allowing(["127.0.0.1"]))).run({"url": site}))
    longest, began = 0.0, time.perf_counter()
    last = began
    while not reading.done():
        await asyncio.sleep(0.005)
        longest, last = max(longest, time.perf_counter() - last), time.perf_counter()
    assert reading.result().startswith("Hello")
    assert longest < (last - began) / 2
