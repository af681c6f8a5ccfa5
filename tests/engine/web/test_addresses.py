"""Which hosts tools and webhooks reach: the rule, and that the checked address is the one connected to."""

from __future__ import annotations

import asyncio
import re
import socket
import threading

import httpx
import pytest

from engine.web.addresses import PUBLIC, AddressRefused, Reach, RequestFailed, complaint, is_public, literal_address
from engine.web.guarded_http import GuardedHttp
from tests.engine.loopback import Reply, Site
from tests.refused_hosts import REASONS, REFUSED_HOSTS, Names, listening
from tests.tls import tls_server

PUBLIC_HOSTS = ("8.8.8.8", "1.1.1.1", "134744072", "0x08080808", "[2606:4700::1111]", "[::ffff:8.8.8.8]")


async def tool(http: GuardedHttp, url: str) -> str:
    return (await http.request("GET", url)).text


async def webhook(http: GuardedHttp, url: str) -> str:
    return (await http.post_once(url, b"{}", headers={}, most_bytes=1000)).text


DOORS = pytest.mark.parametrize("door", [tool, webhook])


@DOORS
async def test_no_form_of_an_address_leads_inside(door) -> None:
    assert len(set(REFUSED_HOSTS)) >= 72
    got_through = {}
    with listening() as listener:
        for host in REFUSED_HOSTS:
            with pytest.raises(RequestFailed) as refused:
                await door(GuardedHttp(timeout_s=5), f"http://{host}:{listener.port}/")
            if not re.search(REASONS, str(refused.value)):
                got_through[host] = str(refused.value)
    assert got_through == {}
    assert listener.connections == 0


@pytest.mark.parametrize("host", REFUSED_HOSTS)
def test_a_typed_address_is_refused_before_anything_is_asked(host: str) -> None:
    assert re.search(REASONS, complaint(f"http://{host}:80/x", PUBLIC, example="https://example.com/"))


@pytest.mark.parametrize("host", [*PUBLIC_HOSTS, "example.com", "api.example.com.", "bücher.example"])
def test_public_addresses_and_names_may_be_typed(host: str) -> None:
    assert complaint(f"https://{host}/v1", PUBLIC, example="https://example.com/") == ""


@pytest.mark.parametrize(
    "url", ["", "x", "http://", "ftp://example.com/", "http://a:99999/", "https://b/" + "x" * 500, "https://xn--/"]
)
def test_what_is_no_address_is_refused(url: str) -> None:
    assert complaint(url, PUBLIC, example="https://example.com/")


def test_the_refusal_says_what_to_do() -> None:
    with pytest.raises(AddressRefused, match=r"^10\.0\.0\.1 is not a public .* can name it in ALLOWED_PRIVATE_HOSTS"):
        PUBLIC.check_url(httpx.URL("http://10.0.0.1/"))


@pytest.mark.parametrize("host", PUBLIC_HOSTS)
def test_public_addresses_are_public(host: str) -> None:
    address = literal_address(host)
    assert address is not None
    assert is_public(address)


@DOORS
@pytest.mark.parametrize("answer", [["127.0.0.1"], ["8.8.8.8", "127.0.0.1"], ["::1"], ["fe80::1%lo"], []])
async def test_a_name_that_leads_inside_is_refused_when_it_is_used(door, answer: list[str]) -> None:
    names = Names(inside_test=[answer])
    with listening() as listener, pytest.raises(AddressRefused, match=r"inside\.test is not a public"):
        await door(GuardedHttp(Reach(resolve=names)), f"http://inside.test:{listener.port}/")
    assert (listener.connections, names.asked) == (0, ["inside.test"])


@DOORS
async def test_the_systems_own_names_are_checked_too(door) -> None:
    name = socket.gethostname()
    with listening() as listener, pytest.raises(RequestFailed):
        await door(GuardedHttp(timeout_s=5), f"http://{name}:{listener.port}/")
    assert listener.connections == 0


@DOORS
async def test_a_name_that_changes_its_mind_is_connected_to_where_it_was_checked(door) -> None:
    """127.0.0.2 stands for a public address. The second answer, had it been asked for, would have led inside."""
    names = Names(rebinding_test=[["127.0.0.2"], ["127.0.0.1"]])
    http = GuardedHttp(Reach.allowing(["127.0.0.2"], resolve=names))
    with Site({"/": Reply(b"outside")}, host="127.0.0.2") as site, listening() as inside:
        assert await door(http, f"http://rebinding.test:{site.port}/") == "outside"
        assert names.asked == ["rebinding.test"]
        with pytest.raises(AddressRefused):
            await door(http, f"http://rebinding.test:{inside.port}/")
    assert inside.connections == 0
    assert site.asked[0].headers["host"] == f"rebinding.test:{site.port}"


@pytest.mark.parametrize("target", ["http://127.0.0.1:{port}/", "//127.1:{port}/", "http://inside.test:{port}/"])
async def test_a_redirect_inside_is_not_followed_by_tools(target: str) -> None:
    http = GuardedHttp(Reach.allowing(["127.0.0.2"], resolve=Names(inside_test=[["127.0.0.1"]])))
    with listening() as inside:
        moved = Reply(status=302, headers={"Location": target.format(port=inside.port)})
        with Site({"/": moved}, host="127.0.0.2") as site, pytest.raises(AddressRefused):
            await http.request("GET", f"{site.url}/")
    assert (len(site.asked), inside.connections) == (1, 0)


async def test_no_redirect_is_followed_by_webhooks() -> None:
    http = GuardedHttp(Reach.allowing(["127.0.0.2"]))
    with listening() as inside:
        moved = Reply(b"moved", status=307, headers={"Location": f"http://127.0.0.1:{inside.port}/"})
        with Site({"/": moved}, host="127.0.0.2") as site:
            answer = await http.post_once(f"{site.url}/", b"{}", headers={}, most_bytes=100)
    assert (answer.status, answer.text, inside.connections) == (307, "moved", 0)


@DOORS
async def test_the_certificate_is_asked_for_by_name_and_checked(door) -> None:
    with tls_server("127.0.0.2") as server:
        http = GuardedHttp(Reach.allowing(["127.0.0.2"], resolve=Names(secure_test=[["127.0.0.2"]])))
        with pytest.raises(RequestFailed, match="CERTIFICATE_VERIFY_FAILED"):
            await door(http, f"https://secure.test:{server.port}/")
    assert server.names == ["secure.test"]


@DOORS
async def test_the_environments_proxies_are_not_used(door, monkeypatch: pytest.MonkeyPatch) -> None:
    with Site({"/": Reply(b"straight")}) as site, listening() as proxy:
        for name in ("HTTP_PROXY", "http_proxy", "ALL_PROXY"):
            monkeypatch.setenv(name, f"http://127.0.0.1:{proxy.port}")
        assert await door(GuardedHttp(Reach.allowing(["127.0.0.1"])), f"{site.url}/") == "straight"
    assert proxy.connections == 0


@pytest.mark.parametrize(
    ("named", "host"),
    [
        ("127.0.0.1", "127.0.0.1"),
        ("127.0.0.1", "127.1"),
        ("127.0.0.1", "inside.test"),
        ("Inside.Test", "inside.test"),
        ("inside.test", "INSIDE.test."),
        ("localhost", "localhost"),
        ("[::1]", "[0:0::1]"),
        ("::1", "[::1]"),
    ],
)
async def test_an_operator_names_hosts_by_name_or_by_address(named: str, host: str) -> None:
    names = Names(inside_test=[["127.0.0.1"]], INSIDE_test_=[["127.0.0.1"]], localhost=[["127.0.0.1"]])
    reach = Reach.allowing([named], resolve=names)
    assert complaint(f"http://{host}/", reach, example="") == ""
    assert await reach.addresses(host, 80)


async def test_naming_one_host_allows_no_other() -> None:
    names = Names(one_test=[["127.0.0.1"]], two_test=[["127.0.0.1"]])
    reach = Reach.allowing(["one.test"], resolve=names)
    assert await reach.addresses("one.test", 80) == ["127.0.0.1"]
    for host in ("two.test", "127.0.0.1", "one.test.two.test"):
        with pytest.raises((AddressRefused, KeyError)):
            await reach.addresses(host, 80)


@pytest.mark.parametrize(
    "host", ["127.0.0.1", "localhost", "10.0.0.1", "192.168.1.9", "100.64.1.2", "[::1]", "[fd12::1]"]
)
def test_a_local_reach_has_this_machine_and_its_networks(host: str) -> None:
    assert complaint(f"http://{host}:11434", Reach(local=True), example="") == ""


@pytest.mark.parametrize(
    "host",
    ["169.254.169.254", "100.100.100.200", "[fd00:ec2::254]", "[fe80::1]", "[64:ff9b::7f00:1]", "0.0.0.0", "224.0.0.1"],
)
def test_a_local_reach_has_nothing_else(host: str) -> None:
    assert "not a public" in complaint(f"http://{host}:11434", Reach(local=True), example="")


async def test_slow_look_ups_hold_up_no_other_work_on_threads(monkeypatch: pytest.MonkeyPatch) -> None:
    go_on = threading.Event()
    monkeypatch.setattr(socket, "getaddrinfo", lambda *args, **more: go_on.wait(20) and [])
    hanging = [asyncio.create_task(PUBLIC.addresses("slow.test", 80)) for _ in range(100)]
    await asyncio.sleep(0)
    try:
        assert await asyncio.wait_for(asyncio.to_thread(int, "7"), 10) == 7
    finally:
        go_on.set()
        refused = await asyncio.gather(*hanging, return_exceptions=True)
    assert {type(error) for error in refused} == {AddressRefused}
