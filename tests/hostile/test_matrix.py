"""Who may ask what: every address and every operation, with each role, signed out, by tokens of each scope, and with
the ids of another team's things in path, query and body. The addresses and operations are read from the application, so
that a new one is asked too. What a stranger is told of another team's thing, they are told of one that there is not.
"""

from __future__ import annotations

import json
import re
from collections.abc import Iterator
from dataclasses import dataclass
from difflib import unified_diff
from typing import Any
from urllib.parse import quote, unquote
from uuid import UUID

import pytest
from django.db import transaction
from django.test import Client

from crewsite.api import api
from crewsite.methods import STREAMS
from teams.actions import issue_token
from teams.api.bearer import Bearer
from teams.models import Role, Scope
from tests.cast import brief_spec
from tests.hostile.addresses import Address, addresses
from tests.hostile.rows import Rows, make_rows
from tests.made_once import made_once
from tests.pages import just_proven
from tests.runs.books import last_month

pytestmark = pytest.mark.django_db

ROLES = {role.label: role for role in Role}
OF_SCOPE = {Scope.READ: Role.VIEWER, Scope.RUN: Role.RUNNER, Scope.EDIT: Role.EDITOR, Scope.ADMIN: Role.OWNER}
MORE = {
    "keys": Role.OWNER,
    "limits": Role.OWNER,
    "kept_texts": Role.OWNER,
    "prices": Role.OWNER,
    "crew_json": Role.EDITOR,
    "original": Role.EDITOR,
    "agent_library": Role.EDITOR,
    "reconciliations": Role.EDITOR,
    "remove_view": Role.EDITOR,
    "remove_scenario": Role.EDITOR,
    "rename_scenario": Role.EDITOR,
    "delete_scenario": Role.EDITOR,
    "revoke_token": Role.OWNER,
    **dict.fromkeys(("run_comment", "crew_comment", "version_comment", "month_comment"), Role.OWNER),
    "remove_member": Role.OWNER,
    "patch_view": Role.EDITOR,
    "delete_view": Role.EDITOR,
}
"""What a POST, or an operation, needs where looking, or the same on what is one's own, needs less."""
LOOKED_AT_FIRST = {"rename_scenario"}
"""Pages whose form is looked at before the role that it needs; the action refuses."""
OWN = {"remove_member": Role.RUNNER}
"""Whose the thing is that is asked for: they may more with it than their role says."""
NO_ROW = {"month", "step", "provider", "form"}
"""Parameters that name no row of their own."""
NOWHERE = {
    "slug": "no-such-crew",
    "name": "no-such-set",
    "schedule_id": "018f0000-0000-7000-8000-000000000000",
    "run_id": "018f0000-0000-7000-8000-000000000000",
    "call_id": "018f0000-0000-7000-8000-000000000001",
    "key": "no_such_task",
    "number": 987654,
    "old": 987654,
    "new": 987655,
    "month": "2001-01",
    "step": "9.9",
    "secret": "no-such-link-either",
}
"""Of each parameter, what nobody has; 987654321 of all others."""
RUN_BODY = {"inputs": {"company": "Acme"}}
BODIES: dict[str, Any] = {
    "put_crew": brief_spec().to_json(),
    "post_version": {"note": "x"},
    "put_version_note": {"note": "x"},
    "launch_run": RUN_BODY,
    "start_job": {"company": "Acme"},
    "patch_view": {"name": "x"},
    "patch_webhook": {"active": False},
    "resume_run": {"budget_usd": "5"},
    "launch_batch": {"inputs": [{"company": "x"}]},
    "estimate_batch": {"inputs": [{"company": "x"}]},
    "resume_batch": {"max_concurrency": 3},
    **{
        name: {"inputs": [{"company": "x"}]}
        for name in ("add_batch_rows", "add_data_set_rows", "add_data_set_version", "preview_data_set")
    },
    "patch_data_set": {"archived": False},
    "patch_schedule": {"catch_up": True},
    "remove_member": {"cancel_runs": False},
    "approve_task": {"task": "brief", "approved": True},
    "rate_run": {"stars": 3},
    "add_comment": {"text": "x"},
    "add_crew_comment": {"text": "x"},
    "add_version_comment": {"text": "x"},
    "change_comment": {"text": "x"},
    "put_inbox_choice": {"wish": "mine", "by_mail": True},
    "put_member_role": {"role": "viewer"},
    "patch_provider": {"rpm": 5},
    "create_program_token": {},
    "rename_scenario": {"name": "x"},
    "copy_template": {},
    "take_over_original": {"version": 1},
    "put_agent": {"name": "x", "spec": {"key": "x", "role": "x"}},
    "add_crew_agent": {"agent": 1},
    "link_crew_agent": {"agent": 1},
    "keep_crew_agent": {"name": "x"},
    "take_over_agent": {"version": 1},
    **{name: {"version": 1} for name in ("reset_agent", "keep_own_agent", "give_back_agent")},
}
QUERIES = {
    "list_version_figures": "?version=1",
    "search_run_texts": "?q=x",
    "list_next_times": "?cron=0+8+*+*+*",
}
"""A body that fits, of each operation that takes ids in its path and a body: the ids are looked at after it."""

rows = made_once(make_rows)


@dataclass(frozen=True)
class Operation:
    method: str
    path: str
    name: str
    role: Role

    @property
    def names(self) -> set[str]:
        return set(re.findall(r"{(?:\w+:)?(\w+)}", self.path))

    def at(self, values: dict[str, Any]) -> str:
        return f"/api/v1{self._path(values)}{QUERIES.get(self.name, '')}"

    def _path(self, values: dict[str, Any]) -> str:
        return re.sub(r"{(?:\w+:)?(\w+)}", lambda match: str(values[match[1]]), self.path)


def operations() -> Iterator[Operation]:
    for prefix, router in api._routers:
        for path, view in router.path_operations.items():
            for operation in view.operations:
                (bearer,) = (one for one in operation.auth_callbacks if isinstance(one, Bearer))
                for method in operation.methods:
                    yield Operation(method, f"{prefix}{path}", operation.view_func.__name__, bearer.role)


def pages() -> list[Address]:
    return [one for one in addresses() if one.policy.startswith("member: ")]


def needed(address: Address, method: str) -> Role:
    role = ROLES[address.policy.removeprefix("member: ")]
    is_more = (method == "POST" or address.view in OWN) and address.view not in LOOKED_AT_FIRST
    return max(role, MORE.get(address.view, role)) if is_more else role


def ask(client: Client, method: str, path: str, body: Any = None) -> Any:
    """The answer. What the request changed is undone."""
    sent = {} if body is None else {"data": json.dumps(body), "content_type": "application/json"}
    with transaction.atomic():
        answer = client.generic(method, path, **sent)
        transaction.set_rollback(True)
    return answer


def text(answer: Any) -> str:
    """What was answered, without what differs by itself: the address that was asked, and what no two answers share."""
    told = answer.content.decode() if not answer.streaming else "a stream"
    told = re.sub(r'name="csrfmiddlewaretoken" value="\w+"|"X-CSRFToken": ?"\w+"|nonce="[^"]+"', "", told)
    return told.replace(quote(answer.request["PATH_INFO"]), "*").replace(answer.request["PATH_INFO"], "*")


def foreign(rows: Rows, names: set[str], view: str, method: str) -> dict[str, Any]:
    return rows.parameters(names, view, method) | {"team": "others"}


def nowhere(given: dict[str, Any]) -> dict[str, Any]:
    """Ids of the same kinds that nobody has, in the stranger's own team."""
    usual = {name: NOWHERE["run_id"] if isinstance(value, UUID) else 987654321 for name, value in given.items()}
    return usual | {name: NOWHERE[name] for name in given if name in NOWHERE} | {"team": "others"}


def assert_alike(mine: Any, none: Any, what: str) -> None:
    assert mine.status_code == none.status_code, what
    assert text(mine) == text(none), what


def test_each_role_may_what_its_address_says_and_nobody_else(rows: Rows) -> None:
    clients = {role: just_proven(getattr(rows.cast, role.label)) for role in Role}
    strange, nobody = just_proven(rows.cast.stranger), Client()
    wrong = []
    for address in pages():
        for method in ("GET", "POST"):
            if address.view in STREAMS and method == "POST":
                continue
            values = rows.parameters(address.names, address.view, method)
            path = address.path(values)
            for role, client in clients.items():
                status = ask(client, method, path).status_code
                if OWN.get(address.view) == role:
                    continue
                if (status == 403) != (role < needed(address, method)):
                    wrong.append((address.view, method, role.label, status))
            outside = ask(strange, method, path)
            away = ask(strange, method, address.path(values | {"team": "no-such-team"}))
            if outside.status_code != 404 or text(outside) != text(away):
                wrong.append((address.view, method, "stranger", outside.status_code))
            out = ask(nobody, method, path)
            if out.status_code != 302 or not out.headers["Location"].startswith("/signin/?next="):
                wrong.append((address.view, method, "signed out", out.status_code))
    assert not wrong, "\n".join(map(str, wrong))
    assert len(pages()) > 100


def test_pages_hide_what_is_another_teams(rows: Rows) -> None:
    strange = just_proven(rows.cast.stranger)
    asked = 0
    for address in pages():
        names = address.names - {"team"}
        if not names - NO_ROW:
            continue
        asked += 1
        for method in ("GET", "POST"):
            given = foreign(rows, names, address.view, method)
            absent = nowhere(given)
            mine = ask(strange, method, address.path(given))
            assert mine.status_code in (404, 405), (address.view, method, mine.status_code)
            none = ask(strange, method, address.path(absent))
            assert_alike(mine, none, f"{method} {address.view}")
    assert asked > 50


def test_tokens_may_what_their_scope_says_and_nobody_else(rows: Rows) -> None:
    def program(secret: str) -> Client:
        return Client(headers={"Authorization": f"Bearer {secret}"})

    clients = {role: program(issue_token(rows.cast.owner, scope=scope)[1]) for scope, role in OF_SCOPE.items()}
    strange, nobody = program(issue_token(rows.cast.stranger, scope=Scope.ADMIN)[1]), Client()
    wrong, hidden = [], 0
    for operation in operations():
        if operation.name in STREAMS and operation.method != "GET":
            continue
        given = rows.parameters(operation.names, operation.name, operation.method)
        path, body = operation.at(given), BODIES.get(operation.name)
        for role, client in clients.items():
            status = ask(client, operation.method, path, body).status_code
            least = max(operation.role, MORE.get(operation.name, operation.role))
            if (status == 403) != (role < least) or status == 401:
                wrong.append((operation.name, role.label, status))
        if (status := ask(nobody, operation.method, path, body).status_code) != 401:
            wrong.append((operation.name, "signed out", status))
        if operation.names - NO_ROW:
            hidden += 1
            absent = nowhere(given)
            mine, none = (ask(strange, operation.method, operation.at(each), body) for each in (given, absent))
            if mine.status_code != 404:
                wrong.append((operation.name, "stranger", mine.status_code))
            assert_alike(mine, none, operation.name)
    assert not wrong, "\n".join(map(str, wrong))
    assert hidden > 40


NO_LIMITS: dict[str, Any] = {
    **dict.fromkeys(("budget_usd", "run_budget_usd", "run_max_calls", "run_max_seconds", "runs_at_once")),
    "user_budget_usd": None,
    "at_limit": "pause",
    "fallback_model": "",
    "launch_quota": None,
    "launch_window_s": 60,
}
PAGES_ASKED = (
    "runs/?q=crew:{crew}",
    "runs/?q=by:{email}",
    "runs/?q={run}",
    "runs/?cursor={run}",
    "runs/newer/?than={run}",
    "runs/last/?crew={crew}&only=1",
    "runs/versions/?crew={crew}&version=1",
    "compare/?runs={run},{other}",
    "compare/?versions={crew}@1&baseline={crew}@1",
    "compare/?q=crew:{crew}&q=by:{email}",
    "compare/csv/?runs={run},{other}",
    "compare/output/?runs={run},{other}",
    "compare/output/?runs={run},{other}&old=figures&new=figures",
    "bills/{month}/?crew={crew}",
    "bills/{month}/?version={crew}@1",
    "bills/{month}/?person={person}",
    "bills/{month}/?token={token}",
    "bills/{month}/calls/?person={person}&token={token}",
    "bills/{month}/?over=person&shared={crew}",
    "bills/{month}/calls/?crew={crew}&agent={crew}/finance",
    "scenarios/what-if/?crew={crew}&month={month}&hit=50",
    "scenarios/what-if/?q=by:{email}&hit=50",
    "crews/?q={crew}",
    "settings/log/?person={email}&thing={run}&before=1",
    "?crew={crew}",
)
"""What the stranger asks of the pages of their own team."""
OPERATIONS_ASKED: tuple[tuple[str, str, Any], ...] = (
    ("GET", "/runs?q=crew:{crew}", None),
    ("GET", "/runs?cursor={run}", None),
    ("GET", "/crews?cursor={crew}", None),
    ("GET", "/compare?runs={run},{other}", None),
    ("GET", "/compare?versions={crew}@1&baseline={run}", None),
    ("GET", "/usage?crew={crew}&group_by=person,token", None),
    ("GET", "/usage?person={person}&token={token}", None),
    ("GET", "/bills/{month}?crew={crew}", None),
    ("GET", "/bills/{month}?person={person}", None),
    ("GET", "/log?thing={run}&person={email}", None),
    ("GET", "/prices?model=azure/ours", None),
    ("POST", "/scenarios/answer", {"crew": "{crew}", "month": "{month}", "cache_hit_percent": 50}),
    ("POST", "/scenarios", {"name": "x", "team": True, "asked": {"crew": "{crew}", "cache_hit_percent": 50}}),
    ("PUT", "/limits", NO_LIMITS | {"members": {"{person}": "1"}}),
    ("PUT", "/reconciliations/keys", {"provider": "openai", "keys": {"{email}": "openai/default"}}),
)
"""And of the API, with ids in query and body."""


def filled(asked: Any, ids: dict[str, Any]) -> Any:
    """The same with the ids in their places."""
    if isinstance(asked, dict):
        return {filled(name, ids): filled(value, ids) for name, value in asked.items()}
    return re.sub(r"{(\w+)}", lambda match: str(ids[match[1]]), asked) if isinstance(asked, str) else asked


def test_ids_in_query_and_body_tell_nothing(rows: Rows) -> None:
    cast, books = rows.cast, rows.books
    theirs = {
        "run": books.done.pk,
        "other": books.failed.pk,
        "crew": "company-brief",
        "email": "runner@example.com",
        "person": cast.runner.user.pk,
        "token": rows.pks["token"],
        "month": f"{last_month():%Y-%m}",
    }
    nobodys = theirs | {
        "run": NOWHERE["run_id"],
        "other": NOWHERE["call_id"],
        "crew": NOWHERE["slug"],
        "email": "nobody@example.com",
        "person": 987654321,
        "token": 987654322,
    }
    secret = issue_token(cast.stranger, scope=Scope.ADMIN)[1]
    reader, program = just_proven(cast.stranger), Client(headers={"Authorization": f"Bearer {secret}"})
    cases = [(reader, "GET", f"/t/others/{path}", None) for path in PAGES_ASKED]
    cases += [(program, method, f"/api/v1{path}", body) for method, path, body in OPERATIONS_ASKED]
    for client, method, path, body in cases:
        told = []
        for ids in (theirs, nobodys):
            answer = ask(client, method, filled(path, ids), filled(body, ids))
            shown = answer.content.decode()
            for mark in ("Company brief", "editor@example.com", "Half of it cached", "sk-secret"):
                assert mark not in shown, (path, mark)
            told.append([str(answer.status_code), *masked(shown, ids).splitlines()])
        assert not list(unified_diff(*told, lineterm="", n=0)), path


def masked(shown: str, ids: dict[str, Any]) -> str:
    """Without the ids that were asked for, as they stand in addresses and in words, and what no two answers share."""
    shown = re.sub(r'name="csrfmiddlewaretoken" value="\w+"|nonce="[^"]+"|"ETag"', "", unquote(shown))
    for name in ("run", "other", "email", "crew"):
        shown = shown.replace(str(ids[name]), f"<{name}>")
    before = r"((?:person|token)(?:=|: )|members\.|gone \()"
    return re.sub(rf"{before}(?:{ids['person']}|{ids['token']})(?!\d)", r"\1<id>", shown)
