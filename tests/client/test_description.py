"""What the client sends and reads, held against the server's description of itself."""

from __future__ import annotations

import inspect
import re
from collections.abc import Iterator
from types import NoneType, UnionType
from typing import Any, Literal, TypedDict, Union, get_args, get_origin, get_type_hints, is_typeddict

import pytest

from crewsite.api import api
from crewsite_client import AsyncCrewsite, Crewsite, asks
from crewsite_client.answers import File, Output, RunSummary
from crewsite_client.asks import Ask, BatchBounds, BatchOptions, LaunchOptions
from crewsite_client.sets import asks as set_asks
from crewsite_client.sets.asks import ScheduleTerms
from crewsite_client.sets.async_methods import AsyncSetMethods
from crewsite_client.sets.methods import SetMethods

SAMPLES: dict[str, Any] = {
    "cursor": "c",
    "limit": 1,
    "slug": "support",
    "spec": {},
    "revision": 3,
    "source": "text",
    "filename": "crew.py",
    "name": "Name",
    "crews": "all",
    "key": "a key",
    "files": [("crew.py", b"")],
    "note": "",
    "form": "json",
    "version": 2,
    "inputs": {},
    "options": {},
    "bounds": {},
    "q": "status:failed",
    "sort": "newest",
    "run_id": "r",
    "stars": 5,
    "comment": "",
    "batch_id": "b",
    "status": "failed",
    "runs": ["r"],
    "versions": ["support@1"],
    "filters": ["crew:support"],
    "baseline": "r",
    "simulated": "no",
    "month": "2026-11",
    "cron": "0 8 * * *",
    "time_zone": "UTC",
    "group_by": ["crew", "model"],
    "new_name": "other",
    "archived": True,
    "where": "rows",
    "schedule_id": "s",
    "crew": "support",
    "terms": {"name": "Leads", "cron": "0 8 * * *"},
    "on": False,
}
CHOICES = {"change_batch": ("pause", "cancel", "retry"), "grow_data_set": ("versions", "rows")} | {
    "turn_schedule": ("pause", "resume")
}
"""Of operations that have one function here: what is done is the last part of their address."""
ANY_BODY = {"replace_crew"}
"""Whose body is a crew's whole JSON, which its caller has from the server."""
Schema = dict[str, Any]


def all_asks() -> Iterator[tuple[str, Ask[Any]]]:
    for module in (asks, set_asks):
        for name, make in vars(module).items():
            if inspect.isfunction(make) and make.__module__ == module.__name__ and not name.startswith("_"):
                names = list(inspect.signature(make).parameters)
                for what in CHOICES.get(name, ("",)):
                    samples = SAMPLES | {"what": what, "where": what}
                    yield f"{name} {what}".strip(), make(*[samples[one] for one in names])


@pytest.fixture(scope="module")
def described() -> Schema:
    return api.get_openapi_schema(path_prefix="/api/v1/")


def test_every_operation_that_the_client_calls_is_there_with_what_it_sends(
    described: Schema, subtests: pytest.Subtests
) -> None:
    found = list(all_asks())
    assert len(found) > 20
    for name, ask in found:
        with subtests.test(name=name):
            operation = described["paths"][f"/api/v1{ask.route}"][ask.method.lower()]
            parameters = {(one["in"], one["name"]) for one in operation.get("parameters", [])}
            sent = {("query", one) for one in ask.query} | {("path", one) for one in ask.names}
            if ask.match is not None:
                sent.add(("header", "If-Match"))
            assert sent <= parameters
            assert "{" not in ask.path
            if ask.body is not None and name not in ANY_BODY:
                known = body_of(described, operation, "multipart/form-data" if ask.files else "application/json")
                assert set(ask.body) <= set(known["properties"])
                assert set(known.get("required", ())) - {"files"} <= set(ask.body)


def test_every_option_of_a_launch_is_an_option_here(described: Schema) -> None:
    bodies = {name: set(described["components"]["schemas"][name]["properties"]) for name in ("LaunchIn", "BatchIn")}
    assert bodies["LaunchIn"] - {"inputs"} == set(LaunchOptions.__annotations__)
    assert bodies["BatchIn"] - {"inputs"} == set(BatchOptions.__annotations__)
    resumed = described["components"]["schemas"]["BatchResumeIn"]["properties"]
    assert set(resumed) == set(BatchBounds.__annotations__)
    for name, more in (("ScheduleIn", {"crew", "on"}), ("SchedulePatch", set())):
        terms = set(described["components"]["schemas"][name]["properties"])
        assert terms - more == set(ScheduleTerms.__annotations__)


def test_every_field_that_the_client_reads_is_answered_and_of_its_type(
    described: Schema, subtests: pytest.Subtests
) -> None:
    for name, ask in all_asks():
        with subtests.test(name=name):
            answers = described["paths"][f"/api/v1{ask.route}"][ask.method.lower()]["responses"]
            # Of a launch's two, the 200 is for those who wait in the same request, which this client does not.
            good = answers[max(status for status in answers if str(status).startswith("2"))]
            if is_typeddict(ask.answer):
                schema = good["content"]["application/json"]["schema"]
                assert list(misfits(described, ask.answer, schema)) == []
            else:
                assert ask.answer in (File, NoneType)


def test_a_field_that_is_otherwise_there_is_found(described: Schema) -> None:
    """The check itself: what is missing, may be null, or is of another type."""

    class Wrong(TypedDict):
        id: int
        error: Output
        gone: str
        status: Literal["queued"]
        duration_ms: int

    schema = {"$ref": "#/components/schemas/RunSummary"}
    assert list(misfits(described, RunSummary, schema)) == []
    places = {line.partition(":")[0] for line in misfits(described, Wrong, schema)}
    assert places == {
        "Wrong.id",
        "Wrong.error",
        "Wrong.gone",
        "Wrong.status",
        "Wrong.duration_ms",
        "Output.raw",
        "Output.json",
    }


def test_both_clients_have_the_same_methods() -> None:
    def methods(client: type) -> dict[str, list[str]]:
        public = {
            name: one
            for part in reversed(client.__mro__)
            for name, one in vars(part).items()
            if not name.startswith("_") and inspect.isfunction(one)
        }
        return {name: list(inspect.signature(one).parameters) for name, one in public.items()}

    assert methods(Crewsite) == methods(AsyncCrewsite)
    for both in ((Crewsite, SetMethods), (AsyncCrewsite, AsyncSetMethods)):
        called = {name for part in both for name in re.findall(r"asks\.(\w+)", inspect.getsource(part))}
        assert called >= {name.split()[0] for name, _ in all_asks()}


def body_of(described: Schema, operation: Schema, kind: str) -> Schema:
    return resolved(described, operation["requestBody"]["content"][kind]["schema"])


def resolved(described: Schema, schema: Schema) -> Schema:
    while True:
        if "$ref" in schema:
            schema = described["components"]["schemas"][schema["$ref"].rpartition("/")[2]]
        elif len(schema.get("allOf", ())) == 1:
            (schema,) = schema["allOf"]
        else:
            return schema


def misfits(described: Schema, kind: type, schema: Schema) -> Iterator[str]:
    """Each field of the typed dictionary that is not answered so, by its place."""
    properties = resolved(described, schema)["properties"]
    for name, annotation in get_type_hints(kind).items():
        place = f"{kind.__name__}.{name}"
        if name not in properties:
            yield f"{place}: is not answered"
        else:
            yield from _misfits(described, annotation, properties[name], place)


def _misfits(described: Schema, annotation: Any, schema: Schema, place: str) -> Iterator[str]:
    """Whatever the schema allows must be of the type."""
    schema = resolved(described, schema)
    if annotation is Any:
        return
    for one in schema.get("anyOf", [schema]):
        arms = get_args(annotation) if get_origin(annotation) in (Union, UnionType) else (annotation,)
        tried = [list(_misfits_of_one(described, arm, resolved(described, one), place)) for arm in arms]
        yield from min(tried, key=len)


def _misfits_of_one(described: Schema, annotation: Any, schema: Schema, place: str) -> Iterator[str]:
    kind = get_origin(annotation) or annotation
    if is_typeddict(kind) and "properties" in schema:
        yield from misfits(described, kind, schema)
    elif kind is list and schema.get("type") == "array":
        yield from _misfits(described, get_args(annotation)[0], schema["items"], place)
    elif kind is Literal:
        if set(schema.get("enum", ())) != set(get_args(annotation)):
            yield f"{place}: one of {schema.get('enum')}"
    elif schema.get("type") not in JSON_TYPES.get(kind, ()):
        yield f"{place}: {schema.get('type')}"


JSON_TYPES: dict[Any, tuple[str, ...]] = {
    str: ("string",),
    int: ("integer",),
    float: ("number", "integer"),
    bool: ("boolean",),
    dict: ("object",),
    NoneType: ("null",),
}
