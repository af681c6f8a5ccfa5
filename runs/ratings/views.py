"""A run's rating and comments: a section that the run's page fetches, and a page of its own for who has no scripts.

Each form replaces its own part of the section alone, so that what is typed in the other one stays.
"""

from __future__ import annotations

from uuid import UUID

from django.http import HttpResponse
from django.shortcuts import redirect, render
from django.views.decorators.http import require_GET, require_http_methods

from runs.models import Comment, Run
from runs.ratings import actions
from runs.ratings.forms import CommentForm, RatingForm
from runs.ratings.page import CommentsPart, RatingPart, comments_part, rating_part
from teams.access import TeamRequest, fetch, member
from teams.forms import show_refusal
from teams.models import Role
from teams.refusals import Refusal


@member(Role.VIEWER)
@require_GET
def ratings(request: TeamRequest, run_id: UUID) -> HttpResponse:
    """With ``?part=rating`` that part alone: a run that ends while it is watched can be rated from then on."""
    run = _run(request, run_id)
    if request.htmx and request.GET.get("part") == "rating":
        return _rating(request, run, rating_part(request.who, run))
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


@member(Role.VIEWER)
@require_http_methods(["GET", "POST"])
def comment(request: TeamRequest, run_id: UUID, pk: int | None = None) -> HttpResponse:
    """Adds a comment, changes one's own, or with ``remove`` removes it."""
    run = _run(request, run_id)
    if request.method == "GET":
        return _to_section(request, run)
    written = None if pk is None else fetch(Comment, request.who, pk=pk, run=run)
    if written is not None and "remove" in request.POST:
        actions.remove_comment(request.who, written)
        return _comments(request, run, comments_part(request.who, run, said="The comment is removed."))
    form = CommentForm(request.POST, comment=pk)
    form.full_clean()
    try:
        _save(request, run, written, form.cleaned_data.get("text", ""))
    except Refusal as refusal:
        show_refusal(form, refusal)
        return _comments(request, run, comments_part(request.who, run, refused=form, of=written), status=422)
    return _comments(request, run, comments_part(request.who, run, said="The comment is saved."))


def _save(request: TeamRequest, run: Run, written: Comment | None, text: str) -> None:
    if written is None:
        actions.comment(request.who, run, text)
    else:
        actions.edit_comment(request.who, written, text)


def _run(request: TeamRequest, run_id: UUID) -> Run:
    return fetch(Run, request.who, related=("crew", "version"), pk=run_id)


def _rating(request: TeamRequest, run: Run, part: RatingPart, *, status: int = 200) -> HttpResponse:
    if request.htmx:
        return render(request, "runs/ratings/_rating.html", {"run": run, "rating": part}, status=status)
    return _section(request, run, rating=part) if status != 200 else _to_section(request, run)


def _comments(request: TeamRequest, run: Run, part: CommentsPart, *, status: int = 200) -> HttpResponse:
    if request.htmx:
        return render(request, "runs/ratings/_comments.html", {"run": run, "comments": part}, status=status)
    return _section(request, run, comments=part) if status != 200 else _to_section(request, run)


def _section(
    request: TeamRequest, run: Run, *, rating: RatingPart | None = None, comments: CommentsPart | None = None
) -> HttpResponse:
    """The whole section. A part that is given shows a refused form."""
    context = {
        "run": run,
        "rating": rating or rating_part(request.who, run),
        "comments": comments or comments_part(request.who, run),
    }
    template = "runs/ratings/_section.html" if request.htmx else "runs/ratings/ratings.html"
    return render(request, template, context, status=422 if rating or comments else 200)


def _to_section(request: TeamRequest, run: Run) -> HttpResponse:
    return redirect("ratings", team=request.who.team.slug, run_id=run.pk)
