"""A member's inbox of a team."""

from __future__ import annotations

from django.contrib import messages
from django.http import Http404, HttpResponse
from django.shortcuts import redirect, render
from django.views.decorators.http import require_GET, require_http_methods

from runs.inbox import actions, queries
from runs.inbox.forms import InboxForm
from runs.inbox.words import sentence
from runs.models import InboxWish
from teams.access import TeamRequest, member
from teams.models import Role


@member(Role.VIEWER)
@require_http_methods(["GET", "POST"])
def inbox(request: TeamRequest) -> HttpResponse:
    """What this member was told, the newest first. Posting chooses, or with ``read`` puts all of it away as read."""
    if request.method == "POST" and "read" in request.POST:
        actions.read_all(request.who)
        return redirect("inbox", team=request.who.team.slug)
    form = InboxForm(choice=queries.choice_of(request.who))
    if request.method == "POST":
        form = InboxForm(request.POST)
        if form.is_valid():
            actions.choose(request.who, InboxWish(form.cleaned_data["wish"]), by_mail=form.cleaned_data["by_mail"])
            messages.success(request, "Saved.")
            return redirect("inbox", team=request.who.team.slug)
    told = [(one, sentence(one)) for one in queries.inbox(request.who)]
    context = {"told": told, "new": sum(one.is_new for one, _ in told), "form": form, "most": queries.SHOWN}
    return render(request, "runs/inbox/inbox.html", context, status=422 if form.errors else 200)


@member(Role.VIEWER)
@require_GET
def open_entry(request: TeamRequest, pk: int) -> HttpResponse:
    """Goes to what the entry is about, and takes it as read."""
    entry = queries.entry(request.who, pk)
    if entry is None:
        raise Http404
    actions.read(request.who, entry)
    return redirect(queries.told_of(entry).address)
