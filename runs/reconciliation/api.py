"""The API's operations on checks against providers. The rules are those of the pages."""

from typing import Any

from ninja import Router, Status

from runs.api_csv import AS_CSV, csv_response, wants_csv
from runs.models import Reconciliation
from runs.reconciliation import actions
from runs.reconciliation.actions import MAX_EXPORT_BYTES, ReadExport
from runs.reconciliation.csv_table import csv_text
from runs.reconciliation.page import Check
from runs.reconciliation.queries import checks_of, their_keys
from runs.reconciliation.schemas import CheckDetail, CheckList, CheckOut, ExportFilesIn, ExportIn, KeysIn, KeysOut
from teams.access import fetch
from teams.api.bearer import ApiRequest, Bearer
from teams.api.error_body import ERRORS
from teams.api.idempotency import once, once_prepared
from teams.api.request_body import is_upload, read_body, read_fields
from teams.models import Role

router = Router(tags=["reconciliations"])
EXPORT_BODY = {
    "requestBody": {
        "required": True,
        "content": {
            "application/json": {"schema": ExportIn.model_json_schema()},
            "multipart/form-data": {
                "schema": {
                    "type": "object",
                    "required": ["files"],
                    "additionalProperties": False,
                    "properties": {
                        "files": {"type": "array", "items": {"type": "string", "format": "binary"}},
                        **ExportFilesIn.model_json_schema()["properties"],
                    },
                }
            },
        },
    }
}


@router.get("", response={200: CheckList, **ERRORS}, auth=Bearer(Role.VIEWER))
def list_reconciliations(request: ApiRequest) -> dict[str, object]:
    """All checks against providers, the newest first."""
    return {"items": [CheckOut.of(row) for row in checks_of(request.auth)], "next": None}


@router.post("", response={201: CheckDetail, **ERRORS}, auth=Bearer(Role.EDITOR), openapi_extra=EXPORT_BODY)
def post_reconciliation(request: ApiRequest) -> Status[dict[str, object]]:
    """Holds a provider's usage or cost export against the ledger: files of one provider (CSV, or JSON of its API), or
    one as text. The files are not kept; what they say by day, model and key is."""
    made = once_prepared(request, lambda: _read(request), lambda read: {"id": actions.keep(request.auth, read).pk})
    return Status(201, _detail(request, fetch(Reconciliation, request.auth, pk=made["id"])))


@router.get("/keys/{str:provider}", response={200: KeysOut, **ERRORS}, auth=Bearer(Role.VIEWER))
def get_their_keys(request: ApiRequest, provider: str) -> dict[str, object]:
    """To which of the team's keys each of a provider's belongs, as people said."""
    actions.refuse_unknown(provider)
    return {"provider": provider, "keys": their_keys(request.auth, provider)}


@router.put("/keys", response={200: KeysOut, **ERRORS}, auth=Bearer(Role.EDITOR))
def put_their_keys(request: ApiRequest, body: KeysIn) -> dict[str, object]:
    """Remembers to which of the team's keys these of the provider belong. Others stay as they are."""
    actions.say_keys(request.auth, body.provider, body.keys)
    return {"provider": body.provider, "keys": their_keys(request.auth, body.provider)}


@router.get("/{int:pk}", response={200: CheckDetail, **ERRORS}, auth=Bearer(Role.VIEWER), openapi_extra=AS_CSV)
def get_reconciliation(request: ApiRequest, pk: int) -> Any:
    """A check with every line; as CSV if ``Accept`` asks for ``text/csv``."""
    row = fetch(Reconciliation, request.auth, related=("made_by",), pk=pk)
    if wants_csv(request):
        return csv_response(csv_text(Check(request.auth, row)))
    return _detail(request, row)


@router.delete("/{int:pk}", response={204: None, **ERRORS}, auth=Bearer(Role.EDITOR))
def delete_reconciliation(request: ApiRequest, pk: int) -> Status[None]:
    """Removes a check. What was said about keys and columns stays."""
    actions.remove(request.auth, fetch(Reconciliation, request.auth, Role.EDITOR, pk=pk))
    return Status(204, None)


@router.post("/{int:pk}/again", response={201: CheckDetail, **ERRORS}, auth=Bearer(Role.EDITOR))
def check_again(request: ApiRequest, pk: int) -> Status[dict[str, object]]:
    """Holds the same export against the ledger as it is now, as a check of its own. The earlier one stays."""
    row = fetch(Reconciliation, request.auth, Role.EDITOR, pk=pk)
    made = once(request, lambda: {"id": actions.compare_again(request.auth, row).pk})
    return Status(201, _detail(request, fetch(Reconciliation, request.auth, pk=made["id"])))


def _read(request: ApiRequest) -> ReadExport:
    if is_upload(request):
        fields = read_fields(request, ExportFilesIn, files="files")
        files = [(file.name or "", file.read(MAX_EXPORT_BYTES + 1)) for file in request.FILES.getlist("files")]
        return actions.read_exports(request.auth, files, fields.choice({}))
    body = read_body(request, ExportIn)
    columns: dict[str, int] = {str(meaning): place for meaning, place in body.columns.items()}
    file = (body.name, body.text.encode("utf-8", "replace"))
    return actions.read_exports(request.auth, [file], body.choice(columns))


def _detail(request: ApiRequest, row: Reconciliation) -> dict[str, object]:
    return CheckDetail.of(Check(request.auth, row))
