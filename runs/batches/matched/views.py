"""The pages of matched rows: read the address, match, render."""

from __future__ import annotations

from django.http import Http404, HttpResponse, HttpResponseBase
from django.shortcuts import redirect, render
from django.urls import reverse
from django.views.decorators.http import require_GET

from runs.batches.matched.files import as_csv, name_of, pieces
from runs.batches.matched.matching import Matching, matching
from runs.batches.matched.page import SHOWN_LINES, matched_page
from runs.compare import addresses
from runs.export.answers import file_or_refusal
from teams.access import TeamRequest, member
from teams.models import Role
from teams.refusals import Invalid
from teams.work_bounds import TOOK_TOO_LONG

FIRST_LINES = 10
"""On the page of a comparison."""


@member(Role.VIEWER)
@require_GET
def matched_rows(request: TeamRequest) -> HttpResponse:
    """The rows of the two batches in the address; to htmx the first of them, as a part of their comparison."""
    address = reverse("compare_rows", kwargs={"team": request.who.team.slug})
    asked = {name: request.GET.get(name, "") for name in ("show", "field", "sort", "cursor")}
    lines = FIRST_LINES if request.htmx else SHOWN_LINES
    try:
        found = _matching(request)
    except Invalid as refusal:
        if not request.htmx:
            raise Http404(refusal.message) from refusal
        return _refused(request, refusal)
    try:
        page = matched_page(request.who, found, **asked, most=lines)
    except Invalid as refusal:
        if refusal.code == TOOK_TOO_LONG:  # and would again
            if not request.htmx:
                raise
            return _refused(request, refusal)
        return redirect(f"{address}?batches={found.baseline.pk},{found.other.pk}")
    template = "_part.html" if request.htmx else "matched.html"
    return render(request, f"runs/batches/matched/{template}", {"page": page, "address": address})


@member(Role.VIEWER)
@require_GET
def matched_rows_csv(request: TeamRequest) -> HttpResponseBase:
    """All matched rows, and those that have no match, as a file."""
    try:
        found = _matching(request)
    except Invalid as refusal:
        raise Http404(refusal.message) from refusal
    return file_or_refusal(request, lambda: pieces(found), as_csv(found), name_of(found))


def _refused(request: TeamRequest, refusal: Invalid) -> HttpResponse:
    return render(request, "runs/batches/matched/_refused.html", {"refusal": refusal})


def _matching(request: TeamRequest) -> Matching:
    asked = addresses.read(request.GET)
    return matching(request.who, asked.batches, asked.baseline)
