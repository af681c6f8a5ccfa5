"""The API's own description of itself, which clients are generated from."""

from __future__ import annotations

from collections import Counter
from typing import Any

from ninja import Schema

from crewsite.api import api


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
