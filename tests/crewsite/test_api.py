"""The API's own description of itself, which clients are generated from."""

from __future__ import annotations

import inspect
import re
from collections import Counter
from typing import Any

from ninja import Schema

from crewsite.api import api
from crewsite.description.described import IDEMPOTENT, LONGEST_SUMMARY
from crewsite.description.links import LINKS
from crewsite.description.tags import TAGS
from teams.api.error_body import ERRORS


def test_each_operation_has_an_id_of_its_own_that_no_move_of_its_module_changes() -> None:
    paths = api.get_openapi_schema()["paths"]
    ids = [operation["operationId"] for operations in paths.values() for operation in operations.values()]
    assert len(ids) == len(set(ids))
    assert {"get_run", "launch_run", "list_runs", "import_crew"} <= set(ids)
    assert not any("_api_" in name for name in ids)


def test_no_two_schemas_share_a_name() -> None:
    """ninja lists a schema under its class's name alone, so the second one would stand for the first."""
    names = Counter(
        one.__name__ for one in _below(Schema) if one.__module__.split(".")[0] in ("runs", "agents_app", "teams")
    )
    assert [name for name, count in names.items() if count > 1] == []
    assert names["RunOut"] == 1


def _below(schema: type[Any]) -> set[type[Any]]:
    return set(schema.__subclasses__()).union(*(_below(one) for one in schema.__subclasses__()))


def test_one_model_serves_all_errors_of_all_operations() -> None:
    """Ninja would make 11 for each operation, and each process would take a second longer to start."""
    models = [
        model
        for _, router in api._routers
        for view in router.path_operations.values()
        for operation in view.operations
        for status, model in operation.response_models.items()
        if status >= 400
    ]
    assert len(models) > 500
    assert len(set(models)) == 1


def test_it_is_made_once_for_all_who_ask_for_it() -> None:
    assert api.get_openapi_schema() is api.get_openapi_schema(path_prefix="/api/v1/")
    (path, *_) = api.get_openapi_schema(path_prefix="/elsewhere/")["paths"]
    assert path.startswith("/elsewhere/")
    assert all(path.startswith("/api/v1/") for path in api.get_openapi_schema()["paths"])


def test_each_operation_says_in_a_line_what_it_does_and_under_what() -> None:
    document = api.get_openapi_schema()
    operations = [one for found in document["paths"].values() for one in found.values()]
    wrong = [one["operationId"] for one in operations if not 5 < len(one["summary"]) <= LONGEST_SUMMARY]
    assert wrong == []
    sections = {tag["name"] for tag in document["tags"]}
    assert {name for one in operations for name in one.get("tags", ["none"])} == sections == TAGS.keys()


def test_each_operation_has_the_same_error_answers_and_says_what_is_left() -> None:
    document = api.get_openapi_schema()
    for found in document["paths"].values():
        for one in found.values():
            statuses = {int(status) for status in one["responses"]}
            assert statuses >= ERRORS.keys(), one["operationId"]
            for status, answer in one["responses"].items():
                if int(status) >= 400:
                    assert answer == {"$ref": f"#/components/responses/Error{status}"}
                else:
                    assert answer["headers"].keys() == {"RateLimit", "RateLimit-Policy"}
    errors = document["components"]["responses"]
    assert {name for name, one in errors.items() if "Retry-After" in one["headers"]} == {"Error429", "Error503"}


def test_a_repeatable_operation_is_one_whose_code_heeds_the_key() -> None:
    heeds = re.compile(r"\b_?once(_prepared)?\(|key_of\(|_launch\(|_grown\(")
    posts = {
        operation.view_func.__name__: heeds.search(inspect.getsource(operation.view_func)) is not None
        for _, router in api._routers
        for view in router.path_operations.values()
        for operation in view.operations
        if "POST" in operation.methods
    }
    assert {name for name, does in posts.items() if does} == IDEMPOTENT


def test_links_lead_to_parameters_that_there_are() -> None:
    document = api.get_openapi_schema()
    operations = {
        one["operationId"]: (path, one) for path, found in document["paths"].items() for one in found.values()
    }
    for source, answers in LINKS.items():
        for status, links in answers.items():
            assert operations[source][1]["responses"][status]["links"] == links
            for name, link in links.items():
                (parameter,) = link["parameters"]
                assert f"{{{parameter}}}" in operations[name][0], (source, name)
