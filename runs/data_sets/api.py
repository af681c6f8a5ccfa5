"""The API's operations on data sets. The rules are those of the pages."""

from collections.abc import Callable
from typing import Any

from django.http import HttpResponse
from ninja import Router, Status

from runs.batches.kept_inputs import newest_version, version_of
from runs.data_sets import actions, preview, queries
from runs.data_sets.queries import DataSetDetail, own_data_set
from runs.data_sets.rows import of_json
from runs.data_sets.schemas import (
    DataSetColumnList,
    DataSetIn,
    DataSetList,
    DataSetOut,
    DataSetPatch,
    DataSetPreview,
    DataSetRowList,
    DataSetRowsIn,
    DataSetVersionList,
)
from runs.models import DataSet, DataSetVersion
from runs.paging import MAX_PAGE, Page
from teams.api.bearer import ApiRequest, Bearer
from teams.api.error_body import ERRORS
from teams.api.idempotency import once
from teams.api.if_match import ERRORS_OF_WRITES, IF_MATCH, tagged, unchanged
from teams.models import Role

router = Router(tags=["data sets"])


@router.get("", response={200: DataSetList, **ERRORS}, auth=Bearer(Role.VIEWER))
def list_data_sets(
    request: ApiRequest, archived: bool = False, cursor: str = "", limit: int = 50
) -> Page[DataSetDetail]:
    """The newest first; with ``archived`` those that are."""
    return queries.list_data_sets(request.auth, archived=archived, cursor=cursor, limit=_bounded(limit))


@router.post("", response={201: DataSetOut, **ERRORS}, auth=Bearer(Role.RUNNER))
def create_data_set(request: ApiRequest, body: DataSetIn) -> Status[DataSetDetail]:
    """Keeps rows under a name, as its first version."""

    def make() -> dict[str, Any]:
        return {"name": actions.make_data_set(request.auth, body.name, of_json(body.inputs)).name}

    return Status(201, _detail(own_data_set(request.auth, once(request, make)["name"])))


@router.get("/{slug:name}", response={200: DataSetOut, **ERRORS}, auth=Bearer(Role.VIEWER))
def get_data_set(request: ApiRequest, response: HttpResponse, name: str) -> DataSetDetail:
    """The set with what its newest version has."""
    data_set = own_data_set(request.auth, name)
    tagged(response, data_set.revision)
    return _detail(data_set)


@router.patch(
    "/{slug:name}", response={200: DataSetOut, **ERRORS_OF_WRITES}, auth=Bearer(Role.RUNNER), openapi_extra=IF_MATCH
)
def patch_data_set(request: ApiRequest, response: HttpResponse, name: str, body: DataSetPatch) -> DataSetDetail:
    """Gives it another name, archives it or takes it back. Batches and schedules go on using it under its new name."""
    data_set = own_data_set(request.auth, name, Role.RUNNER)
    with unchanged(request, lambda: queries.locked_revision(data_set)):
        data_set = actions.change(request.auth, data_set, name=body.name, archived=body.archived)
    tagged(response, data_set.revision)
    return _detail(data_set)


@router.delete(
    "/{slug:name}", response={204: None, **ERRORS_OF_WRITES}, auth=Bearer(Role.RUNNER), openapi_extra=IF_MATCH
)
def delete_data_set(request: ApiRequest, name: str) -> Status[None]:
    """Deletes it with all its versions, for good. Batches of it keep their rows. While schedules use it, on or off,
    it is refused with their names."""
    data_set = own_data_set(request.auth, name, Role.RUNNER)
    with unchanged(request, lambda: queries.locked_revision(data_set)):
        actions.delete(request.auth, data_set)
    return Status(204, None)


@router.get("/{slug:name}/columns", response={200: DataSetColumnList, **ERRORS}, auth=Bearer(Role.VIEWER))
def list_data_set_columns(request: ApiRequest, name: str, version: int | None = None) -> dict[str, Any]:
    """What the columns of a version hold, else of the newest, by its first rows."""
    found = version_of(request.auth, own_data_set(request.auth, name), version)
    looked_at = min(found.row_count, preview.LOOKED_AT)
    facts = preview.facts_of_version(found)
    return {"version": found.number, "rows": found.row_count, "looked_at": looked_at, "items": facts}


@router.post("/{slug:name}/preview", response={200: DataSetPreview, **ERRORS}, auth=Bearer(Role.RUNNER))
def preview_data_set(request: ApiRequest, name: str, body: DataSetRowsIn) -> preview.RowsPreview:
    """What these rows would change, added behind those of the newest version or in their place. Nothing is kept."""
    newest = newest_version(own_data_set(request.auth, name, Role.RUNNER))
    return preview.preview_of(of_json(body.inputs), newest)


@router.get("/{slug:name}/versions", response={200: DataSetVersionList, **ERRORS}, auth=Bearer(Role.VIEWER))
def list_data_set_versions(request: ApiRequest, name: str, cursor: str = "", limit: int = 50) -> Page[DataSetVersion]:
    """The versions of a data set, the newest first."""
    data_set = own_data_set(request.auth, name)
    return queries.page_of_versions(data_set, cursor=cursor, limit=_bounded(limit))


@router.post(
    "/{slug:name}/versions",
    response={201: DataSetOut, **ERRORS_OF_WRITES},
    auth=Bearer(Role.RUNNER),
    openapi_extra=IF_MATCH,
)
def add_data_set_version(request: ApiRequest, name: str, body: DataSetRowsIn) -> Status[DataSetDetail]:
    """Makes these rows its next version. Those before stay as they are."""
    return _grown(request, name, lambda data_set: actions.add_version(request.auth, data_set, of_json(body.inputs)))


@router.get("/{slug:name}/rows", response={200: DataSetRowList, **ERRORS}, auth=Bearer(Role.VIEWER))
def list_data_set_rows(
    request: ApiRequest, name: str, version: int | None = None, cursor: str = "", limit: int = 100
) -> dict[str, Any]:
    """A page of the rows of a version, else of the newest."""
    found = version_of(request.auth, own_data_set(request.auth, name), version)
    page = queries.page_of_rows(found, cursor=cursor, limit=_bounded(limit))
    return {"version": found.number, "items": page.items, "next": page.next}


@router.post(
    "/{slug:name}/rows",
    response={201: DataSetOut, **ERRORS_OF_WRITES},
    auth=Bearer(Role.RUNNER),
    openapi_extra=IF_MATCH,
)
def add_data_set_rows(request: ApiRequest, name: str, body: DataSetRowsIn) -> Status[DataSetDetail]:
    """Adds rows behind those of the newest version, as its next version."""
    return _grown(request, name, lambda data_set: actions.add_rows(request.auth, data_set, of_json(body.inputs)))


def _grown(request: ApiRequest, name: str, grow: Callable[[DataSet], DataSetVersion]) -> Status[DataSetDetail]:
    data_set = own_data_set(request.auth, name, Role.RUNNER)

    def make() -> dict[str, Any]:
        with unchanged(request, lambda: queries.locked_revision(data_set)):
            grow(data_set)
        return {}

    once(request, make)
    return Status(201, _detail(own_data_set(request.auth, name)))


def _detail(data_set: DataSet) -> DataSetDetail:
    return DataSetDetail(data_set, newest_version(data_set))


def _bounded(limit: int) -> int:
    return max(1, min(limit, MAX_PAGE))
