"""Completes the description that Ninja makes: summaries, what all operations share, examples, and what leads where.

What all operations share is written once, among the components, and referred to: error answers and headers.
"""

from __future__ import annotations

import json
import re
from collections.abc import Iterator
from functools import cache
from pathlib import Path
from typing import Any

from crewsite.description.links import LINKS
from crewsite.description.tags import TAGS

Json = dict[str, Any]

EXAMPLES = Path(__file__).with_name("examples.json")
LONGEST_SUMMARY = 90
IDEMPOTENT = frozenset(
    {
        *("import_crew", "post_crew", "copy_crew", "post_version", "restore_version", "take_over_original"),
        *("post_agent", "add_crew_agent", "keep_crew_agent", "take_over_agent", "reset_agent", "keep_own_agent"),
        *("give_back_agent", "share_version", "take_in_template", "copy_template", "post_document"),
        *("launch_run", "rerun", "start_job", "launch_batch"),
        *("create_data_set", "add_data_set_version", "add_data_set_rows", "create_schedule", "run_schedule_now"),
        *("add_batch_rows", "approve_task", "create_view", "create_scenario", "create_price"),
        *("close_bill", "post_reconciliation", "check_again", "create_provider", "create_program"),
    }
)
"""Operations that heed an ``Idempotency-Key``."""
KEY: Json = {
    "in": "header",
    "name": "Idempotency-Key",
    "required": False,
    "schema": {"type": "string"},
    "description": "a text of your own, of at most 200 characters: a repeated request with the same one, body and "
    "path gets the first answer, and nothing is done twice; another request with it is 409",
}
HEADERS: dict[str, Json] = {
    "RateLimit": {
        "description": 'what the token has left: `"token";r=599;t=42` is 599 requests, and all of them in 42 s',
        "schema": {"type": "string"},
    },
    "RateLimit-Policy": {
        "description": 'the token\'s limit: `"token";q=600;w=60` is 600 requests in 60 s',
        "schema": {"type": "string"},
    },
    "Retry-After": {"description": "seconds after which to ask again", "schema": {"type": "integer"}},
}
OF_ALL = ("RateLimit", "RateLimit-Policy")
WITH_RETRY_AFTER = ("429", "503")


def described(document: Json) -> Json:
    """The same document, completed in place."""
    components = document.setdefault("components", {})
    components["headers"] = HEADERS
    errors = components.setdefault("responses", {})
    used = set()
    for operation in _operations(document):
        name = operation["operationId"]
        used.update(operation.get("tags", ()))
        operation["summary"] = summary(operation.get("description", ""))
        if name in IDEMPOTENT:
            operation.setdefault("parameters", []).append(KEY)
        for status, response in operation["responses"].items():
            if int(status) < 400:
                response["headers"] = _headers(OF_ALL)
                continue
            errors.setdefault(f"Error{status}", _error(str(status), response))
            operation["responses"][status] = {"$ref": f"#/components/responses/Error{status}"}
        _exemplify(operation, examples().get(name, {}))
        for status, links in LINKS.get(name, {}).items():
            _response(operation, status)["links"] = links
    document["tags"] = [{"name": name, "description": text} for name, text in TAGS.items() if name in used]
    return document


def summary(description: str) -> str:
    """What the operation does in a line: the first sentence, or so much of it as fits, without marks."""
    text = " ".join(description.replace("`", "").split())
    sentence = re.split(r"(?<=[.:;])\s", text, maxsplit=1)[0].rstrip(".:;")
    while len(sentence) > LONGEST_SUMMARY and "," in sentence:
        sentence = sentence.rpartition(",")[0]
    return sentence


@cache
def examples() -> dict[str, Json]:
    """By operation: ``request``, where it has a JSON body, ``status`` and ``answer``. A test sends them."""
    found: dict[str, Json] = json.loads(EXAMPLES.read_text(encoding="utf-8"))
    return found


def _operations(document: Json) -> Iterator[Json]:
    for operations in document["paths"].values():
        yield from operations.values()


def _headers(names: tuple[str, ...]) -> Json:
    return {name: {"$ref": f"#/components/headers/{name}"} for name in names}


def _error(status: str, response: Json) -> Json:
    names = (*OF_ALL, "Retry-After") if status in WITH_RETRY_AFTER else OF_ALL
    return {**response, "headers": _headers(names)}


def _response(operation: Json, status: int) -> Json:
    """Ninja keeps statuses as numbers, which become texts with the JSON."""
    responses = operation["responses"]
    found: Json = responses.get(status) or responses[str(status)]
    return found


def _exemplify(operation: Json, example: Json) -> None:
    body = operation.get("requestBody", {}).get("content", {}).get("application/json")
    if body is not None and "request" in example:
        body["example"] = example["request"]
    if "answer" in example:
        content = _response(operation, example["status"]).get("content", {}).get("application/json")
        if content is not None:
            content["example"] = example["answer"]
