"""The ``http_request`` tool: what it may reach and do is what its settings say, also after redirects."""

from __future__ import annotations

import json
from typing import Any

import pytest

from engine.crew.tool_calls import NOT_ALLOWED
from engine.providers.credential import Credential
from engine.providers.litellm_client import LiteLLMClient
from engine.record.journal import CallStatus, Verdict
from engine.record.memory_journal import MemoryJournal
from engine.spec.crew_spec import ToolSpec
from engine.spec.tool_settings import METHODS, fault_of
from engine.spec.validate import validate
from engine.tools.http_request import HttpRequest
from engine.tools.one_call import request_of
from engine.tools.registry import ToolRegistry
from engine.tools.tool import Effect, ToolFailed
from engine.web.addresses import Reach, RequestFailed
from engine.web.guarded_http import GuardedHttp
from tests.engine.crews import agent, crew, run, runtime, task
from tests.engine.loopback import Reply, Site
from tests.openai_server import OpenAIServer, tool_call


def tool(*hosts: str, methods: tuple[str, ...] = ("GET",)) -> HttpRequest:
    return HttpRequest(
        GuardedHttp(Reach.allowing(["127.0.0.1", "localhost"])), allowed_hosts=hosts or ("127.0.0.1",), methods=methods
    )


async def test_it_reads_and_says_what_came_back() -> None:
    replies = {
        "/json": Reply(b'{"a": 1}', headers={"Content-Type": "application/json"}),
        "/page": Reply(b"<p>Hello</p><script>x</script>"),
        "/bad": Reply(b"no such city", status=400, headers={"Content-Type": "text/plain"}),
    }
    with Site(replies) as site:
        assert await tool().run({"url": f"{site.url}/json"}) == '{"a": 1}'
        assert await tool().run({"url": f"{site.url}/page", "method": "GET"}) == "Hello"
        with pytest.raises(RequestFailed, match="400 Bad Request: no such city"):
            await tool().run({"url": f"{site.url}/bad"})


@pytest.mark.parametrize("method", METHODS[1:])
async def test_it_sends_json_or_text(method: str) -> None:
    with Site({"/": Reply(b"done")}) as site:
        writer = tool(methods=METHODS)
        assert await writer.run({"url": f"{site.url}/", "method": method, "json": {"a": "ü"}}) == "done"
        assert await writer.run({"url": f"{site.url}/", "method": method, "body": "grüße"}) == "done"
    assert [one.method for one in site.asked] == [method, method]
    assert json.loads(site.asked[0].body) == {"a": "ü"}
    assert site.asked[0].headers["content-type"] == "application/json"
    assert site.asked[1].body.decode() == "grüße"


async def test_json_and_body_are_not_mixed_and_a_get_has_neither() -> None:
    for arguments in ({"method": "POST", "json": {}, "body": ""}, {"method": "GET", "json": {}}, {"body": "x"}):
        with pytest.raises(ToolFailed):
            await tool(methods=METHODS).run({"url": "http://127.0.0.1:9/"} | arguments)


@pytest.mark.parametrize(
    ("url", "error"),
    [
        *((url, ToolFailed) for url in (
            "http://localhost:{port}/", "http://127.0.0.1.example.com/", "http://example.com/127.0.0.1",
            "http://127.1:{port}/",
        )),
        *((url, RequestFailed) for url in (
            "http://127.0.0.1@example.com/", "http://u@127.0.0.1:{port}/", "ftp://127.0.0.1/", "//127.0.0.1/",
            "127.0.0.1", "https://xn--/",
        )),
    ],
)  # fmt: skip
async def test_other_hosts_are_refused(url: str, error: type[Exception]) -> None:
    with Site({"/": Reply(b"secret")}) as site, pytest.raises(error):
        await tool().run({"url": url.format(port=site.port)})
    assert not site.asked


async def test_a_redirect_to_another_host_is_refused() -> None:
    with Site() as site:
        site.replies["/"] = Reply(status=302, headers={"Location": f"http://localhost:{site.port}/there"})
        site.replies["/there"] = Reply(b"secret")
        with pytest.raises(ToolFailed, match="localhost is not one of the hosts"):
            await tool().run({"url": f"{site.url}/"})
        assert await tool("127.0.0.1", "localhost").run({"url": f"{site.url}/"}) == "secret"
    assert [one.path for one in site.asked] == ["/", "/", "/there"]


async def test_an_allowed_host_inside_is_refused_all_the_same() -> None:
    with Site({"/": Reply(b"secret")}) as site, pytest.raises(RequestFailed, match="not a public address"):
        await HttpRequest(GuardedHttp(), allowed_hosts=("127.0.0.1",), methods=("GET",)).run({"url": f"{site.url}/"})
    assert not site.asked


@pytest.mark.parametrize(
    ("host", "asked", "fits"),
    [
        ("*.example.com", "a.example.com", True),
        ("*.example.com", "A.B.Example.COM.", True),
        ("*.example.com", "example.com", False),
        ("*.example.com", "badexample.com", False),
        ("*.example.com", "a.example.com.evil.org", False),
        ("Example.com", "example.com", True),
        ("example.com", "a.example.com", False),
    ],
)
async def test_a_star_stands_for_names_below(host: str, asked: str, fits: bool) -> None:
    inside = HttpRequest(GuardedHttp(timeout_s=0.001), allowed_hosts=(host,), methods=("GET",))
    with pytest.raises(RequestFailed if fits else ToolFailed) as failure:  # nothing is reached: there is no time
        await inside.run({"url": f"http://{asked}/"})
    assert ("not one of the hosts" in str(failure.value)) is not fits


def test_a_request_that_may_change_something_is_written_out_for_a_person() -> None:
    facts = tool("example.com", methods=METHODS).facts
    assert facts.request({"url": "http://example.com/"}) == ""
    assert facts.request({"url": "http://example.com/", "method": "GET"}) == ""
    text = facts.request({"url": "http://example.com/a?b=1", "method": "PUT", "body": "one\ntwo é"})
    first, *headers, empty, one, two = text.splitlines()
    assert (first, empty, one, two) == ("PUT http://example.com/a?b=1", "", "one", "two é")
    assert {"Host: example.com", "Content-Length: 10"} <= set(headers)
    assert facts.request({"url": "http://example.com/", "method": "DELETE"}).startswith("DELETE http://example.com/\n")


@pytest.mark.parametrize(
    "arguments",
    [
        {"url": "http://elsewhere.example/"},
        {"url": "http://user@example.com/"},
        {"url": "http://exa mple.com/"},
        {"url": "http://[nonsense/"},
        {"url": "https://xn--/"},
        {"url": "http://example.com/", "body": "\ud800"},
        {"url": "http://example.com/", "json": {"a": "\ud800"}},
        {"url": "http://example.com/", "json": {}, "body": "x"},
        {"url": "http://example.com/", "body": "x" * 40_000},
    ],
)
def test_what_could_only_fail_is_not_asked_about(arguments: dict[str, Any]) -> None:
    with pytest.raises(ToolFailed):
        request_of(tool("example.com", methods=METHODS), {"method": "POST"} | arguments)


def test_a_designer_may_switch_the_question_off() -> None:
    http = GuardedHttp()
    unasked = HttpRequest(http, allowed_hosts=("example.com",), methods=METHODS, without_approval=True)
    assert unasked.facts.request({"url": "http://example.com/", "method": "POST"}) == ""


@pytest.mark.parametrize("verdict", [None, Verdict(True), Verdict(False, "Not on a Sunday.")])
async def test_the_engine_asks_before_the_call(verdict: Verdict | None) -> None:
    asked: list[str] = []

    async def person(key: str, text: str) -> Verdict:
        asked.append(text)
        assert verdict is not None
        return verdict

    wanted = ToolSpec(name="http_request", config={"allowed_hosts": ["127.0.0.1"], "methods": ["POST"]})
    with Site({"/": Reply(b"done")}) as site, OpenAIServer(lambda body: posting(body, site)) as models:
        client = LiteLLMClient(lambda llm: Credential(api_key="k", base_url=models.url))
        journal = MemoryJournal(reviewer=person if verdict else None)
        registry = ToolRegistry.standard(reach=Reach.allowing(["127.0.0.1"]))
        spec = crew(task("a"), agents=(agent(llm="gpt-4o-mini", tools=(wanted,)),))
        output = await run(spec, runtime(llm=client, journal=journal, tools=registry))
    assert len(site.asked) == (verdict is not None and verdict.approved)
    assert output.status == ("waiting" if verdict is None else "succeeded")
    assert all(text.startswith(f"POST {site.url}/") for text in asked)
    told = [call.outcome.tool_output for call in journal.calls if call.intent.tool]
    expected = {None: [], True: ["done"], False: [f"Error: {NOT_ALLOWED.format(reason='Not on a Sunday.')}"]}
    assert told == expected[verdict and verdict.approved]


def posting(body: dict[str, Any], site: Site) -> str | dict[str, Any]:
    if any(message["role"] == "tool" for message in body["messages"]):
        return "Finished."
    return tool_call("http_request", {"method": "POST", "url": f"{site.url}/"})


def test_only_reading_may_be_repeated_and_reused() -> None:
    assert (tool().facts.effect, tool().facts.cacheable) == (Effect.PURE, True)
    for methods in (("GET", "POST"), ("DELETE",)):
        facts = tool(methods=methods).facts
        assert (facts.effect, facts.cacheable) == (Effect.UNSAFE, False)


@pytest.mark.parametrize(
    "config",
    [
        {},
        {"allowed_hosts": []},
        {"allowed_hosts": "example.com"},
        {"allowed_hosts": [1]},
        {"allowed_hosts": ["https://example.com"]},
        {"allowed_hosts": ["example.com/path"]},
        {"allowed_hosts": ["*"]},
        {"allowed_hosts": ["*.com"]},
        {"allowed_hosts": ["a.*.com"]},
        {"allowed_hosts": ["bücher.example"]},
        {"allowed_hosts": ["example.com"], "methods": []},
        {"allowed_hosts": ["example.com"], "methods": ["get"]},
        {"allowed_hosts": ["example.com"], "methods": ["CONNECT"]},
        {"allowed_hosts": ["example.com"], "without_approval": "yes"},
        {"allowed_hosts": ["example.com"], "headers": {"Authorization": "secret"}},
    ],
)
async def test_bad_settings_are_complained_about_before_anything_runs(config: dict[str, Any]) -> None:
    wanted = ToolSpec(name="http_request", config=config)
    assert fault_of(wanted)
    spec = crew(task("a", tools=(wanted,)), agents=(agent(tools=(wanted,)),))
    found = {(one.field, one.code, one.level) for one in validate(spec)}
    assert found == {(f"{owner}.tools", "bad_tool_settings", "error") for owner in ("agents.worker", "tasks.a")}


def test_good_settings_are_not_complained_about() -> None:
    config = {"allowed_hosts": ["api.example.com", "*.example.org", "10.0.0.1"], "methods": ["GET", "POST"]}
    config |= {"without_approval": True}
    assert not validate(crew(task("a"), agents=(agent(tools=(ToolSpec(name="http_request", config=config),)),)))
    assert fault_of(ToolSpec(name="scrape_website", config={"website_url": "https://example.com"})) == ""
    assert fault_of(ToolSpec(name="scrape_website", config={"website_url": "file:///etc/passwd"}))


async def test_in_simulated_runs_nobody_is_asked() -> None:
    wanted = ToolSpec(name="http_request", config={"allowed_hosts": ["127.0.0.1"]})
    journal = MemoryJournal()
    with Site({"/": Reply(b"real")}) as site:
        spec = crew(task("a"), agents=(agent(llm="simulated/gpt-4o-mini", tools=(wanted,)),))
        output = await run(spec, runtime(journal=journal, tools=ToolRegistry.simulated()))
    assert output.status == "succeeded"
    assert not site.asked
    used = [call.outcome for call in journal.calls if call.intent.tool == "http_request"]
    assert all(outcome.status is CallStatus.OK and "simulated" in (outcome.tool_output or "") for outcome in used)
