"""Pages of a comparison: read the address, compare, render."""

from __future__ import annotations

from django.http import Http404, HttpResponse
from django.shortcuts import redirect, render
from django.urls import reverse
from django.views.decorators.http import require_GET

from runs.compare import addresses
from runs.compare.comparison import compare
from runs.compare.csv_table import csv_text
from runs.compare.outputs import output_diff
from runs.compare.page import page_of
from runs.models import Run, TaskRun
from runs.typed_values import uuid_or_none
from teams.access import TeamRequest, fetch, member
from teams.models import Role


@member(Role.VIEWER)
@require_GET
def comparison(request: TeamRequest) -> HttpResponse:
    """What a form of the page adds is written into the address, so that one address holds all of it."""
    asked = addresses.read(request.GET)
    changed = asked
    if "add" in request.GET:
        changed = addresses.with_added(asked, request.GET["add"][: addresses.MAX_ADDED_CHARS])
    if "old" in request.GET and "new" in request.GET:
        changed = addresses.with_align(asked, request.GET["old"], request.GET["new"])
    if "add" in request.GET or changed is not asked:
        return redirect(f"{reverse('compare', kwargs={'team': request.who.team.slug})}?{addresses.written(changed)}")
    page = page_of(request.who, compare(request.who, asked))
    return render(request, "runs/compare/compare.html", {"page": page, "who": request.who})


@member(Role.VIEWER)
@require_GET
def comparison_csv(request: TeamRequest) -> HttpResponse:
    text = csv_text(compare(request.who, addresses.read(request.GET)))
    response = HttpResponse(text, content_type="text/csv; charset=utf-8")
    response["Content-Disposition"] = 'attachment; filename="comparison.csv"'
    return response


@member(Role.VIEWER)
@require_GET
def output(request: TeamRequest) -> HttpResponse:
    """How the outputs of the first two runs in the address differ, or those of their tasks ``old`` and ``new``; a part
    of the page, or a page of its own."""
    ids = [pk for text in addresses.read(request.GET).runs if (pk := uuid_or_none(text))][:2]
    runs = [fetch(Run, request.who, pk=pk) for pk in ids]
    if len(runs) < 2:
        raise Http404("Name two runs.")
    diff, task = output_diff(*runs), ""
    if "old" in request.GET and "new" in request.GET:
        keys = request.GET["old"], request.GET["new"]
        old, new = (fetch(TaskRun, request.who, run=run, key=key) for run, key in zip(runs, keys, strict=True))
        diff, task = output_diff(old, new), new.name
    template = "runs/compare/_output.html" if request.htmx else "runs/compare/output.html"
    return render(request, template, {"old": runs[0], "new": runs[1], "diff": diff, "task": task})
