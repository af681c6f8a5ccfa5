"""A run's rating and comments: a section that the run's page fetches, and a page of its own for who has no scripts.

Each form replaces its own part of the section alone, so that what is typed in the other one stays.
"""

from __future__ import annotations

from uuid import UUID

from django.http import HttpResponse
from django.shortcuts import redirect, render
from django.views.decorators.http import require_GET, require_http_methods

from runs.comments.page import comments_part
from runs.models import Run
from runs.ratings import actions
from runs.ratings.forms import RatingForm
from runs.ratings.page import RatingPart, rating_part
from runs.telling.subjects import about_run
from teams.access import TeamRequest, fetch, member
from teams.forms import show_refusal
from teams.models import Role
from teams.refusals import Refusal


@member(Role.VIEWER)
@require_GET
def ratings(request: TeamRequest, run_id: UUID) -> HttpResponse:
    """With ``?part=rating`` that part alone: a run that ends while it is watched can be rated from then on. With
    ``?part=given`` what was given, beside the form; nothing (204) while it has the mark that was ``seen``."""
    run, part = _run(request, run_id), request.GET.get("part")
    if request.htmx and part == "rating":
        return _rating(request, run, rating_part(request.who, run))
    if request.htmx and part == "given":
        given = rating_part(request.who, run)
        if given.mark == request.GET.get("seen"):
            return HttpResponse(status=204)
        return render(request, "runs/ratings/_news.html", {"run": run, "rating": given})
    return _section(request, run)


@member(Role.VIEWER)
@require_http_methods(["GET", "POST"])
def rate(request: TeamRequest, run_id: UUID) -> HttpResponse:
    """Rates the run, or with ``take_back`` takes one's rating back. A refused form is shown again as it was sent."""
    run = _run(request, run_id)
    if request.method == "GET":  # somebody opens the address of a refused form anew
        return _to_section(request, run)
    if "take_back" in request.POST:
        actions.take_back(request.who, run)
        return _rating(request, run, rating_part(request.who, run, said="Your rating is removed."))
    form = RatingForm(request.POST)
    if form.is_valid():
        try:
            actions.rate(request.who, run, **form.cleaned_data)
            return _rating(request, run, rating_part(request.who, run, said="Your rating is saved."))
        except Refusal as refusal:
            show_refusal(form, refusal)
    return _rating(request, run, rating_part(request.who, run, refused=form), status=422)


def _run(request: TeamRequest, run_id: UUID) -> Run:
    return fetch(Run, request.who, related=("crew", "version", "team", "created_by"), pk=run_id)


def _rating(request: TeamRequest, run: Run, part: RatingPart, *, status: int = 200) -> HttpResponse:
    if request.htmx:
        return render(request, "runs/ratings/_rating.html", {"run": run, "rating": part}, status=status)
    return _section(request, run, rating=part) if status != 200 else _to_section(request, run)


def _section(request: TeamRequest, run: Run, *, rating: RatingPart | None = None) -> HttpResponse:
    """The whole section. A part that is given shows a refused form."""
    context = {
        "run": run,
        "rating": rating or rating_part(request.who, run),
        "comments": comments_part(request.who, about_run(run)),
    }
    template = "runs/ratings/_section.html" if request.htmx else "runs/ratings/ratings.html"
    return render(request, template, context, status=422 if rating else 200)


def _to_section(request: TeamRequest, run: Run) -> HttpResponse:
    return redirect("ratings", team=request.who.team.slug, run_id=run.pk)
