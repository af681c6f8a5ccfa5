"""The page of a team's programs, for owners: fetch through the gate, call one action, render."""

from __future__ import annotations

from typing import Any

from django.contrib import messages
from django.http import HttpResponse
from django.shortcuts import redirect, render
from django.views.decorators.http import require_http_methods, require_POST

from teams import queries
from teams.access import TeamRequest, fetch, member
from teams.actions import issue_token
from teams.forms import TokenForm, show_refusal
from teams.models import Membership, Role
from teams.once import form_once
from teams.people.actions import change_role
from teams.people.forms import RoleForm
from teams.programs import actions
from teams.programs.forms import ProgramForm
from teams.refusals import Refusal
from teams.signin.fresh import proof_before, proven


@member(Role.OWNER)
@require_http_methods(["GET", "POST"])
def programs(request: TeamRequest) -> HttpResponse:
    if request.method == "GET":
        return _page(request)
    form, status = ProgramForm(request.POST), 422
    if form.is_valid():
        try:
            made = actions.make_program(request.who, **form.cleaned_data)
        except Refusal as refusal:
            status = refusal.status
            show_refusal(form, refusal)
        else:
            messages.success(request, f"{made.user} is made. Make a token, by which it acts.")
            return redirect("programs", team=request.who.team.slug)
    return _page(request, form=form, status=status)


@member(Role.OWNER)
@proven("programs")
@form_once(shows_once="token", page="programs")
@require_POST
def program_token(request: TeamRequest, pk: int) -> HttpResponse:
    """The answer shows the new token's secret. No other page does."""
    program = _program(request, pk)
    form = _token_form(program, request.POST)
    if not form.is_valid():
        return _page(request, token_forms={program.pk: form}, status=422)
    try:
        _, secret = issue_token(request.who, **form.order(), program=program)
    except Refusal as refusal:
        show_refusal(form, refusal)
        return _page(request, token_forms={program.pk: form}, status=refusal.status)
    return _page(request, new_token=secret, new_for=program.user)


@member(Role.OWNER)
@require_POST
def program_role(request: TeamRequest, pk: int) -> HttpResponse:
    program, form = _program(request, pk), RoleForm(request.POST)
    if not form.is_valid():
        return _page(request, refused="Choose a role.", status=422)
    try:
        changed = change_role(request.who, program, role=Role(form.cleaned_data["role"]))
    except Refusal as refusal:
        return _page(request, refused=refusal.message, status=refusal.status)
    messages.success(request, f"{program.user} is {changed.get_role_display()} from now on.")
    return redirect("programs", team=request.who.team.slug)


def _program(request: TeamRequest, pk: int) -> Membership:
    return fetch(Membership, request.who, Role.OWNER, related=("user",), pk=pk, user__is_program=True)


def _token_form(program: Membership, typed: Any = None) -> TokenForm:
    return TokenForm(typed, role=Role(program.role), auto_id=f"id_program_{program.pk}_%s")


def _page(
    request: TeamRequest,
    *,
    form: ProgramForm | None = None,
    token_forms: dict[int, TokenForm] | None = None,
    status: int = 200,
    **extra: Any,
) -> HttpResponse:
    """``token_forms``: refused ones, by their program. ``extra`` adds to the context."""
    found = queries.programs(request.who)
    context = {
        "programs": [(program, (token_forms or {}).get(program.pk) or _token_form(program)) for program in found],
        "roles": [(role.value, role.label) for role in actions.ROLES],
        "form": form or ProgramForm(),
        "prove": proof_before(request, "programs"),
    }
    return render(request, "teams/programs.html", context | extra, status=status)
