"""What a hostile server may send to the network tools: bombs, drips, strange encodings, redirects of writes."""

from __future__ import annotations

import gzip
import itertools
import time
import tracemalloc
import zlib

import pytest

from engine.web.addresses import Reach, RequestFailed
from engine.web.guarded_http import MAX_BYTES, GuardedHttp
from tests.engine.loopback import Reply, Site


def bomb(size: int) -> bytes:
    """``size`` bytes of zeros, packed a thousand to one."""
    packer = zlib.compressobj(9, wbits=31)
    parts = [packer.compress(bytes(10**6)) for _ in range(size // 10**6)]
    return b"".join([*parts, packer.flush()])


async def get(site: Site, path: str = "/", *, timeout_s: float = 20.0, **options: object) -> str:
    http = GuardedHttp(Reach.allowing(["127.0.0.1"]), timeout_s=timeout_s)
    return (await http.request("GET", f"{site.url}{path}", **options)).text  # type: ignore[arg-type]


async def test_packed_pages_are_read() -> None:
    with Site({"/": Reply(gzip.compress("<p>Grüße</p>".encode()), headers={"Content-Encoding": "gzip"})}) as site:
        assert await get(site) == "<p>Grüße</p>"
    assert site.asked[0].headers["accept-encoding"] == "gzip"


async def test_a_bomb_is_never_unpacked_beyond_the_limit() -> None:
    packed = bomb(500 * 10**6)
    assert len(packed) < MAX_BYTES
    with Site({"/": Reply(packed, headers={"Content-Encoding": "gzip"})}) as site:
        tracemalloc.start()
        try:
            with pytest.raises(RequestFailed, match="larger than"):
                await get(site)
            assert tracemalloc.get_traced_memory()[1] < 10 * MAX_BYTES
        finally:
            tracemalloc.stop()


async def test_the_limit_holds_for_packed_bytes_too() -> None:
    endless = itertools.chain([gzip.compress(b"")], itertools.repeat(bytes(65536)))
    with (
        Site({"/": Reply(endless, headers={"Content-Encoding": "gzip"})}) as site,
        pytest.raises(RequestFailed, match="larger than"),
    ):
        await get(site)


async def test_an_endless_answer_ends_at_the_limit() -> None:
    with Site({"/": Reply(itertools.repeat(b"x" * 65536))}) as site, pytest.raises(RequestFailed, match="larger than"):
        await get(site)


@pytest.mark.parametrize("encoding", ["br", "zstd", "deflate", "gzip, gzip", "compress"])
async def test_other_packings_are_refused(encoding: str) -> None:
    with (
        Site({"/": Reply(bomb(10**6), headers={"Content-Encoding": encoding})}) as site,
        pytest.raises(RequestFailed, match="packed as"),
    ):
        await get(site)


async def test_what_cannot_be_unpacked_is_refused() -> None:
    with (
        Site({"/": Reply(b"this is not gzip", headers={"Content-Encoding": "gzip"})}) as site,
        pytest.raises(RequestFailed, match="unpacked"),
    ):
        await get(site)


async def test_a_slow_drip_ends_at_the_time_limit() -> None:
    with Site({"/": Reply(itertools.repeat(b"x"), pause_s=0.05)}) as site:
        began = time.monotonic()
        with pytest.raises(RequestFailed, match=r"within 0\.5 s"):
            await get(site, timeout_s=0.5)
        assert time.monotonic() - began < 5


@pytest.mark.parametrize(
    "charset", ["punycode", "idna", "unicode_escape", "undefined", "zlib", "rot13", "utf-7", "x" * 99]
)
async def test_charsets_that_no_page_is_written_in_are_read_as_utf_8(charset: str) -> None:
    with Site({"/": Reply(b"a-" * 500_000, headers={"Content-Type": f"text/plain; charset={charset}"})}) as site:
        began = time.process_time()
        assert await get(site) == "a-" * 500_000
        assert time.process_time() - began < 5


async def test_other_charsets_are_obeyed() -> None:
    with Site(
        {"/": Reply("Grüße".encode("latin-1"), headers={"Content-Type": "text/plain; charset=ISO-8859-1"})}
    ) as site:
        assert await get(site) == "Grüße"


async def test_a_write_is_not_sent_on_to_where_the_server_points() -> None:
    moved = {"/307": Reply(status=307, headers={"Location": "/there"}), "/there": Reply(b"done")}
    with Site(moved | {"/303": Reply(status=303, headers={"Location": "/there"})}) as site:
        http = GuardedHttp(Reach.allowing(["127.0.0.1"]))
        with pytest.raises(RequestFailed, match="redirects this POST"):
            await http.request("POST", f"{site.url}/307", json={"a": 1})
        page = await http.request("POST", f"{site.url}/303", json={"a": 1}, headers={"X-Api-Key": "secret"})
    assert page.text == "done"
    assert [(one.method, one.path) for one in site.asked] == [("POST", "/307"), ("POST", "/303"), ("GET", "/there")]
    assert "x-api-key" not in site.asked[-1].headers
    assert site.asked[-1].body == b""


async def test_a_server_that_points_to_what_is_no_punycode_is_told_of_with_words() -> None:
    http = GuardedHttp(Reach.allowing(["127.0.0.1"]))
    with Site({"/": Reply(status=302, headers={"Location": "https://xn--/"})}) as site:
        for door in (http.request("GET", f"{site.url}/"), http.get_once(f"{site.url}/", headers={}, most_bytes=10)):
            with pytest.raises(RequestFailed, match="not a usable address"):
                await door
    with pytest.raises(RequestFailed, match="not a usable address"):
        await http.request("GET", "https://xn--/")


async def test_what_the_server_says_to_an_error_is_told_where_it_is_wanted() -> None:
    answer = Reply(
        b'{"detail": "no such id"}' + b"x" * 10_000, status=422, headers={"Content-Type": "application/json"}
    )
    with Site({"/": answer}) as site:
        with pytest.raises(RequestFailed, match=r"^The server answered 422 Unprocessable \w+\.$"):
            await get(site)
        with pytest.raises(RequestFailed, match="no such id") as told:
            await get(site, explain_errors=True)
    assert len(str(told.value)) < 3000
