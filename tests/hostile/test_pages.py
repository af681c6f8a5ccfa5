"""Every address with every method and hostile values, whoever asks: it is never the application that fails.

The addresses are read from the URL conf, so that a new view is asked too. ``HOSTILE_EXAMPLES`` is the number of random
requests for each kind; ``make hostile`` sends many.
"""

from __future__ import annotations

import os
from collections.abc import Iterator
from contextlib import contextmanager
from copy import copy
from dataclasses import dataclass
from itertools import cycle, islice
from typing import Any
from urllib.parse import quote, unquote, urlencode

import pytest
from django.core.files.uploadedfile import SimpleUploadedFile
from django.db import transaction
from django.test import Client
from django.urls import is_valid_path, resolve
from hypothesis import HealthCheck, Phase, given, settings
from hypothesis import strategies as st

from crewsite.methods import STREAMS
from teams.actions import issue_token
from teams.models import Scope
from tests.hostile.addresses import Address, addresses
from tests.hostile.forms import Form, forms_of
from tests.hostile.rows import Rows, make_rows
from tests.made_once import made_once
from tests.pages import just_proven, signed_in

pytestmark = pytest.mark.django_db

EXAMPLES = int(os.environ.get("HOSTILE_EXAMPLES", "100"))
IS_LONG = "HOSTILE_EXAMPLES" in os.environ
PEOPLE = ("owner", "viewer", "nobody")
METHODS = ("GET", "HEAD", "POST", "PUT", "PATCH", "DELETE", "OPTIONS", "TRACE")
SETTINGS = settings(
    max_examples=EXAMPLES,
    phases=(Phase.explicit, Phase.generate),  # what fails is short enough without shrinking, which takes long
    deadline=None,
    derandomize=not IS_LONG,
    database=None,
    suppress_health_check=list(HealthCheck),
)

TEXTS = (
    *("", " ", "\x00", "a\x00b", "NaN", "nan", "Infinity", "-1", "0", "1e400", "1_0", "١", "true", "null", "[]", "{}"),
    *("9" * 20, "9" * 400, "9" * 5_000, "../..", "%00", "%", "\u202e", "\ufffe", "😀", "a" * 300, "x" * 20_000),
    *("status:nowhere", "cost:>NaN", "cost:1e-999999", "duration:>9999999999w", "since:١d", 'crew:"', "sort", "draft"),
    *("http://[", "//evil.example", "javascript:1", "\r\nX: y", "\n", "=", "&", "a=b", "up", "yes", "no", "figures"),
    *("https://xn--/", "https://a.example/%00", "https://1.2.3.400/"),
    *('{"a":1,"a":1}', '{"a":NaN}', '{"a":"\\u0000"}', '{"a":"\\ud800"}', "[" * 5_000, '{"tasks":[{"key":"a"}]}'),
    *('{"name":"x","agents":[{"key":"a","role":""},{"key":"a","role":""}]}', "x=[1]\n", "a:\n  role: r\n"),
    "018f0000-0000-7000-8000-000000000000",
    "1e300_018f0000-0000-7000-8000-000000000000",
    "nan_018f0000-0000-7000-8000-000000000000",
)
NAMES = (
    *("q", "sort", "cursor", "limit", "than", "crew", "only", "narrow", "status", "since", "simulated", "from", "next"),
    *("version", "scope", "part", "collection", "seen", "to", "revision", "key", "name", "spec", "source", "uploads"),
    *("uploads-clear", "file", "files", "title", "text", "number", "comment", "approved", "task", "budget_usd", "try"),
    *("credential", "code", "email", "password1", "action", "state", "error", "process"),
    *("username", "password", "provider", "api_key", "base_url", "url", "events", "active", "description", "role"),
    *("model", "agent", "context", "reads", "guardrails", "output_schema", "tools", "tool.mcp.other", "process"),
    *("max_rpm", "temperature", "llm", "planning_llm", "planning_llm_rest", "default.company", "inputs.company"),
    *("priority", "max_calls", "metadata", "at_limit", "launch_quota", "launch_window_s", "members", "\x00"),
    *("stars", "word", "take_back", "remove", "money", "span", "bars"),
    *(
        "like",
        "discount_percent",
        "tiers",
        "begins_on",
        "last_day",
        "note",
        "input_usd_per_mtok",
        "second_usd",
        "after",
    ),
    *(
        "run_max_calls",
        "run_max_seconds",
        "max_seconds",
        "runs_at_once",
        "columns",
        "column",
        "down",
        "whose",
        "replace",
    ),
    *("figures-number", "figures-comment", "figures-approved", "csrfmiddlewaretoken", "encoding", "_method"),
)
TYPES = (
    *(
        "application/json",
        "application/x-www-form-urlencoded",
        "multipart/form-data",
        "multipart/form-data; boundary=x",
    ),
    *("text/plain", "", "application/json; charset=utf-16", "application/x-www-form-urlencoded; charset=rot13"),
    *("multipart/form-data; boundary=x; charset=hex", "multipart/form-data; boundary=" + "x" * 300, "\x00"),
)
HEADERS = {
    "HX-Request": ("true", "\x00"),
    "HX-Current-URL": ("http://[", "%", "\x00"),
    "Accept": ("", "text/html", "*", ";q", "a/b;q=\x00"),
    "Last-Event-ID": ("1", "x" * 5_000),
    "Cookie": ('crewsite_session="\\000aaaaaaaa"', "theme=\x00", "=;=", "csrftoken=" + "x" * 9_000),
    "X-Request-ID": ("\r\n", "x" * 9_000),
    "Range": ("bytes=0-", "bytes=9-1"),
}


@dataclass
class World:
    rows: Rows
    clients: dict[str, Client]

    def good_path(self, address: Address, method: str) -> str:
        return address.path(self.rows.parameters(address.names, address.view.removeprefix("api:"), method))

    def ask(self, who: str, method: str, path: str, **request: Any) -> Any:
        """The answer. An exception in the application is raised here."""
        with self._undone(who) as client:
            return client.generic(method, path, **request)

    def post(self, who: str, path: str, fields: dict[str, Any]) -> Any:
        """As a browser sends a form with uploads."""
        with self._undone(who) as client:
            return client.post(path, fields)

    @contextmanager
    def _undone(self, who: str) -> Iterator[Client]:
        """What the request changed is undone, also in the cookies: else whoever had signed out would stay so."""
        client, cookies = self.clients[who], copy(self.clients[who].cookies)
        with transaction.atomic():
            yield client
            transaction.set_rollback(True)
        client.cookies = cookies


rows = made_once(make_rows)


@pytest.fixture
def world(rows: Rows) -> World:
    clients = {"owner": just_proven(rows.cast.owner), "viewer": signed_in(rows.cast.viewer), "nobody": Client()}
    for name, scope in (("owner", Scope.ADMIN), ("viewer", Scope.READ)):
        secret = issue_token(getattr(rows.cast, name), scope=scope)[1]
        clients[name].defaults["HTTP_AUTHORIZATION"] = f"Bearer {secret}"
    return World(rows, clients)


texts = st.sampled_from(TEXTS) | st.text(max_size=20)
pairs = st.lists(st.tuples(st.sampled_from(NAMES) | st.text(max_size=8), texts), max_size=6)
values = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | texts,
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.sampled_from(NAMES), inner, max_size=4),
    max_leaves=12,
)


FILES = {
    *("runs_csv", "runs_jsonl", "batch_csv", "batch_jsonl", "batch_xlsx", "data_set_csv", "data_set_jsonl"),
    *("compare_rows_csv", "api:get_batch_results", "api:get_runs_file", "api:get_matched_rows_file"),
}
"""Their answers are written while they are sent, and end."""


def test_no_other_answer_is_a_stream_and_head_is_answered_wherever_get_is_and_alike(world: World) -> None:
    asked = 0
    for address in addresses():
        path = world.good_path(address, "GET")
        for who in PEOPLE:
            if address.view in STREAMS | FILES:
                continue
            got = world.ask(who, "GET", path)
            assert not got.streaming, path
            assert_usual_shape(address, "GET", got)
            if address.view == "signin_link":  # a HEAD must not use the link up
                continue
            head = world.ask(who, "HEAD", path)
            assert_usual_shape(address, "HEAD", head)
            if got.status_code == 405:
                assert (head.status_code, head.headers["Allow"]) == (405, got.headers["Allow"]), path
                continue
            asked += 1
            assert head.status_code == got.status_code, path
            assert head.headers.keys() == got.headers.keys(), path
            assert head.content == b"", path
            assert head.headers["Content-Type"] == got.headers["Content-Type"], path
    assert asked > 100


def test_streams_answer_get_alone_and_are_not_begun_for_others(world: World) -> None:
    streams = [address for address in addresses() if address.view in STREAMS]
    assert {address.view for address in streams} == STREAMS
    for address in streams:
        path = world.good_path(address, "GET")
        assert world.ask("owner", "GET", path).streaming
        for method in METHODS[1:]:
            answer = world.ask("owner", method, path)
            assert (answer.status_code, answer.headers["Allow"], answer.streaming) == (405, "GET", False), method


@pytest.mark.parametrize("method", METHODS)
def test_what_is_not_done_somewhere_is_said_in_the_usual_shape(world: World, method: str) -> None:
    for address in addresses():
        if method in ("GET", "HEAD") and address.view not in STREAMS | FILES | {"signin_link"}:
            continue  # above
        assert_usual_shape(address, method, world.ask("owner", method, world.good_path(address, method)))


def assert_usual_shape(address: Address, method: str, answer: Any) -> None:
    """If the method is not done at the address, the answer says which ones are."""
    if answer.status_code != 405 or address.view in ("live", "ready", "metrics"):
        return
    allowed = answer.headers["Allow"].split(", ")
    assert method not in allowed
    assert ("HEAD" in allowed) == ("GET" in allowed and address.view not in STREAMS), address.view
    if address.view.startswith("api:") and method != "HEAD":
        assert answer.json()["error"]["code"] == "method_not_allowed"


@pytest.mark.parametrize("text", ["\x00", "a\x00", "NaN", "9" * 30, "9" * 5_000, "\U0010ffff%00", "a" * 300])
def test_no_value_in_a_path_breaks_a_view(world: World, text: str) -> None:
    """Where no address is like that, because a number would stand there, one answer is looked at for all of them."""
    asked, nowhere = 0, ""
    for address in addresses():
        for method in ("GET", "POST"):
            good = world.rows.parameters(address.names, address.view.removeprefix("api:"), method)
            for name in address.names - {"team"}:
                path = address.path(good | {name: text})
                if not is_valid_path(unquote(path)):
                    nowhere = path
                    continue
                asked += 1
                assert_clean(world.ask("owner", method, path))
    assert asked > 20
    assert nowhere
    assert world.ask("owner", "GET", nowhere).status_code == world.ask("owner", "POST", nowhere).status_code == 404


@SETTINGS
@given(who=st.sampled_from(PEOPLE), data=st.data())
def test_no_query_breaks_a_view(world: World, who: str, data: st.DataObject) -> None:
    address = data.draw(st.sampled_from(addresses()))
    query = urlencode(data.draw(pairs), errors="replace") or quote(data.draw(texts), errors="replace")
    assert_clean(world.ask(who, "GET", f"{world.good_path(address, 'GET')}?{query}"))


@SETTINGS
@given(who=st.sampled_from(PEOPLE), data=st.data())
def test_no_form_breaks_a_view(world: World, who: str, data: st.DataObject) -> None:
    address = data.draw(st.sampled_from(addresses()))
    path, fields = world.good_path(address, "POST"), dict(data.draw(pairs))
    if data.draw(st.booleans()):
        for name in data.draw(st.sets(st.sampled_from(("uploads", "file", "files", "other")))):
            file_name = data.draw(st.sampled_from(("a.py", "a.txt", "name", "\x00.json", "a" * 300)))
            fields[name] = upload(data.draw(texts), file_name)  # type: ignore[assignment]
    assert_clean(world.post(who, path, fields))


def test_no_value_in_any_field_of_a_form_breaks_its_view(world: World) -> None:
    """Each field once, in a form that is otherwise filled in as the page means it; in the long run with many texts."""
    forms = forms_of_all_pages(world)
    assert len(forms) > 80
    turns = cycle((None, *TEXTS))
    for form in forms:
        assert_clean(send_form(world, form, form.sent))
        for name in form.names:
            for text in islice(turns, EXAMPLES // 40 if IS_LONG else 1):
                others = {other: values for other, values in form.sent.items() if other != name}
                assert_clean(send_form(world, form, others if text is None else others | {name: [text]}))
    assert world.ask("owner", "GET", "/t/acme/crews/").status_code == 200  # still signed in


def forms_of_all_pages(world: World) -> list[Form]:
    """As the owner sees them, one of each kind: rows of a list have the same form."""
    found: dict[Any, Form] = {}
    for address in addresses():
        for path in {world.good_path(address, method) for method in ("GET", "POST")}:
            if address.view in STREAMS | FILES | {"signin_link"} or address.view.startswith("api:"):
                continue
            answer = world.ask("owner", "GET", path)
            if answer.headers.get("Content-Type", "").startswith("text/html"):
                for form in forms_of(answer.content.decode(), path):
                    view = resolve(form.path.partition("?")[0]).view_name
                    found.setdefault((form.method, view, *form.names), form)
    return list(found.values())


def send_form(world: World, form: Form, fields: dict[str, list[str]]) -> Any:
    """The answer. What is raised in the application says what it was sent."""
    try:
        if form.method == "GET":
            query = urlencode(fields, True, errors="replace")
            return world.ask("owner", "GET", f"{form.path.partition('?')[0]}?{query}")
        uploads = {name: upload(fields.get(name, ["x"])[0]) for name in form.files}
        return world.post("owner", form.path, fields | uploads)
    except Exception as error:
        error.add_note(f"{form.method} {form.path} {fields}"[:2_000])
        raise


def upload(text: str, name: str = "a.txt") -> SimpleUploadedFile:
    return SimpleUploadedFile(name, text.encode("utf-8", "replace"))


@SETTINGS
@given(who=st.sampled_from(PEOPLE), method=st.sampled_from(METHODS), data=st.data())
def test_no_body_of_any_kind_breaks_a_view(world: World, who: str, method: str, data: st.DataObject) -> None:
    address = data.draw(st.sampled_from(addresses()))
    body = data.draw(
        st.binary(max_size=60)
        | texts.map(lambda text: text.encode("utf-8", "replace"))
        | values.map(lambda value: json_bytes(value))
        | st.just(b'--x\r\nContent-Disposition: form-data; name="file"; filename="a"\r\n\r\n')
        | pairs.map(lambda fields: urlencode(fields, errors="replace").encode())
    )
    headers = {
        name: data.draw(st.sampled_from(known)) for name, known in HEADERS.items() if data.draw(st.integers(0, 9)) == 0
    }
    request = {"data": body, "content_type": data.draw(st.sampled_from(TYPES)), "headers": headers}
    assert_clean(world.ask(who, method, world.good_path(address, method), **request))


def json_bytes(value: Any) -> bytes:
    import json

    return json.dumps(value).encode("utf-8", "replace")


def assert_clean(answer: Any) -> None:
    assert answer.status_code < 500, (answer.request["PATH_INFO"], answer.request.get("QUERY_STRING"))
