"""The page of a team's people, which several verbs answer with."""

from __future__ import annotations

from django.http import HttpResponse
from django.shortcuts import render

from teams import queries
from teams.access import TeamRequest
from teams.invitations.forms import InviteForm
from teams.models import Role
from teams.people.forms import TeamNameForm
from teams.signin.fresh import proof_before


def people_page(
    request: TeamRequest,
    *,
    name_form: TeamNameForm | None = None,
    invite_form: InviteForm | None = None,
    status: int = 200,
    **extra: object,
) -> HttpResponse:
    """``extra`` adds to its context. Invitations are for owners' eyes."""
    who = request.who
    context = {
        "members": queries.people(who),
        "roles": Role.choices,
        "prove": proof_before(request, "people") if who.can_own else "",
        "invitations": queries.open_invitations(who) if who.can_own else [],
        "name_form": name_form or TeamNameForm(initial={"name": who.team.name}),
        "invite_form": invite_form or InviteForm(),
    }
    return render(request, "teams/people.html", context | extra, status=status)
