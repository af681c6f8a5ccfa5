"""The page of a team's log, and its files. They are for owners."""

from __future__ import annotations

from django.http import HttpResponse
from django.shortcuts import render
from django.views.decorators.http import require_GET

from teams.access import TeamRequest, member
from teams.audit.record import NAMES
from teams.log.files import MAX_ROWS, csv_of, lines_of, refuse_too_many
from teams.log.forms import LogForm
from teams.log.links import addresses
from teams.log.queries import entries, page_of
from teams.log.words import in_words
from teams.models import AuditEntry, Role
from teams.refusals import Invalid


@member(Role.OWNER)
@require_GET
def log(request: TeamRequest) -> HttpResponse:
    form = LogForm(request.GET)
    if not form.is_valid():
        return _page(request, form, status=422)
    rows, following = page_of(entries(request.who, form.asked()), before=form.cleaned_data["before"])
    return _page(request, form, rows=rows, following=following)


@member(Role.OWNER)
@require_GET
def log_csv(request: TeamRequest) -> HttpResponse:
    return _file(request, "csv")


@member(Role.OWNER)
@require_GET
def log_jsonl(request: TeamRequest) -> HttpResponse:
    return _file(request, "jsonl")


def _file(request: TeamRequest, kind: str) -> HttpResponse:
    form = LogForm(request.GET)
    if not form.is_valid():
        return _page(request, form, status=422)
    rows = list(entries(request.who, form.asked())[: MAX_ROWS + 1])
    try:
        refuse_too_many(rows)
    except Invalid as refusal:
        form.add_error(None, refusal.message)
        return _page(request, form, status=refusal.status)
    text, content = (csv_of(rows), "text/csv") if kind == "csv" else (lines_of(rows), "application/jsonl")
    response = HttpResponse(text, content_type=f"{content}; charset=utf-8")
    response["Content-Disposition"] = f'attachment; filename="log-{request.who.team.slug}.{kind}"'
    return response


def _page(
    request: TeamRequest,
    form: LogForm,
    *,
    rows: list[AuditEntry] | None = None,
    following: int | None = None,
    status: int = 200,
) -> HttpResponse:
    query = request.GET.copy()
    query.pop("before", None)
    older = query.copy()
    older["before"] = str(following or "")
    where = addresses(request.who, rows or [])
    context = {
        "form": form,
        "rows": [
            (row, NAMES.get(row.action, row.action), where.get(row.pk, ""), in_words(row.detail)) for row in rows or []
        ],
        "query": query.urlencode(),
        "older": older.urlencode() if following else "",
    }
    return render(request, "teams/log.html", context, status=status)
