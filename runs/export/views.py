"""All runs of the page's filter and order, as a file."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

from django.http import HttpResponse, HttpResponseBase
from django.shortcuts import render
from django.views.decorators.http import require_GET

from runs.export.answers import file_of
from runs.export.batches import batches, begin
from runs.export.formats import CSV, JSON_LINES, Format
from runs.history.filters import RunFilter
from runs.history.orders import NEWEST
from teams.access import TeamRequest, member
from teams.models import Role
from teams.refusals import Refusal, with_retry_after


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

    def rows() -> Iterator[list[Any]]:
        return batches(begin(request.who, RunFilter.parse(q, request.who), sort))

    try:
        return file_of(request, rows, form, f"{request.who.team.slug}-runs")
    except Refusal as refusal:
        return _refused(request, refusal)


def _refused(request: TeamRequest, refusal: Refusal) -> HttpResponse:
    context = {"refusal": refusal, "query": request.GET.urlencode()}
    return with_retry_after(render(request, "runs/export/refused.html", context, status=refusal.status), refusal)
