"""Which address a request counts for: what a client can make up counts for nothing."""

from __future__ import annotations

from ipaddress import ip_address, ip_network
from typing import Any

import pytest
import yaml
from django.test import RequestFactory
from uvicorn.middleware.proxy_headers import ProxyHeadersMiddleware

from crewsite.settings import PROXY_ADDRESSES
from teams.guessing.address import client_address
from tests.application import ROOT

BEHIND = "203.0.113.7"


@pytest.mark.parametrize(
    ("peer", "counted"),
    [
        ("192.0.2.1", "192.0.2.1"),
        ("::ffff:192.0.2.1", "192.0.2.1"),
        ("2001:db8::1", "2001:db8::/64"),
        ("2001:DB8:0:0:ffff::9", "2001:db8::/64"),
        ("fe80::1%eth0", "fe80::/64"),
        ("", ""),
        ("unix:", ""),
    ],
)
def test_an_address_counts_in_one_form(peer: str, counted: str) -> None:
    assert client_address(RequestFactory().get("/", REMOTE_ADDR=peer)) == counted


def test_the_header_alone_is_not_believed() -> None:
    request = RequestFactory().get("/", REMOTE_ADDR="192.0.2.1", headers={"X-Forwarded-For": BEHIND})
    assert client_address(request) == "192.0.2.1"


@pytest.mark.parametrize(
    ("peer", "header", "counted"),
    [
        ("127.0.0.1", BEHIND, BEHIND),
        ("127.0.0.1", f"198.51.100.1, {BEHIND}", BEHIND),
        ("127.0.0.1", f"198.51.100.1, {BEHIND}, 127.0.0.1", BEHIND),
        ("127.0.0.1", f"{BEHIND}:4711", BEHIND),
        ("127.0.0.1", "[2001:db8::1]:443", "2001:db8::/64"),
        ("127.0.0.1", "", "127.0.0.1"),
        ("192.0.2.1", BEHIND, "192.0.2.1"),
    ],
)
async def test_behind_a_proxy_its_own_word_alone_is_believed(peer: str, header: str, counted: str) -> None:
    """As the server (``crewsite.serving``) does it: by the first address from the right that is no proxy's."""
    seen: list[Any] = []

    async def application(scope: Any, receive: Any, send: Any) -> None:
        seen.append(scope["client"])

    server: Any = ProxyHeadersMiddleware(application, trusted_hosts=list(PROXY_ADDRESSES))
    scope = {"type": "http", "client": (peer, 1), "headers": [(b"x-forwarded-for", header.encode())] if header else []}
    await server(scope, None, None)
    assert client_address(RequestFactory().get("/", REMOTE_ADDR=seen[0][0])) == counted


def test_in_the_example_of_a_team_server_no_container_is_believed() -> None:
    """The gateway alone, by which what comes from the machine itself comes in; 0.0.0.0/0 would believe everybody."""
    example = yaml.safe_load((ROOT / "compose.yaml").read_text())
    believed = example["services"]["web"]["environment"]["PROXY_ADDRESSES"]
    (network,) = example["networks"]["default"]["ipam"]["config"]
    assert believed == network["gateway"]
    assert ip_address(believed) in ip_network(network["subnet"])
