"""The pages of whoever opened an invitation's link.

A link's secret is proven once: then a signed cookie knows which invitation was opened, and the address is plain
``/join/``, so that the secret stands in no address that a browser tells others of.
"""

from __future__ import annotations

from django.contrib import messages
from django.http import HttpRequest, HttpResponse
from django.shortcuts import redirect, render
from django.views.decorators.http import require_http_methods, require_safe

from teams.access import origin_of, public
from teams.forms import show_refusal
from teams.guessing.tries import WRONG_LINKS, TooManyTries, count_wrong_secret
from teams.invitations import actions
from teams.invitations.forms import NewAccountForm
from teams.models import Invitation
from teams.refusals import Conflict, Refusal, TooMany, with_retry_after
from teams.signin.known_browser import remember
from teams.signin.views import sign_in_directly

OPENED = "invitation"
"""The signed cookie with the id of the invitation whose link was opened."""
OPENED_S = 3600
ANOTHER = "Another invitation was opened in this browser meanwhile. Look at what this page offers now, then accept it."


@public("the link itself is the proof")
@require_safe
def join_link(request: HttpRequest, secret: str) -> HttpResponse:
    """Opening a link does not use it up: programs look at links before people do."""
    invitation = actions.invitation_of(secret)
    if invitation is None:
        try:
            count_wrong_secret(request, WRONG_LINKS)
        except TooManyTries as refusal:
            return _useless(request, refusal)
        return _useless(request)
    response = redirect("join")
    secure = request.is_secure()
    response.set_signed_cookie(
        OPENED, str(invitation.pk), max_age=OPENED_S, secure=secure, httponly=True, samesite="Lax"
    )
    return response


@public("a signed cookie knows which link was opened")
@require_http_methods(["GET", "HEAD", "POST"])
def join(request: HttpRequest) -> HttpResponse:
    """Says what is offered; a POST accepts it, in one's own name or with a new account."""
    invitation = actions.still_open(request.get_signed_cookie(OPENED, "", max_age=OPENED_S))
    if invitation is None:
        return _useless(request)
    if request.method != "POST":
        return _page(request, invitation, NewAccountForm())
    form = NewAccountForm(request.POST)
    if request.POST.get("invitation") != str(invitation.pk):
        return _page(request, invitation, NewAccountForm(), status=409, refusal=Conflict(ANOTHER))
    if not request.user.is_authenticated and not form.is_valid():
        return _page(request, invitation, form, status=422)
    try:
        if request.user.is_authenticated:
            actions.accept(request.user, invitation, origin=origin_of(request))
        else:
            origin = origin_of(request)
            user = actions.accept_with_new_account(invitation, **form.cleaned_data, origin=origin)
            sign_in_directly(request, user, method="invitation")
    except Refusal as refusal:
        show_refusal(form, refusal)
        return _page(request, invitation, form, status=refusal.status, refusal=refusal)
    messages.success(request, f"You are in {invitation.team} now, as {invitation.get_role_display()}.")
    response = redirect("first_page", team=invitation.team.slug)
    response.delete_cookie(OPENED, samesite="Lax")
    remember(request, response, request.user)  # type: ignore[arg-type]
    return response


def _page(
    request: HttpRequest,
    invitation: Invitation,
    form: NewAccountForm,
    *,
    status: int = 200,
    refusal: Refusal | None = None,
) -> HttpResponse:
    for_another = request.user.is_authenticated and invitation.email not in ("", request.user.email)
    context = {"invitation": invitation, "form": form, "refusal": refusal, "for_another": for_another}
    if refusal is not None and not form.is_bound:
        context["refused"] = refusal.message
    return with_retry_after(render(request, "teams/join.html", context, status=status), refusal)


def _useless(request: HttpRequest, refusal: TooMany | None = None) -> HttpResponse:
    status = 410 if refusal is None else refusal.status
    return with_retry_after(render(request, "teams/join_useless.html", {"refusal": refusal}, status=status), refusal)
