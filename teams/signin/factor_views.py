"""Pages of the second step, of passkeys, and of proving again who one is."""

from __future__ import annotations

from typing import Any

from allauth.account.internal.flows.reauthenticate_by_code import ConfirmReauthenticationCodeProcess
from allauth.account.internal.flows.reauthentication import reauthenticate_by_password
from allauth.account.internal.stagekit import clear_login
from allauth.account.models import Login
from allauth.mfa.base.views import AuthenticateView
from allauth.mfa.models import Authenticator
from allauth.mfa.webauthn.internal import auth
from allauth.mfa.webauthn.internal.flows import perform_passwordless_login
from allauth.mfa.webauthn.views import LoginWebAuthnView
from django import forms
from django.conf import settings
from django.contrib import messages
from django.http import HttpRequest, HttpResponse, HttpResponseRedirect
from django.shortcuts import redirect, render
from django.urls import reverse
from django.views.decorators.http import require_http_methods, require_POST

from teams.access import SECOND_STEPS, public, signed_in
from teams.guessing.address import client_address
from teams.guessing.tries import Tally, count
from teams.models import User
from teams.queries import has_second_step
from teams.signin.adapter import is_own
from teams.signin.code_forms import EnterCodeForm
from teams.signin.forms import AgainPasswordForm
from teams.signin.limited import limited, needs_mail
from teams.signin.limits import BEGUN, CODES_ASKED, tallies_of
from teams.signin.on_the_way import SECOND_STEP, still_as_begun
from teams.signin.second_factor import AgainCodeForm, AgainPasskeyForm, PasskeyForm, SignInPasskeyForm
from teams.signin.sessions import renew

BY_CODE = (Authenticator.Type.TOTP, Authenticator.Type.RECOVERY_CODES)


class SecondStep(AuthenticateView):
    """After a password or a mailed code, where the account has a passkey or an app."""

    template_name = "teams/signin/second.html"

    def _build_forms(self) -> Any:
        """As allauth does it, with a form of ours for passkeys."""
        user = self.stage.login.user
        posts_code = "code" in self.request.POST
        data = self.request.POST if self.request.method == "POST" else None
        self.auth_form = self.get_form_class()(user=user, data=data if posts_code else None)
        self.webauthn_form = PasskeyForm(user=user, data=None if posts_code else data)
        return self.auth_form if posts_code else self.webauthn_form

    def form_valid(self, form: Any) -> HttpResponse:
        """Not if the first step was by a password that is another one by now."""
        if not still_as_begun(self.request, SECOND_STEP, self.stage.login.user):
            clear_login(self.request)
            return redirect("signin")
        response: HttpResponse = super().form_valid(form)
        return response

    def get_context_data(self, **kwargs: Any) -> dict[str, Any]:
        passkeys = Authenticator.objects.filter(user=self.stage.login.user, type=Authenticator.Type.WEBAUTHN)
        context: dict[str, Any] = super().get_context_data(**kwargs)
        return context | {"has_passkey": passkeys.exists()}


second_step = public("a session knows whose first step was done")(limited(SecondStep.as_view()))


class SignInByPasskey(LoginWebAuthnView):
    form_class = SignInPasskeyForm

    def get(self, request: HttpRequest, *args: Any, **kwargs: Any) -> HttpResponse:
        count(Tally(BEGUN, client_address(request)))
        response: HttpResponse = super().get(request, *args, **kwargs)
        return response

    def get_success_url(self) -> str:
        """Where who is signed in already is led."""
        return way_back(self.request)

    def form_valid(self, form: Any) -> HttpResponse:
        passkey = form.cleaned_data["credential"]
        login = Login(user=passkey.user, redirect_url=way_back(self.request))
        response: HttpResponse = perform_passwordless_login(self.request, passkey, login)
        return response

    def form_invalid(self, form: Any) -> HttpResponse:
        for complaint in form.errors.get("credential", ()):
            messages.error(self.request, complaint)
        return redirect("signin")


signin_passkey = public("who is not signed in must be able to")(limited(SignInByPasskey.as_view()))


@signed_in
@limited
@require_http_methods(["GET", "POST"])
def again(request: HttpRequest) -> HttpResponse:
    """Asks a person who is signed in to prove who they are once more, by a password; not who has more than that."""
    user: User = request.user  # type: ignore[assignment]
    if request.method == "POST" and has_second_step(user):
        return _again_page(request)
    form = AgainPasswordForm(user, request.POST if request.method == "POST" else None)
    if request.method == "POST" and user.has_usable_password() and form.is_valid():
        reauthenticate_by_password(request)
        renew(request)
        return HttpResponseRedirect(way_back(request))
    return _again_page(request, password=form)


@signed_in
@limited
@require_POST
def again_by_code(request: HttpRequest) -> HttpResponse:
    form = AgainCodeForm(request.POST, user=request.user)
    if form.is_valid():
        form.save()
        renew(request)
        return HttpResponseRedirect(way_back(request))
    return _again_page(request, code=form)


@signed_in
@limited
@require_POST
def again_by_passkey(request: HttpRequest) -> HttpResponse:
    form = AgainPasskeyForm(request.POST, user=request.user)
    if form.is_valid():
        form.save()
        renew(request)
        return HttpResponseRedirect(way_back(request))
    messages.error(request, "This passkey could not be used.")
    return _again_page(request)


@signed_in
@needs_mail
@limited
@require_POST
def again_by_mail(request: HttpRequest) -> HttpResponse:
    """By a mailed code, for who has neither password, passkey nor app: for others it would be less than they have."""
    user: User = request.user  # type: ignore[assignment]
    if user.has_usable_password() or Authenticator.objects.filter(user=user).exists():
        return _again_page(request)
    if "code" not in request.POST:
        count(*tallies_of(request, user.email, CODES_ASKED))
        ConfirmReauthenticationCodeProcess.initiate(request=request, user=user, email=user.email)
        return _again_page(request, mailed=EnterCodeForm(email=user.email))
    process = ConfirmReauthenticationCodeProcess.resume(request)
    if process is None or process.state.get("email") != user.email:
        return _again_page(request)
    form = EnterCodeForm(request.POST, code=process.code, email=user.email)
    if form.is_valid():
        process.finish()
        renew(request)
        return HttpResponseRedirect(way_back(request))
    return _again_page(request, mailed=form if process.record_invalid_attempt() else None)


def way_back(request: HttpRequest) -> str:
    """Where ``next`` leads, if that is one of our own pages; else home."""
    wanted = request.POST.get("next") or request.GET.get("next") or ""
    return wanted if is_own(request, wanted) else reverse("home")


def _again_page(
    request: HttpRequest,
    *,
    password: forms.Form | None = None,
    code: forms.Form | None = None,
    mailed: forms.Form | None = None,
) -> HttpResponse:
    user: User = request.user  # type: ignore[assignment]
    kinds = set(Authenticator.objects.filter(user=user).values_list("type", flat=True))
    ways: dict[str, Any] = {}
    context: dict[str, Any] = {"ways": ways, "next": way_back(request), "mailed": mailed}
    if user.has_usable_password() and not kinds & set(SECOND_STEPS):
        ways["password"] = password or AgainPasswordForm(user)
    if kinds & set(BY_CODE):
        ways["code"] = code or AgainCodeForm(user=user)
    if Authenticator.Type.WEBAUTHN in kinds:
        ways["passkey"] = True
        context["request_options"] = auth.begin_authentication(user)
    context["can_mail"] = settings.EMAIL_READY and not ways
    status = 422 if any(form is not None and form.errors for form in (password, code, mailed)) else 200
    return render(request, "teams/signin/again.html", context, status=status)
