"""All runs of the page's filter and order, as a file."""

from __future__ import annotations

from collections.abc import AsyncGenerator

from django.http import HttpResponse, HttpResponseBase, StreamingHttpResponse
from django.shortcuts import render
from django.views.decorators.http import require_GET

from runs.export.batches import batches, begin
from runs.export.formats import CSV, JSON_LINES, Format
from runs.export.sending import PLACES, send
from runs.history.filters import RunFilter
from runs.history.orders import NEWEST
from teams.access import TeamRequest, member
from teams.models import Role
from teams.refusals import Refusal, with_retry_after
from teams.rights import right_of_session


@member(Role.VIEWER)
@require_GET
def runs_csv(request: TeamRequest) -> HttpResponseBase:
    return _file(request, CSV)


@member(Role.VIEWER)
@require_GET
def runs_jsonl(request: TeamRequest) -> HttpResponseBase:
    return _file(request, JSON_LINES)


def _file(request: TeamRequest, form: Format) -> HttpResponseBase:
    q, sort = request.GET.get("q", ""), request.GET.get("sort", "") or NEWEST
    try:
        text = _begun(request, form, q, sort)
    except Refusal as refusal:
        return _refused(request, refusal)
    response = StreamingHttpResponse(text, content_type=form.content_type)
    name = f"{request.who.team.slug}-runs.{form.suffix}"
    response["Content-Disposition"] = f'attachment; filename="{name}"'
    return response


def _begun(request: TeamRequest, form: Format, q: str, sort: str) -> AsyncGenerator[str | bytes, None]:
    export = begin(request.who, RunFilter.parse(q, request.who), sort)
    free = PLACES.take(request.who.team.pk)
    try:
        return send(batches(export), form, right_of_session(request), free)
    except BaseException:
        free()
        raise


def _refused(request: TeamRequest, refusal: Refusal) -> HttpResponse:
    context = {"refusal": refusal, "query": request.GET.urlencode()}
    return with_retry_after(render(request, "runs/export/refused.html", context, status=refusal.status), refusal)
