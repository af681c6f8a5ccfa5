"""Pages of signing in and out."""

from __future__ import annotations

from typing import Any

from allauth.account.internal.flows.login import record_authentication
from allauth.account.utils import perform_login
from allauth.usersessions.models import UserSession
from django.conf import settings
from django.contrib.auth import login, logout
from django.contrib.auth.views import LoginView
from django.http import HttpRequest, HttpResponse
from django.shortcuts import redirect, render
from django.views.decorators.http import require_http_methods, require_POST

from teams import actions
from teams.access import public, signed_in
from teams.guessing.tries import WRONG_LINKS, TooManyTries, count_wrong_secret
from teams.models import User
from teams.refusals import TooMany, with_retry_after
from teams.signin.adapter import keep_address
from teams.signin.forms import SignInForm
from teams.signin.known_browser import remember
from teams.signin.social import providers

BACKEND = "allauth.account.auth_backends.AuthenticationBackend"


class SignIn(LoginView):
    """By password. A refusal says the same, as late, whether there is such an account or not."""

    template_name = "teams/signin.html"
    form_class = SignInForm  # type: ignore[assignment]
    redirect_authenticated_user = True

    def post(self, request: HttpRequest, *args: Any, **kwargs: Any) -> HttpResponse:
        try:
            return super().post(request, *args, **kwargs)
        except TooMany as refusal:
            form = SignInForm(request, initial={"username": request.POST.get("username", "")[:254]})
            context = self.get_context_data(form=form, refusal=refusal)
            return with_retry_after(render(request, self.template_name, context, status=refusal.status), refusal)

    def form_valid(self, form: Any) -> HttpResponse:
        """Goes on with whatever else the account asks for."""
        email = form.cleaned_data["username"]
        record_authentication(self.request, form.user, method="password", email=email)
        return perform_login(self.request, form.user, redirect_url=self.get_redirect_url() or None, email=email)

    def get_context_data(self, **kwargs: Any) -> dict[str, Any]:
        more = {"providers": providers(), "mail_ready": settings.EMAIL_READY}
        return super().get_context_data(**kwargs) | more


signin = public("who is not signed in must be able to")(SignIn.as_view())


@public("the link itself is the proof")
@require_http_methods(["GET", "HEAD", "POST"])
def signin_link(request: HttpRequest, secret: str) -> HttpResponse:
    """Signs in on GET: the link comes from a terminal, where nothing fetches it in advance. HEAD does not use it up.

    Who is signed in as somebody else is asked first, because whoever sent the link may mean them to work, unnoticed, in
    an account that is not theirs.
    """
    if request.META["REQUEST_METHOD"] == "HEAD":
        return HttpResponse()
    person = actions.person_of_signin_link(secret)
    if person is None:
        return _useless_link(request)
    if request.method == "GET" and request.user.is_authenticated and request.user != person:
        return render(request, "teams/signin_link_other.html", {"person": person})
    user = actions.use_signin_link(secret)
    return _useless_link(request) if user is None else _signed_in(request, user)


@signed_in
@require_POST
def signout(request: HttpRequest) -> HttpResponse:
    logout(request)
    return redirect("signin")


def sign_in_directly(request: HttpRequest, user: User, *, method: str) -> None:
    """Without a second factor: by what an operator made, or by the account that was made just now."""
    keep_address(user)
    login(request, user, backend=BACKEND)
    record_authentication(request, user, method=method)
    UserSession.objects.create_from_request(request)


def _signed_in(request: HttpRequest, user: User) -> HttpResponse:
    sign_in_directly(request, user, method="link")
    response = redirect("home")
    remember(request, response, user)
    return response


def _useless_link(request: HttpRequest) -> HttpResponse:
    try:
        count_wrong_secret(request, WRONG_LINKS)
    except TooManyTries as refusal:
        page = render(request, "teams/signin_link_used.html", {"refusal": refusal}, status=refusal.status)
        return with_retry_after(page, refusal)
    if request.user.is_authenticated:
        return redirect("home")
    return render(request, "teams/signin_link_used.html", status=410)
