"""Which address a request counts for: what a client can make up counts for nothing."""

from __future__ import annotations

from typing import Any

import pytest
from django.test import RequestFactory

from teams.guessing.address import client_address

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
def test_an_address_counts_in_one_form(settings: Any, peer: str, counted: str) -> None:
    settings.BEHIND_PROXY = False
    assert client_address(RequestFactory().get("/", REMOTE_ADDR=peer)) == counted


def test_without_a_proxy_the_header_is_not_believed(settings: Any) -> None:
    settings.BEHIND_PROXY = False
    request = RequestFactory().get("/", REMOTE_ADDR="192.0.2.1", headers={"X-Forwarded-For": BEHIND})
    assert client_address(request) == "192.0.2.1"


@pytest.mark.parametrize(
    ("header", "counted"),
    [
        (BEHIND, BEHIND),
        (f"198.51.100.1, {BEHIND}", BEHIND),
        (f"{BEHIND}:4711", BEHIND),
        ("[2001:db8::1]:443", "2001:db8::/64"),
        (f"{BEHIND}, garbage", "192.0.2.1"),
        (",", "192.0.2.1"),
        ("", "192.0.2.1"),
    ],
)
def test_behind_a_proxy_the_last_hop_alone_is_believed(settings: Any, header: str, counted: str) -> None:
    settings.BEHIND_PROXY = True
    request = RequestFactory().get("/", REMOTE_ADDR="192.0.2.1", headers={"X-Forwarded-For": header})
    assert client_address(request) == counted
