"""The API's operations on batches. The rules are those of the pages."""

from collections.abc import Callable, Mapping, Sequence
from typing import Annotated, Any, Literal
from uuid import UUID

from django.http import HttpResponse, StreamingHttpResponse
from ninja import Query, Router, Status

from agents_app.models import Crew, CrewVersion
from agents_app.queries import own_crew
from agents_app.snapshot import spec_of
from engine.record.limits import RunLimits
from engine.spec.crew_spec import CrewSpec
from engine.spec.placeholders import input_texts
from runs.batches import actions, queries
from runs.batches.estimate.orders import estimate_order
from runs.batches.files import as_csv, as_json_lines, pieces
from runs.batches.kept_inputs import mapped_rows, named_version
from runs.batches.live import api_events
from runs.batches.mapping import ONLY_OF_SETS, of_inputs
from runs.batches.order import NOT_LAUNCHED, BatchOrder, Row
from runs.batches.queries import BatchDetail
from runs.batches.results.columns import columns_of, sort_of
from runs.batches.results.sorting import page_of_rows, rows_at
from runs.batches.results.spreadsheet import CONTENT_TYPE, as_xlsx
from runs.batches.schemas import (
    BatchEstimateOut,
    BatchIn,
    BatchLaunched,
    BatchList,
    BatchOut,
    BatchResumeIn,
    BatchRowsIn,
    BatchSummary,
    RowState,
)
from runs.export.answers import file_for
from runs.export.formats import Format
from runs.feeding.launchers import mark_stranded
from runs.launch.order import LaunchOrder
from runs.live.messages import stream
from runs.models import Batch, DataSetVersion
from runs.paging import MAX_PAGE, Page
from teams.access import fetch
from teams.api.bearer import ApiRequest, Bearer, right_of
from teams.api.error_body import ERRORS
from teams.api.idempotency import once
from teams.api.if_match import ERRORS_OF_WRITES, IF_MATCH, revisions_named, tagged, unchanged
from teams.models import Role
from teams.refusals import Invalid

router = Router(tags=["batches"])
crew_router = Router(tags=["batches"])

FORMS: Mapping[str, Callable[[Batch], Format]] = {"csv": as_csv, "jsonl": lambda _: as_json_lines(), "xlsx": as_xlsx}
ResultsForm = Annotated[
    Literal["csv", "jsonl", "xlsx"],
    Query(
        alias="format",
        description="`csv`: a column for each input and field of the output, texts made safe for spreadsheets; "
        "`jsonl`: a JSON object on each line; `xlsx`: a workbook of Excel",
    ),
]
TEXT: dict[str, Any] = {"schema": {"type": "string"}}
FILE: dict[str, Any] = {
    "responses": {
        200: {
            "description": "the file; its name is in `Content-Disposition`",
            "content": {
                "text/csv": TEXT,
                "application/jsonl": TEXT,
                CONTENT_TYPE: {"schema": {"type": "string", "format": "binary"}},
            },
        }
    }
}


@crew_router.post(
    "/{slug:slug}/batches",
    response={202: BatchLaunched, **ERRORS_OF_WRITES},
    auth=Bearer(Role.RUNNER),
    openapi_extra=IF_MATCH,
)
def launch_batch(request: ApiRequest, slug: str, body: BatchIn) -> Status[BatchLaunched]:
    """Runs the crew once for each row of inputs. All rows are checked before any is started; each becomes a run when
    its turn comes. One that fails stops no other.

    ``If-Match`` is about the draft; a batch of a ``version`` needs none."""
    crew = own_crew(request.auth, slug, Role.RUNNER)
    order = _order(request, crew, body)

    def make() -> dict[str, Any]:
        return {"id": str(actions.launch_batch(request.auth, crew, order, api_token=request.api_token).pk)}

    batch = _batch(request, UUID(once(request, make)["id"]))
    return Status(202, BatchLaunched.from_orm(_with_runs(batch)))


@crew_router.post("/{slug:slug}/batches/estimate", response={200: BatchEstimateOut, **ERRORS}, auth=Bearer(Role.RUNNER))
def estimate_batch(request: ApiRequest, slug: str, body: BatchIn) -> BatchEstimateOut:
    """What a launch with the same body would most likely cost and take, and what holds it back. Nothing is launched.
    Rows and bounds are refused as a launch refuses them; keys, prices and money that are missing are not looked at."""
    crew = own_crew(request.auth, slug, Role.RUNNER)
    order = _order(request, crew, body)
    simulated, found = estimate_order(request.auth, crew, order)
    return BatchEstimateOut.of(len(order.rows), simulated, found)


@router.get("", response={200: BatchList, **ERRORS}, auth=Bearer(Role.VIEWER))
def list_batches(request: ApiRequest, cursor: str = "", limit: int = 50) -> Page[BatchDetail]:
    """The newest first, each with how far it is."""
    return queries.list_batches(request.auth, cursor=cursor, limit=max(1, min(limit, MAX_PAGE)))


@router.get("/{uuid:batch_id}", response={200: BatchOut, **ERRORS}, auth=Bearer(Role.VIEWER), by_alias=True)
def get_batch(
    request: ApiRequest,
    response: HttpResponse,
    batch_id: UUID,
    status: RowState | None = None,
    sort: Annotated[str, Query(description="a column of the results; with - in front the other way round")] = "row",
    cursor: str = "",
    limit: int = 100,
) -> BatchOut:
    """How far it is, and a page of its rows with what each gave; with ``status`` of those rows alone. They are sorted
    by ``row``, ``status``, ``output``, ``cost``, ``seconds``, ``input:NAME`` or ``output:NAME``."""
    batch = _batch(request, batch_id)
    by = sort_of(columns_of(batch), sort)
    page = page_of_rows(batch, by, state=status or "", cursor=cursor, limit=max(1, min(limit, MAX_PAGE)))
    rows = rows_at(batch, page.items)
    mark_stranded(batch, rows)
    for row in rows:
        if row.run is not None:
            row.run.team = batch.team  # for its address
    tagged(response, batch.revision)
    return BatchOut.from_orm(_Parts(queries.detail(batch), items=rows, next=page.next))


@router.get("/{uuid:batch_id}/events", response={200: None, **ERRORS}, auth=Bearer(Role.VIEWER))
def batch_events(request: ApiRequest, batch_id: UUID) -> StreamingHttpResponse:
    """Server-sent events: how far it is, as JSON without its rows, at every change, until it has ended. Changes within
    two seconds are one. A client that comes back with ``Last-Event-ID`` gets the state it missed and nothing twice. The
    stream also ends once the token no longer works, or acts in another role."""
    batch = _batch(request, batch_id)
    right = right_of(request)
    return stream(api_events(batch.pk, right, seen=request.headers.get("Last-Event-ID", "")))


@router.get("/{uuid:batch_id}/results", response={200: None, **ERRORS}, auth=Bearer(Role.VIEWER), openapi_extra=FILE)
def get_batch_results(request: ApiRequest, batch_id: UUID, form: ResultsForm = "csv") -> StreamingHttpResponse:
    """All rows as a file, with what each gave and what that cost. A team has two files written at once, more are 429.
    What cannot be finished ends with a broken connection, also once the token no longer works."""
    batch = _batch(request, batch_id)
    right = right_of(request)
    return file_for(request.auth, right, lambda: pieces(batch), FORMS[form](batch), f"{batch.crew.slug}-batch")


@router.post(
    "/{uuid:batch_id}/pause",
    response={200: BatchSummary, **ERRORS_OF_WRITES},
    auth=Bearer(Role.RUNNER),
    openapi_extra=IF_MATCH,
)
def pause_batch(request: ApiRequest, batch_id: UUID) -> BatchDetail:
    """Starts no more rows; those under way end."""
    return _changed(request, batch_id, lambda batch: actions.pause(request.auth, batch))


@router.post(
    "/{uuid:batch_id}/resume",
    response={200: BatchSummary, **ERRORS_OF_WRITES},
    auth=Bearer(Role.RUNNER),
    openapi_extra=IF_MATCH,
)
def resume_batch(request: ApiRequest, batch_id: UUID, body: BatchResumeIn) -> BatchDetail:
    """Lets a paused batch go on, under other bounds where some are named; a running one is given those bounds. Whoever
    loosens a bound, or lets it go on although one was reached, launches the rows that wait."""
    bounds = {**body.model_dump(), "api_token": request.api_token}
    return _changed(request, batch_id, lambda batch: actions.resume(request.auth, batch, **bounds))


@router.post(
    "/{uuid:batch_id}/cancel",
    response={200: BatchSummary, **ERRORS_OF_WRITES},
    auth=Bearer(Role.RUNNER),
    openapi_extra=IF_MATCH,
)
def cancel_batch(request: ApiRequest, batch_id: UUID) -> BatchDetail:
    """Starts no more rows, ends queued runs at once and asks running ones to stop."""
    return _changed(request, batch_id, lambda batch: actions.cancel(request.auth, batch))


@router.post(
    "/{uuid:batch_id}/retry",
    response={200: BatchSummary, **ERRORS_OF_WRITES},
    auth=Bearer(Role.RUNNER),
    openapi_extra=IF_MATCH,
)
def retry_batch(request: ApiRequest, batch_id: UUID) -> BatchDetail:
    """Gives every row whose run failed or was cancelled another run, launched by whoever asks for it, who also takes
    over the ``stranded`` rows. Failures are counted anew; in a batch that stops at some, whoever asks takes over all
    rows that wait."""
    return _changed(
        request, batch_id, lambda batch: actions.retry_failed(request.auth, batch, api_token=request.api_token)
    )


@router.post(
    "/{uuid:batch_id}/rows",
    response={200: BatchSummary, **ERRORS_OF_WRITES},
    auth=Bearer(Role.RUNNER),
    openapi_extra=IF_MATCH,
)
def add_batch_rows(request: ApiRequest, batch_id: UUID, body: BatchRowsIn) -> BatchDetail:
    """Adds rows behind the others, launched by whoever adds them; one that is done goes on."""
    batch = _batch(request, batch_id)

    def make() -> dict[str, Any]:
        with unchanged(request, lambda: queries.locked_revision(batch)):
            actions.add_rows(request.auth, batch, _rows(body.inputs), api_token=request.api_token)
        return {}

    once(request, make)
    return queries.detail(_batch(request, batch_id))


class _Parts:
    """A detail with more beside it, as a schema reads it."""

    def __init__(self, detail: BatchDetail, **more: Any) -> None:
        self.batch, self.progress, self.usage, self.left_ms = (
            detail.batch,
            detail.progress,
            detail.usage,
            detail.left_ms,
        )
        for name, value in more.items():
            setattr(self, name, value)


def _with_runs(batch: Batch) -> _Parts:
    return _Parts(queries.detail(batch), runs=list(batch.runs.order_by("pk").values_list("pk", flat=True)[:MAX_PAGE]))


def _changed(request: ApiRequest, batch_id: UUID, change: Any) -> BatchDetail:
    batch = fetch(Batch, request.auth, Role.RUNNER, pk=batch_id)
    with unchanged(request, lambda: queries.locked_revision(batch)):
        change(batch)
    return queries.detail(_batch(request, batch_id))


def _batch(request: ApiRequest, batch_id: UUID) -> Batch:
    return fetch(Batch, request.auth, pk=batch_id, related=queries.RELATED)


def _data_set_version(request: ApiRequest, body: BatchIn) -> DataSetVersion | None:
    if not body.dataset and body.columns:
        raise Invalid(NOT_LAUNCHED, fields={"columns": ONLY_OF_SETS})
    if not body.dataset:
        return None
    if body.inputs:
        raise Invalid(NOT_LAUNCHED, fields={"dataset": "Give either rows or a data set."})
    return named_version(request.auth, body.dataset)


def _spec(crew: Crew, version: CrewVersion | None) -> CrewSpec:
    return spec_of(crew) if version is None else CrewSpec.from_json(version.spec)


def _rows(inputs: Sequence[Mapping[str, Any]]) -> list[dict[str, str]]:
    return [input_texts(row) for row in inputs]


def _order(request: ApiRequest, crew: Crew, body: BatchIn) -> BatchOrder:
    version = fetch(CrewVersion, request.auth, crew=crew, number=body.version) if body.version else None
    run = LaunchOrder(
        version=version,
        budget_usd=body.run_budget_usd,
        limits=RunLimits(max_calls=body.max_calls, max_tokens=body.max_tokens, max_seconds=body.max_seconds),
        priority=body.priority,
        draft_revisions=revisions_named(request),
        at_limit=body.at_limit,
        accept_unpriced=body.accept_unpriced,
        metadata=body.metadata,
    )
    data_set_version = _data_set_version(request, body)
    rows: list[Row] = list(_rows(body.inputs))
    if data_set_version is not None:
        rows = list(mapped_rows(_spec(crew, version), data_set_version, of_inputs(body.columns)).rows)
    return BatchOrder(
        rows=rows,
        data_set_version=data_set_version,
        run=run,
        name=body.name,
        max_concurrency=body.max_concurrency,
        stop_after_failures=body.stop_after_failures,
        budget_usd=body.budget_usd,
    )
