"""Pages of mailed codes: to sign in, and to choose a new password. They say and do the same for addresses without an
account, but for the mail.
"""

from __future__ import annotations

from typing import Any

from allauth.account.views import (
    CompletePasswordResetView,
    ConfirmLoginCodeView,
    ConfirmPasswordResetCodeView,
    PasswordResetView,
    RequestLoginCodeView,
)
from django.http import HttpResponse
from django.shortcuts import redirect
from django.urls import reverse_lazy

from teams.access import public
from teams.signin.code_forms import AskCodeForm, ChoosePasswordForm, EnterCodeForm, EnterResetCodeForm, ForgotForm
from teams.signin.limited import limited, needs_mail

BY_MAIL = public("who is not signed in must be able to")


class AskCode(RequestLoginCodeView):
    template_name = "teams/signin/ask_code.html"

    def get_form_class(self) -> type[AskCodeForm]:
        return AskCodeForm


class OfOneAddress:
    """A code goes for the account that has the address now, whoever had it when the code was mailed."""

    _process: Any

    def get_form_kwargs(self) -> dict[str, Any]:
        options: dict[str, Any] = super().get_form_kwargs()  # type: ignore[misc]
        person, email = self._process.user, self._process.state["email"]
        fits = person is not None and person.may_sign_in and person.email == email.lower()
        return options | {"code": self._process.code if fits else "", "email": email}


class EnterCode(OfOneAddress, ConfirmLoginCodeView):
    template_name = "teams/signin/enter_code.html"

    def get_form_class(self) -> type[EnterCodeForm]:
        return EnterCodeForm

    @property
    def _action(self) -> str:
        return "verify"


class Forgot(PasswordResetView):
    template_name = "teams/signin/forgot.html"

    def get_form_class(self) -> type[ForgotForm]:
        return ForgotForm


class EnterResetCode(OfOneAddress, ConfirmPasswordResetCodeView):
    template_name = "teams/signin/enter_code.html"
    extra_context = {"go": "Go on"}

    def get_form_class(self) -> type[EnterResetCodeForm]:
        return EnterResetCodeForm


class ChoosePassword(CompletePasswordResetView):
    template_name = "teams/signin/choose_password.html"
    success_url = reverse_lazy("signin")

    def get_form_class(self) -> type[ChoosePasswordForm]:
        return ChoosePasswordForm

    def form_valid(self, form: Any) -> HttpResponse:
        """Not for an account that has another address by now, or was closed."""
        person = self._process.user
        if person is None or not person.may_sign_in or person.email != self._process.state["email"].lower():
            self._process.abort()
            return redirect("account_reset_password")
        response: HttpResponse = super().form_valid(form)
        return response


ask_code = BY_MAIL(needs_mail(limited(AskCode.as_view())))
enter_code = public("a session knows for which address a code was asked")(needs_mail(limited(EnterCode.as_view())))
forgot = BY_MAIL(needs_mail(limited(Forgot.as_view())))
enter_reset_code = public("a session knows for which address a code was asked")(
    needs_mail(limited(EnterResetCode.as_view()))
)
choose_password = public("a session knows that its code was entered")(needs_mail(limited(ChoosePassword.as_view())))
