"""The pages of one's own account: how one signs in, where, and the account's end."""

from __future__ import annotations

from typing import Any

from allauth.account.internal.flows import manage_email
from allauth.account.views import ConfirmEmailVerificationCodeView
from allauth.mfa.models import Authenticator
from allauth.socialaccount.models import SocialAccount
from django.conf import settings
from django.contrib import messages
from django.contrib.auth import logout
from django.http import Http404, HttpRequest, HttpResponse
from django.shortcuts import redirect, render
from django.views.decorators.http import require_GET, require_http_methods, require_POST

from teams import queries
from teams.access import SECOND_STEPS, origin_of, signed_in
from teams.account import actions
from teams.account.forms import NewAddressForm, OwnPasswordForm
from teams.forms import show_refusal
from teams.guessing import tries
from teams.models import User
from teams.refusals import Refusal, with_retry_after
from teams.signin import mail
from teams.signin.adapter import keep_address
from teams.signin.code_forms import ConfirmAddressForm
from teams.signin.fresh import fresh
from teams.signin.limited import limited, needs_mail
from teams.signin.limits import CODES_ASKED, tallies_of
from teams.signin.sessions import end_other_sessions, end_session, sessions_of
from teams.signin.social import name_of, providers

Kind = Authenticator.Type


@signed_in
@require_GET
def signing_in(request: HttpRequest) -> HttpResponse:
    return _page(request, NewAddressForm(_user(request)))


@signed_in
@require_GET
def second_step_wanted(request: HttpRequest, team: str) -> HttpResponse:
    """What a member of a team that demands a second step sees of it as long as they have none."""
    user = _user(request)
    wanting = queries.teams_of(user).filter(slug=team).first()
    if wanting is None:
        raise Http404("No such team.")
    if not wanting.wants_second_step or queries.has_second_step(user):
        return redirect("first_page", team=team)
    return render(request, "teams/account/second_step.html", {"team": wanting})


@fresh
@limited
@require_http_methods(["GET", "POST"])
def password(request: HttpRequest) -> HttpResponse:
    """Another password, or a first one. It ends all other sessions."""
    user, form, status = _user(request), OwnPasswordForm(request.POST or None), 200
    if request.method == "POST":
        status = 422
        if form.is_valid():
            had_one = user.has_usable_password()
            try:
                actions.set_password(user, **form.cleaned_data)
            except Refusal as refusal:
                status = refusal.status
                show_refusal(form, refusal)
            else:
                end_other_sessions(request, user)
                mail.tell(f"account/email/password_{'changed' if had_one else 'set'}", user.email)
                messages.success(request, "The password is kept. All other sessions were ended.")
                return redirect("mfa_index")
    return render(request, "teams/account/password.html", {"form": form}, status=status)


@fresh
@limited
@needs_mail
@require_POST
def change_email(request: HttpRequest) -> HttpResponse:
    """Mails a code to the new address. Nothing is changed yet, and nothing tells whether somebody else has it."""
    user = _user(request)
    keep_address(user)
    form = NewAddressForm(user, request.POST)
    if not form.is_valid():
        return _page(request, form, status=422)
    tries.count(*tallies_of(request, form.cleaned_data["email"], CODES_ASKED))
    manage_email.add_email(request, form)
    return redirect("account_email_verification_sent")


class ConfirmEmail(ConfirmEmailVerificationCodeView):
    """The code that was mailed to a new address. Once it fits, the address is changed and all other sessions end."""

    template_name = "teams/account/confirm_email.html"

    def get_form_class(self) -> type[ConfirmAddressForm]:
        return ConfirmAddressForm

    @property
    def _action(self) -> str:
        return "verify"

    def _verify_form_valid(self, form: Any) -> HttpResponse:
        response: HttpResponse = super()._verify_form_valid(form)
        user = User.objects.get(pk=self.request.user.pk)
        end_other_sessions(self.request, user)
        return response


confirm_email = fresh(needs_mail(limited(ConfirmEmail.as_view())))


@signed_in
@require_POST
def end_others(request: HttpRequest) -> HttpResponse:
    end_other_sessions(request, _user(request))
    messages.success(request, "All other sessions were ended.")
    return redirect("mfa_index")


@signed_in
@require_POST
def end_one(request: HttpRequest, pk: int) -> HttpResponse:
    if not end_session(_user(request), pk):
        raise Http404("No such session.")
    messages.success(request, "That session was ended.")
    return redirect("mfa_index")


@fresh
@require_http_methods(["GET", "POST"])
def close(request: HttpRequest) -> HttpResponse:
    user, refusal = _user(request), None
    if request.method == "POST":
        email = user.email
        try:
            actions.close_account(user, origin=origin_of(request))
        except Refusal as why:
            refusal = why
        else:
            mail.tell("account/email/closed", email)
            logout(request)
            messages.success(request, f"The account {email} is closed.")
            return redirect("signin")
    found = actions.leaving(user)
    context = {
        "leaves": found.leaves,
        "left_alone": found.left_alone,
        "in_the_way": found.in_the_way,
        "refused": refusal.message if refusal else "",
    }
    page = render(request, "teams/account/close.html", context, status=refusal.status if refusal else 200)
    return with_retry_after(page, refusal)


def _user(request: HttpRequest) -> User:
    user = request.user
    assert isinstance(user, User)  # the decorators have looked
    return user


def _page(request: HttpRequest, form: NewAddressForm, *, status: int = 200) -> HttpResponse:
    user = _user(request)
    kept = list(Authenticator.objects.filter(user=user).order_by("created_at"))
    codes = next((one for one in kept if one.type == Kind.RECOVERY_CODES), None)
    accounts = SocialAccount.objects.filter(user=user).order_by("date_joined")
    context = {
        "email_form": form,
        "mail_ready": settings.EMAIL_READY,
        "passkeys": [_passkey(one) for one in kept if one.type == Kind.WEBAUTHN],
        "app": next((one for one in kept if one.type == Kind.TOTP), None),
        "codes_left": None if codes is None else len(codes.wrap().get_unused_codes()),
        "connected": [{"pk": one.pk, "name": name_of(one), "since": one.date_joined} for one in accounts],
        "providers": providers(),
        "sessions": sessions_of(request),
        "wanting": queries.teams_that_want_a_second_step(user),
        "has_step": any(one.type in SECOND_STEPS for one in kept),
    }
    return render(request, "teams/account/signing_in.html", context, status=status)


def _passkey(one: Authenticator) -> dict[str, Any]:
    return {"pk": one.pk, "name": one.wrap().name, "created_at": one.created_at, "last_used_at": one.last_used_at}
