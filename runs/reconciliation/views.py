"""Pages of checks against providers: the list with the upload, columns to choose, one check, and its CSV."""

from __future__ import annotations

from collections.abc import Sequence

from django.contrib import messages
from django.http import HttpResponse
from django.shortcuts import redirect, render
from django.views.decorators.http import require_GET, require_http_methods, require_POST

from runs.models import Reconciliation
from runs.reconciliation import actions
from runs.reconciliation.actions import ColumnsNeeded, Unread
from runs.reconciliation.csv_table import csv_text
from runs.reconciliation.forms import ColumnsForm, UploadForm, columns_form
from runs.reconciliation.page import Check
from runs.reconciliation.queries import checks_of
from runs.reconciliation.reading.apart import Preview, preview_apart
from teams.access import TeamRequest, fetch, member, require
from teams.forms import show_refusal
from teams.models import Role
from teams.refusals import Busy, Refusal, with_retry_after

KEY_FIELD = "key:"


@member(Role.VIEWER)
@require_http_methods(["GET", "POST"])
def reconciliations(request: TeamRequest) -> HttpResponse:
    """All checks; by POST an export becomes one, or a table whose columns have to be chosen first."""
    if request.method == "GET":
        return _list(request, UploadForm())
    require(request.who, Role.EDITOR)
    if "text" in request.POST:
        return _with_columns(request, ColumnsForm(request.POST))
    form = UploadForm(request.POST, request.FILES)
    if not form.is_valid():
        return _list(request, form, status=422)
    try:
        return _kept(request, form)
    except ColumnsNeeded as needed:
        name = form.cleaned_data["uploads"][0].name
        chosen = columns_form(needed.preview, needed.text, name, form.choice())
        return _columns(request, needed.preview, chosen, problem=needed.problem)
    except Refusal as refusal:
        told = getattr(refusal, "told", ())
        show_refusal(form, Unread(refusal.message) if told else refusal)  # its lines are listed below
        return with_retry_after(_list(request, form, status=refusal.status, told=told), refusal)


@member(Role.VIEWER)
@require_GET
def reconciliation(request: TeamRequest, pk: int) -> HttpResponse:
    try:
        check = Check(request.who, _fetch(request, pk))
    except Busy as busy:
        messages.error(request, busy.message)
        return with_retry_after(_list(request, UploadForm(), status=busy.status), busy)
    return render(request, "runs/reconciliation/check.html", {"check": check})


@member(Role.VIEWER)
@require_GET
def reconciliation_csv(request: TeamRequest, pk: int) -> HttpResponse:
    row = _fetch(request, pk)
    try:
        text = csv_text(Check(request.who, row))
    except Busy as busy:
        refused = HttpResponse(busy.message, status=busy.status, content_type="text/plain; charset=utf-8")
        return with_retry_after(refused, busy)
    response = HttpResponse(text, content_type="text/csv; charset=utf-8")
    name = f"{request.who.team.slug}-check-{row.since}-{row.until}.csv"
    response["Content-Disposition"] = f'attachment; filename="{name}"'
    return response


@member(Role.EDITOR)
@require_POST
def say_keys(request: TeamRequest, pk: int) -> HttpResponse:
    """To which of the team's keys each of the provider's belongs."""
    row = _fetch(request, pk, Role.EDITOR)
    said = {name.removeprefix(KEY_FIELD): key for name, key in request.POST.items() if name.startswith(KEY_FIELD)}
    try:
        actions.say_keys(request.who, row.provider, {name: str(key) for name, key in said.items()})
    except Refusal as refusal:
        messages.error(request, " ".join([refusal.message, *refusal.fields.values()]))
    else:
        messages.success(request, "The keys are remembered, for this check and for others.")
    return redirect("reconciliation", team=request.who.team.slug, pk=row.pk)


@member(Role.EDITOR)
@require_POST
def compare_again(request: TeamRequest, pk: int) -> HttpResponse:
    """The same export against the ledger as it is now, as a check of its own."""
    row = _fetch(request, pk, Role.EDITOR)
    try:
        again = actions.compare_again(request.who, row)
    except Refusal as refusal:
        messages.error(request, refusal.message)
        return redirect("reconciliation", team=request.who.team.slug, pk=row.pk)
    messages.success(request, "Compared with the ledger as it is now. The earlier check is kept.")
    return redirect("reconciliation", team=request.who.team.slug, pk=again.pk)


@member(Role.EDITOR)
@require_POST
def remove_reconciliation(request: TeamRequest, pk: int) -> HttpResponse:
    actions.remove(request.who, _fetch(request, pk, Role.EDITOR))
    messages.success(request, "The check is removed. What was said about keys and columns is kept.")
    return redirect("reconciliations", team=request.who.team.slug)


def _fetch(request: TeamRequest, pk: int, role: Role = Role.VIEWER) -> Reconciliation:
    return fetch(Reconciliation, request.who, role, related=("made_by",), pk=pk)


def _list(request: TeamRequest, form: UploadForm, *, status: int = 200, told: Sequence[str] = ()) -> HttpResponse:
    context = {"checks": list(checks_of(request.who)), "form": form, "told": told}
    return render(request, "runs/reconciliation/checks.html", context, status=status)


def _with_columns(request: TeamRequest, form: ColumnsForm) -> HttpResponse:
    """The second step for a table: what was chosen stays where it cannot be so."""
    if not form.is_valid():
        return _list(request, UploadForm(), status=422)
    try:
        return _kept(request, form)
    except Refusal as refusal:
        preview = preview_apart(form.cleaned_data["text"])
        if preview is None:
            messages.error(request, refusal.message)
            return with_retry_after(_list(request, UploadForm(), status=refusal.status), refusal)
        again = ColumnsForm(request.POST, head=list(preview.head))
        again.is_valid()
        told = getattr(refusal, "told", ())
        return with_retry_after(_columns(request, preview, again, problem=refusal.message, told=told), refusal)


def _kept(request: TeamRequest, form: UploadForm | ColumnsForm) -> HttpResponse:
    check = actions.keep(request.who, actions.read_exports(request.who, form.exports(), form.choice()))
    return redirect("reconciliation", team=request.who.team.slug, pk=check.pk)


def _columns(
    request: TeamRequest, preview: Preview, form: ColumnsForm, *, problem: str = "", told: Sequence[str] = ()
) -> HttpResponse:
    context = {"preview": preview, "form": form, "problem": problem, "told": told}
    return render(request, "runs/reconciliation/columns.html", context, status=422 if problem else 200)
