"""The API's operations on schedules. The rules are those of the pages."""

from typing import Any
from uuid import UUID

from django.db import transaction
from django.http import HttpResponse
from ninja import Router, Status
from pydantic import ValidationError

from agents_app.models import Crew, CrewVersion
from agents_app.queries import own_crew
from engine.record.limits import RunLimits
from engine.spec.placeholders import input_texts
from runs.batches.kept_inputs import VERSION_MARK, named_version
from runs.launch.order import LaunchOrder
from runs.models import Schedule, ScheduleTime
from runs.money import to_usd
from runs.months import now as database_now
from runs.paging import MAX_PAGE, Page
from runs.schedules import actions, queries
from runs.schedules.order import NOT_SAVED, ScheduleOrder, time_complaints
from runs.schedules.queries import ScheduleDetail, ScheduleHistory, own_schedule
from runs.schedules.schemas import (
    NextTimesOut,
    ScheduleIn,
    ScheduleList,
    ScheduleOut,
    SchedulePatch,
    ScheduleSummary,
    ScheduleTerms,
    ScheduleTimeOut,
)
from runs.schedules.times import timetable
from teams.access import fetch, visible_to
from teams.api.bearer import ApiRequest, Bearer
from teams.api.error_body import ERRORS
from teams.api.idempotency import once
from teams.api.if_match import ERRORS_OF_WRITES, IF_MATCH, tagged, unchanged
from teams.models import Role
from teams.refusals import Invalid
from teams.texts.times import time_text

router = Router(tags=["schedules"])
WRITES: dict[str, Any] = {
    "response": {200: ScheduleSummary, **ERRORS_OF_WRITES},
    "auth": Bearer(Role.RUNNER),
    "openapi_extra": IF_MATCH,
}


@router.get("", response={200: ScheduleList, **ERRORS}, auth=Bearer(Role.VIEWER))
def list_schedules(request: ApiRequest, cursor: str = "", limit: int = 50) -> Page[ScheduleDetail]:
    """The newest first, each with its next times and what became of its last one."""
    return queries.list_schedules(request.auth, cursor=cursor, limit=_bounded(limit))


@router.get("/times", response={200: NextTimesOut, **ERRORS}, auth=Bearer(Role.VIEWER))
def list_next_times(request: ApiRequest, cron: str, time_zone: str = "UTC") -> dict[str, Any]:
    """The next five times of a cron expression, before anything is saved."""
    if complaints := time_complaints(cron, time_zone):
        raise Invalid("The times cannot be found.", fields=complaints)
    table = timetable(cron, time_zone)
    moments = table.next_times(database_now())
    return {"next": [time_text(moment) for moment in moments], "in_words": [table.in_words(one) for one in moments]}


@router.post("", response={201: ScheduleSummary, **ERRORS}, auth=Bearer(Role.RUNNER))
def create_schedule(request: ApiRequest, body: ScheduleIn) -> Status[ScheduleDetail]:
    """Launches the crew, or a batch of a data set, at the times of a cron expression, in the name of the token's
    person. It goes off by itself once they may no longer launch, or the token is revoked."""
    crew = own_crew(request.auth, body.crew, Role.RUNNER)
    order = _order(request, crew, body)

    def make() -> dict[str, Any]:
        made = actions.make_schedule(request.auth, order, on=body.on, api_token=request.api_token)
        return {"id": str(made.pk)}

    return Status(201, queries.detail(own_schedule(request.auth, UUID(once(request, make)["id"]))))


@router.get("/{uuid:schedule_id}", response={200: ScheduleOut, **ERRORS}, auth=Bearer(Role.VIEWER))
def get_schedule(
    request: ApiRequest, response: HttpResponse, schedule_id: UUID, cursor: str = "", limit: int = 50
) -> ScheduleHistory:
    """With its terms, and a page of what became of its times."""
    schedule = own_schedule(request.auth, schedule_id)
    tagged(response, schedule.revision)
    return queries.history(schedule, cursor=cursor, limit=_bounded(limit))


@router.patch("/{uuid:schedule_id}", **WRITES)
def patch_schedule(
    request: ApiRequest, response: HttpResponse, schedule_id: UUID, body: SchedulePatch
) -> ScheduleDetail:
    """Changes what it launches and when. Whoever changes it owns it from then on."""
    schedule = own_schedule(request.auth, schedule_id, Role.RUNNER)
    with transaction.atomic(), unchanged(request, lambda: queries.locked_revision(schedule)):
        queries.locked_revision(schedule)  # so that what is not named stays as whoever was first has set it
        schedule = own_schedule(request.auth, schedule_id, Role.RUNNER)
        order = _order(request, schedule.crew, _changed_terms(schedule, body))
        actions.change_schedule(request.auth, schedule, order, api_token=request.api_token)
    return _answer(request, response, schedule)


@router.delete(
    "/{uuid:schedule_id}",
    response={204: None, **ERRORS_OF_WRITES},
    auth=Bearer(Role.RUNNER),
    openapi_extra=IF_MATCH,
)
def delete_schedule(request: ApiRequest, schedule_id: UUID) -> Status[None]:
    """Removes it. Its runs and batches stay."""
    schedule = own_schedule(request.auth, schedule_id, Role.RUNNER)
    with unchanged(request, lambda: queries.locked_revision(schedule)):
        actions.remove(request.auth, schedule)
    return Status(204, None)


@router.post("/{uuid:schedule_id}/pause", **WRITES)
def pause_schedule(request: ApiRequest, response: HttpResponse, schedule_id: UUID) -> ScheduleDetail:
    """Turns it off. What it has launched goes on."""
    schedule = own_schedule(request.auth, schedule_id, Role.RUNNER)
    with unchanged(request, lambda: queries.locked_revision(schedule)):
        actions.pause(request.auth, schedule)
    return _answer(request, response, schedule)


@router.post("/{uuid:schedule_id}/resume", **WRITES)
def resume_schedule(request: ApiRequest, response: HttpResponse, schedule_id: UUID) -> ScheduleDetail:
    """Turns it on, from its next time on. Whoever does owns it from then on."""
    schedule = own_schedule(request.auth, schedule_id, Role.RUNNER)
    with unchanged(request, lambda: queries.locked_revision(schedule)):
        actions.resume(request.auth, schedule, api_token=request.api_token)
    return _answer(request, response, schedule)


@router.post(
    "/{uuid:schedule_id}/run-now",
    response={202: ScheduleTimeOut, **ERRORS_OF_WRITES},
    auth=Bearer(Role.RUNNER),
    openapi_extra=IF_MATCH,
)
def run_schedule_now(request: ApiRequest, schedule_id: UUID) -> Status[ScheduleTime]:
    """Launches it once, in the name of the token's person, whether it is on or off. Its times stay as they are."""
    schedule = own_schedule(request.auth, schedule_id, Role.RUNNER)

    def make() -> dict[str, Any]:
        with unchanged(request, lambda: queries.locked_revision(schedule)):
            return {"id": str(actions.run_now(request.auth, schedule, api_token=request.api_token).pk)}

    found = visible_to(request.auth, ScheduleTime)
    return Status(202, found.get(pk=UUID(once(request, make)["id"])))


def _answer(request: ApiRequest, response: HttpResponse, schedule: Schedule) -> ScheduleDetail:
    found = own_schedule(request.auth, schedule.pk)
    tagged(response, found.revision)
    return queries.detail(found)


def _changed_terms(schedule: Schedule, body: SchedulePatch) -> ScheduleTerms:
    same = {name: getattr(schedule, name) for name in ScheduleTerms.model_fields if hasattr(schedule, name)}
    now = same | {
        "version": None if schedule.version is None else schedule.version.number,
        "dataset": schedule.set_name,
        "budget_usd": None if schedule.run_budget_nusd is None else to_usd(schedule.run_budget_nusd),
        "batch_budget_usd": None if schedule.budget_nusd is None else to_usd(schedule.budget_nusd),
        "at_limit": schedule.at_limit or None,
        "accept_unpriced": schedule.accepts_unpriced,
    }
    named = body.model_dump(exclude_unset=True)
    if "dataset" in named and not named["dataset"]:
        now["columns"] = {}  # those of the set that it no longer has
    try:
        return ScheduleTerms.model_validate(now | named)
    except ValidationError as fault:
        fields = {str(one["loc"][0]): str(one["msg"]) for one in fault.errors()}
        raise Invalid(NOT_SAVED, fields=fields) from fault


def _order(request: ApiRequest, crew: Crew, body: ScheduleTerms) -> ScheduleOrder:
    version = fetch(CrewVersion, request.auth, crew=crew, number=body.version) if body.version else None
    kept = named_version(request.auth, body.dataset, not_done=NOT_SAVED) if body.dataset else None
    run = LaunchOrder(
        inputs=input_texts(body.inputs),
        version=version,
        budget_usd=body.budget_usd,
        limits=RunLimits(max_calls=body.max_calls, max_tokens=body.max_tokens, max_seconds=body.max_seconds),
        priority=body.priority,
        at_limit=body.at_limit,
        accept_unpriced=body.accept_unpriced,
        metadata=body.metadata,
        simulated=body.simulated,
    )
    return ScheduleOrder(
        name=body.name,
        crew=crew,
        cron=body.cron,
        time_zone=body.time_zone,
        run=run,
        data_set=None if kept is None else kept.data_set,
        data_set_version=kept if body.dataset and VERSION_MARK in body.dataset else None,
        columns=body.columns,
        overlap=body.overlap,
        catch_up=body.catch_up,
        max_concurrency=body.max_concurrency,
        stop_after_failures=body.stop_after_failures,
        budget_usd=body.batch_budget_usd,
    )


def _bounded(limit: int) -> int:
    return max(1, min(limit, MAX_PAGE))
