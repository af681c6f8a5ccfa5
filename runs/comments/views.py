"""Comments of a run, a crew, a version or a bill: a list that its page fetches, and a page of its own for who has no
scripts."""

from __future__ import annotations

from dataclasses import asdict
from typing import Any

from django.http import HttpResponse, JsonResponse
from django.shortcuts import redirect, render
from django.views.decorators.http import require_GET, require_http_methods

from runs.comments import actions
from runs.comments.forms import CommentForm
from runs.comments.names import LOOKED_AT, names_at
from runs.comments.page import CommentsPart, comments_part
from runs.models import Comment
from runs.telling.subjects import Subject, subject_at
from runs.typed_values import whole_number_or_none
from teams.access import TeamRequest, fetch, member
from teams.forms import show_refusal
from teams.models import Role
from teams.once import form_once
from teams.refusals import Refusal


@member(Role.VIEWER)
@form_once()
@require_http_methods(["GET", "POST"])
def comments(request: TeamRequest, **place: Any) -> HttpResponse:
    """The comments; posting adds one. ``place``: what they are about, as ``subjects.subject_at`` takes it."""
    subject = subject_at(request.who, place)
    if request.method != "POST":
        return _shown(request, comments_part(request.who, subject))
    return _saved(request, subject, None)


@member(Role.VIEWER)
@require_http_methods(["GET", "POST"])
def comment(request: TeamRequest, pk: int, **place: Any) -> HttpResponse:
    """Changes one's own comment, or with ``remove`` removes one."""
    subject = subject_at(request.who, place)
    written = fetch(Comment, request.who, pk=pk, **subject.key)
    if request.method != "POST":  # somebody opens the address of a refused form anew
        return redirect(subject.address)
    if "remove" in request.POST:
        actions.remove_comment(request.who, written)
        return _done(request, subject, "The comment is removed.")
    return _saved(request, subject, written)


@member(Role.VIEWER)
@require_GET
def names(request: TeamRequest) -> JsonResponse:
    """Whom a comment can name at the character ``at`` of its text ``q``, as the typed filter's completion answers."""
    at = whole_number_or_none(request.GET.get("at", ""), max_digits=4)
    return JsonResponse(asdict(names_at(request.who, request.GET.get("q", ""), LOOKED_AT if at is None else at)))


def _saved(request: TeamRequest, subject: Subject, written: Comment | None) -> HttpResponse:
    """A refused form is shown again as it was sent."""
    form = CommentForm(request.who.team.slug, request.POST, comment=None if written is None else written.pk)
    form.full_clean()
    text = form.cleaned_data.get("text", "")
    try:
        if written is None:
            actions.comment(request.who, subject, text)
        else:
            actions.edit_comment(request.who, written, text)
    except Refusal as refusal:
        show_refusal(form, refusal)
        return _shown(request, comments_part(request.who, subject, refused=form, of=written), status=422)
    return _done(request, subject, "The comment is saved.")


def _done(request: TeamRequest, subject: Subject, said: str) -> HttpResponse:
    if request.htmx:
        return _shown(request, comments_part(request.who, subject, said=said))
    return redirect(subject.address)


def _shown(request: TeamRequest, part: CommentsPart, *, status: int = 200) -> HttpResponse:
    template = "runs/comments/_comments.html" if request.htmx else "runs/comments/comments.html"
    return render(request, template, {"comments": part}, status=status)
