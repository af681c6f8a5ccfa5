"""The page of API tokens: fetch through the gate, call one action, render."""

from __future__ import annotations

from django.contrib import messages
from django.http import HttpResponse
from django.shortcuts import redirect, render
from django.utils import timezone
from django.views.decorators.http import require_http_methods, require_POST

from teams import actions, queries
from teams.access import TeamRequest, fetch, member
from teams.forms import TokenForm
from teams.models import ApiToken, Role
from teams.once import form_once
from teams.signin.fresh import proof_before, proven


@member(Role.VIEWER)
@proven("tokens")
@form_once(shows_once="token", page="tokens")
@require_http_methods(["GET", "POST"])
def tokens(request: TeamRequest) -> HttpResponse:
    """The answer to a POST shows the new token's secret. No other page does."""
    if request.method == "GET":
        return _page(request, TokenForm(role=request.who.role))
    form = TokenForm(request.POST, role=request.who.role)
    if not form.is_valid():
        return _page(request, form, status=422)
    _, secret = actions.issue_token(request.who, **form.order())
    return _page(request, TokenForm(role=request.who.role), new_token=secret)


@member(Role.VIEWER)
@require_POST
def revoke_token(request: TeamRequest, pk: int) -> HttpResponse:
    actions.revoke_token(request.who, fetch(ApiToken, request.who, pk=pk))
    messages.success(request, "The token no longer works.")
    return redirect("tokens", team=request.who.team.slug)


def _page(request: TeamRequest, form: TokenForm, *, new_token: str = "", status: int = 200) -> HttpResponse:
    context = {
        "tokens": queries.live_tokens(request.who),
        "token_form": form,
        "new_token": new_token,
        "prove": proof_before(request, "tokens"),
        "now": timezone.now(),
    }
    return render(request, "teams/tokens.html", context, status=status)
