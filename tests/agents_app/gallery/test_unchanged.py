"""A built-in template is looked at and copied: no page and no API operation changes it or launches it."""

from __future__ import annotations

import json
import re
from collections.abc import Iterator
from typing import Any

import pytest
from django.test import Client
from django.urls import URLPattern, URLResolver, get_resolver, reverse

from agents_app.gallery.actions import load_builtin
from agents_app.models import Agent, Crew, CrewVersion, Task
from crewsite.api import api
from runs.models import Run
from teams.actions import issue_token
from teams.models import Scope
from tests.cast import Cast, brief_spec
from tests.pages import signed_in

pytestmark = pytest.mark.django_db

READ_ALL_THE_SAME = {
    "versions",
    "version",
    "version_diff",
    "export_version",
    "exported_version",
    ("GET", "/crews/{slug:slug}/versions"),
    ("GET", "/crews/{slug:slug}/versions/{int:number}"),
    ("GET", "/crews/{slug:slug}/versions/{int:old}/diff/{int:new}"),
}
"""Frozen versions are shown, as those of archived crews are."""
BODIES: dict[str, dict[str, Any]] = {
    "runs": {"inputs": {}},
    "batches": {"inputs": [{"company": "x"}]},
    "estimate": {"inputs": [{"company": "x"}]},
    "versions": {},
    "note": {"note": "Mine"},
    "original": {"version": 1},
    "comments": {"text": "Good"},
    "library": {"agent": 1},
    "{str:key}": {"agent": 1},
    "keep": {"name": "Mine"},
    **{end: {"version": 1} for end in ("take-over", "reset", "keep-own", "give-back")},
}
"""What an operation takes that takes no crew, by the end of its address."""
QUERIES = {"figures": "?version=1"}
"""What it must be asked with, likewise."""


@pytest.fixture
def builtin(cast: Cast) -> Crew:
    load_builtin(cast.team)
    crew = Crew.objects.exclude(builtin_key="").first()
    assert crew is not None
    return crew


def everything_of(crew: Crew) -> list[Any]:
    rows = [Crew.objects.filter(pk=crew.pk), *(model.objects.filter(crew=crew) for model in (Agent, Task, CrewVersion))]
    return [list(row.order_by("pk").values()) for row in rows]


def pages_of_one_crew(resolver: URLResolver) -> Iterator[str]:
    for entry in resolver.url_patterns:
        if isinstance(entry, URLResolver) and entry.namespace != "api":
            yield from pages_of_one_crew(entry)
        elif isinstance(entry, URLPattern) and "slug" in entry.pattern.converters and entry.name:
            yield entry.name


def operations_on_one_crew() -> Iterator[tuple[str, str]]:
    for prefix, router in api._routers:
        for path, view in router.path_operations.items():
            if "{slug" in f"{prefix}{path}":
                yield from (
                    (method, f"{prefix}{path}") for operation in view.operations for method in operation.methods
                )


def page_of(name: str, crew: Crew) -> str:
    task, agent = crew.tasks.first(), crew.agents.first()
    assert task is not None
    assert agent is not None
    patterns = get_resolver().reverse_dict.getlist(name)
    parameters = {parameter for forms, *_ in patterns for _, names in forms for parameter in names}
    values = {"slug": crew.slug, "team": "acme", "number": 1, "key": task.key if "task" in name else agent.key}
    values |= {"old": 1, "new": 1, "pk": 0, "form": "python"}
    return reverse(name, kwargs={parameter: values[parameter] for parameter in parameters})


def test_every_page_of_a_crew_is_not_there_for_a_built_in_template(cast: Cast, builtin: Crew) -> None:
    before, client = everything_of(builtin), signed_in(cast.owner)
    names = set(pages_of_one_crew(get_resolver()))
    assert {"crew", "archive_crew", "edit_task", "crew_json", "launch", "version"} <= names
    for name in names:
        for method in ("get", "post"):
            form = {"revision": builtin.revision, "name": "Mine", "spec": json.dumps(brief_spec().to_json())}
            status = getattr(client, method)(page_of(name, builtin), form).status_code
            is_shown = name in READ_ALL_THE_SAME and method == "get"
            assert status in ((200,) if is_shown else (404, 405)), f"{method} {name}"
    assert everything_of(builtin) == before
    assert not Run.objects.exists()


def test_every_api_operation_on_a_crew_is_not_there_for_a_built_in_template(cast: Cast, builtin: Crew) -> None:
    before = everything_of(builtin)
    client = Client(headers={"Authorization": f"Bearer {issue_token(cast.owner, scope=Scope.ADMIN)[1]}"})
    operations = set(operations_on_one_crew())
    assert {
        ("PUT", "/crews/{slug:slug}"),
        ("DELETE", "/crews/{slug:slug}"),
        ("POST", "/crews/{slug:slug}/runs"),
    } <= operations
    for method, path in operations:
        address = re.sub(r"{int:\w+}", "1", f"/api/v1{path}".replace("{slug:slug}", builtin.slug))
        end = path.rpartition("/")[2]
        address += QUERIES.get(end, "")
        body = BODIES.get(end, brief_spec().to_json())
        status = client.generic(method, address, json.dumps(body), content_type="application/json").status_code
        assert status == (200 if (method, path) in READ_ALL_THE_SAME else 404), f"{method} {path}"
    assert everything_of(builtin) == before
    assert not Run.objects.exists()
