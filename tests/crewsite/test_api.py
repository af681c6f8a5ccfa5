"""The API's own description of itself, which clients are generated from."""

from __future__ import annotations

from crewsite.api import api


def test_each_operation_has_an_id_of_its_own_that_no_move_of_its_module_changes() -> None:
    paths = api.get_openapi_schema()["paths"]
    ids = [operation["operationId"] for operations in paths.values() for operation in operations.values()]
    assert len(ids) == len(set(ids))
    assert {"get_run", "launch_run", "list_runs", "import_crew"} <= set(ids)
    assert not any("_api_" in name for name in ids)


def test_it_is_made_once_for_all_who_ask_for_it() -> None:
    assert api.get_openapi_schema() is api.get_openapi_schema(path_prefix="/api/v1/")
    (path, *_) = api.get_openapi_schema(path_prefix="/elsewhere/")["paths"]
    assert path.startswith("/elsewhere/")
    assert all(path.startswith("/api/v1/") for path in api.get_openapi_schema()["paths"])
