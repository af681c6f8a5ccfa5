"""The pages of a team's people, of one's own account and of a new team."""

from __future__ import annotations

from typing import Any

from django.contrib import messages
from django.http import HttpRequest, HttpResponse
from django.shortcuts import redirect, render
from django.views.decorators.http import require_GET, require_http_methods, require_POST

from teams import queries
from teams.access import TeamRequest, fetch, member, origin_of, signed_in
from teams.forms import show_refusal
from teams.invitations import actions as invitations
from teams.invitations.forms import InviteForm
from teams.invitations.mail import delivered
from teams.models import Invitation, Membership, Role
from teams.once import made_once
from teams.people import actions
from teams.people.forms import NewTeamForm, OwnNameForm, RoleForm, TeamNameForm
from teams.people.page import people_page
from teams.refusals import Refusal, with_retry_after
from teams.signin.fresh import proven

INVITED_ONCE = (
    "The form was sent twice, and one invitation was made. If you have not seen its link and it was not mailed, "
    "withdraw it and invite again."
)


@member(Role.VIEWER)
@require_GET
def people(request: TeamRequest) -> HttpResponse:
    return people_page(request)


@member(Role.OWNER)
@require_POST
def rename_team(request: TeamRequest) -> HttpResponse:
    form = TeamNameForm(request.POST)
    if form.is_valid():
        try:
            actions.rename_team(request.who, **form.cleaned_data)
        except Refusal as refusal:
            show_refusal(form, refusal)
        else:
            messages.success(request, f"The team is called {request.who.team.name} now. Its address is the same.")
            return _back(request)
    return people_page(request, name_form=form, status=422)


@member(Role.OWNER)
@proven("people")
@require_POST
def second_step(request: TeamRequest) -> HttpResponse:
    """Demands a second step of all members, or, with ``wanted=0``, does so no more."""
    is_wanted = request.POST.get("wanted") == "1"
    try:
        actions.demand_second_step(request.who, is_wanted=is_wanted)
    except Refusal as refusal:
        return _refused(request, refusal.message, refusal.status)
    said = "asks every member for a second step from now on" if is_wanted else "no longer asks for a second step"
    messages.success(request, f"{request.who.team} {said}.")
    return _back(request)


@member(Role.OWNER)
@require_POST
def change_role(request: TeamRequest, pk: int) -> HttpResponse:
    membership = fetch(Membership, request.who, Role.OWNER, related=("user",), pk=pk)
    form = RoleForm(request.POST)
    if not form.is_valid():
        return _refused(request, "Choose a role.", 422)
    try:
        changed = actions.change_role(request.who, membership, role=Role(form.cleaned_data["role"]))
    except Refusal as refusal:
        return _refused(request, refusal.message, refusal.status)
    messages.success(request, f"{membership.user} is {changed.get_role_display()} from now on.")
    return _back(request)


@member(Role.OWNER)
@require_POST
def hand_over(request: TeamRequest, pk: int) -> HttpResponse:
    membership = fetch(Membership, request.who, Role.OWNER, related=("user",), pk=pk)
    try:
        actions.hand_over(request.who, membership)
    except Refusal as refusal:
        return _refused(request, refusal.message, refusal.status)
    messages.success(request, f"{membership.user} owns the team now. You are an editor.")
    return _back(request)


@member(Role.OWNER)
@require_POST
def invite(request: TeamRequest) -> HttpResponse:
    """The answer shows the link, unless it was mailed. No other page does."""
    form = InviteForm(request.POST)
    status, refused = 422, None
    if form.is_valid():
        asked = form.cleaned_data
        try:
            made = made_once(
                request,
                lambda: invitations.invite(
                    request.who,
                    role=Role(asked["role"]),
                    email=asked["email"],
                    days=asked["days"],
                    by_mail=bool(asked.get("mail")),
                ),
            )
        except Refusal as refusal:
            status = refusal.status
            show_refusal(form, refusal)
            refused = refusal
        else:
            if made is None:
                messages.warning(request, INVITED_ONCE)
                return _back(request)
            invitation, secret = made
            link, sent = delivered(request.who, invitation, secret, by_mail=bool(asked.get("mail")))
            new: dict[str, Any] = {"new_link": link, "new_invitation": invitation, "sent": sent}
            return people_page(request, **new)
    return with_retry_after(people_page(request, invite_form=form, status=status), refused)


@member(Role.OWNER)
@require_POST
def withdraw(request: TeamRequest, pk: int) -> HttpResponse:
    invitations.withdraw(request.who, fetch(Invitation, request.who, Role.OWNER, pk=pk))
    messages.success(request, "The invitation is withdrawn. Its link no longer works.")
    return _back(request)


@member(Role.VIEWER)
@require_http_methods(["GET", "POST"])
def account(request: TeamRequest) -> HttpResponse:
    """One's own name, and the teams that one is in."""
    form = OwnNameForm(initial={"name": request.who.user.name})
    status = 200
    if request.method == "POST":
        form, status = OwnNameForm(request.POST), 422
        if form.is_valid():
            try:
                actions.rename_person(request.who.user, **form.cleaned_data)
            except Refusal as refusal:
                show_refusal(form, refusal)
            else:
                messages.success(request, f"Others see you as {request.who.user} from now on.")
                return redirect("account", team=request.who.team.slug)
    context = {"form": form, "memberships": queries.memberships_of(request.who.user)}
    return render(request, "teams/account.html", context, status=status)


@signed_in
@require_http_methods(["GET", "POST"])
def new_team(request: HttpRequest) -> HttpResponse:
    form, status = NewTeamForm(), 200
    if request.method == "POST":
        form, status = NewTeamForm(request.POST), 422
        if form.is_valid():
            try:
                origin = origin_of(request)
                team = actions.make_team(request.user, **form.cleaned_data, origin=origin)  # type: ignore[arg-type]
            except Refusal as refusal:
                show_refusal(form, refusal)
                page = render(request, "teams/new_team.html", {"form": form}, status=refusal.status)
                return with_retry_after(page, refusal)
            messages.success(request, f"The team {team} is yours. Invite others here.")
            return redirect("people", team=team.slug)
    return render(request, "teams/new_team.html", {"form": form}, status=status)


def _refused(request: TeamRequest, message: str, status: int) -> HttpResponse:
    return people_page(request, refused=message, status=status)


def _back(request: TeamRequest) -> HttpResponse:
    return redirect("people", team=request.who.team.slug)
