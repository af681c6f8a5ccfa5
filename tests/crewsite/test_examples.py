"""The description's examples are real: each request is sent, and each answer is one that was given.

With ``API_EXAMPLES=write`` the answers are written anew from what is answered now, to
``crewsite/description/examples.json``; requests are written there by hand.
"""

from __future__ import annotations

import json
import os
import re
from collections.abc import Iterator
from dataclasses import dataclass
from functools import cache
from typing import Any

import pytest
from django.db import transaction
from django.test import Client
from jsonschema import Draft202012Validator

from crewsite.api import api
from crewsite.description.described import EXAMPLES, examples
from crewsite.methods import STREAMS
from runs.models import Run
from teams.actions import issue_token
from teams.models import Scope
from tests.hostile.rows import Rows, make_rows
from tests.made_once import made_once
from tests.runs.reconciliation.exports import OPENAI_USAGE

pytestmark = pytest.mark.django_db

QUERIES = {
    "search": "?q=lake",
    "search_run_texts": "?q=a",
    "compare_runs": "?runs={done},{failed}",
    "match_batch_rows": "?batches={batch},{batch_again}&limit=2",
    "get_matched_rows_file": "?batches={batch},{batch_again}",
    "list_next_times": "?cron=30+8+*+*+1-5&time_zone=Europe/Berlin",
    "list_bill_calls": "?limit=2",
    "list_version_figures": "?version=1",
    "list_price_history": "?model=gpt-4o-mini",
    "list_default_prices": "?limit=2",
    "list_templates": "?limit=2",
    "list_runs": "?limit=2",
    "list_calls": "?limit=2",
    "list_log": "?limit=2",
    "get_usage": "?group_by=crew,model",
}
IS_WRITTEN = os.environ.get("API_EXAMPLES") == "write"
MOST_ITEMS = 2
MOST_CHARS = 300
ONCE = {"token": "shown-once", "secret": "shown-once", "link": "https://crews.example.com/join/shown-once/"}
"""What an answer shows once, which no example may show."""


@dataclass(frozen=True)
class Asked:
    method: str
    path: str
    name: str
    operation: dict[str, Any]

    @property
    def has_body(self) -> bool:
        return "application/json" in self.operation.get("requestBody", {}).get("content", {})

    def schema(self, status: int) -> Any:
        """Of the answer's JSON; None if it is no JSON."""
        found = self.operation["responses"].get(status) or self.operation["responses"][str(status)]
        return found.get("content", {}).get("application/json", {}).get("schema")


rows = made_once(make_rows)


def operations() -> Iterator[Asked]:
    for path, found in api.get_openapi_schema()["paths"].items():
        for method, operation in found.items():
            yield Asked(method.upper(), path, operation["operationId"], operation)


def filled(value: Any, ids: dict[str, Any]) -> Any:
    """A request with the ids of rows that are there."""
    if isinstance(value, dict):
        return {name: filled(one, ids) for name, one in value.items()}
    if isinstance(value, list):
        return [filled(one, ids) for one in value]
    if value == "@OPENAI_USAGE":
        return OPENAI_USAGE
    whole = re.fullmatch(r"{(\w+)}", value) if isinstance(value, str) else None
    return ids[whole[1]] if whole and whole[1] in ids else value


def shortened(value: Any, name: str = "") -> Any:
    """An answer as an example: two of a list, no long texts, nothing that is shown once."""
    if isinstance(value, dict):
        return {key: shortened(one, key) for key, one in list(value.items())}
    if isinstance(value, list):
        return [shortened(one) for one in value[:MOST_ITEMS]]
    if isinstance(value, str):
        value = ONCE.get(name, value).replace("http://127.0.0.1:8000", "https://crews.example.com")
        return value if len(value) <= MOST_CHARS else f"{value[:MOST_CHARS]}…"
    return value


@cache
def components() -> Any:
    return json.loads(json.dumps(api.get_openapi_schema()["components"]))


def validated(answer: Any, schema: Any) -> None:
    """Raises if the answer does not fit."""
    Draft202012Validator({**schema, "components": components()}).validate(answer)


def given(one: Asked, request: Any, rows: Rows, client: Client) -> dict[str, Any]:
    """What the operation's example is by what is answered now. Nothing that was changed stays."""
    ids = {**rows.pks, "done": rows.books.done.pk, "failed": rows.books.failed.pk}
    found = rows.parameters(set(re.findall(r"{(\w+)}", one.path)), one.name, one.method)
    path = one.path.format(**found) + QUERIES.get(one.name, "").format(**ids)
    with transaction.atomic():
        if one.has_body:
            answer = client.generic(one.method, path, json.dumps(filled(request, ids)), content_type="application/json")
        else:
            answer = client.generic(one.method, path)
        transaction.set_rollback(True)
    says = {"request": request} if one.has_body else {}
    if answer.status_code == 409:  # well said, but these rows are in no state for it
        return says
    assert answer.status_code < 400, answer.content
    if not answer.streaming and answer.content and one.schema(answer.status_code):
        validated(answer.json(), one.schema(answer.status_code))
        says |= {"status": answer.status_code, "answer": shortened(answer.json())}
    return says


def test_each_request_is_taken_and_each_answer_is_as_described(rows: Rows, subtests: pytest.Subtests) -> None:
    client = Client(headers={"Authorization": f"Bearer {issue_token(rows.cast.owner, scope=Scope.ADMIN)[1]}"})
    Run.objects.filter(pk=rows.books.waiting.pk).update(inputs={"company": "Acme"}, max_tokens=200_000)
    kept, now = examples(), {}
    for one in operations():
        if one.name in STREAMS:
            continue
        with subtests.test(one.name):
            example = kept.get(one.name, {})
            assert ("request" in example) == one.has_body, "an example of its request"
            now[one.name] = example
            now[one.name] = given(one, example.get("request"), rows, client)
            if IS_WRITTEN:
                continue
            assert example.keys() == now[one.name].keys()
            assert example.get("status") == now[one.name].get("status")
            if "answer" in example:
                validated(example["answer"], one.schema(example["status"]))
    found = {name: one for name, one in sorted(now.items()) if one}
    if IS_WRITTEN:
        EXAMPLES.write_text(json.dumps(found, indent=1, ensure_ascii=False) + "\n")
    assert kept.keys() == found.keys() or IS_WRITTEN
