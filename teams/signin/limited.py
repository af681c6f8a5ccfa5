"""Pages at which something is tried: who tried too often is told so, and when to come back."""

from __future__ import annotations

from functools import wraps
from typing import Any

from django.conf import settings
from django.http import Http404, HttpRequest, HttpResponseBase
from django.shortcuts import render

from teams.access import View
from teams.refusals import TooMany, with_retry_after


def limited(view: View) -> View:
    """Answers 429 in words where a form says that there were too many tries."""

    @wraps(view)
    def answer(request: HttpRequest, *args: Any, **kwargs: Any) -> HttpResponseBase:
        try:
            return view(request, *args, **kwargs)
        except TooMany as refusal:
            context = {"title": "Not now", "message": refusal.message, "back": request.get_full_path()}
            page = render(request, "teams/signin/refused.html", context, status=refusal.status)
            return with_retry_after(page, refusal)

    return answer


def needs_mail(view: View) -> View:
    """An address that there is where mail is set up."""

    @wraps(view)
    def answer(request: HttpRequest, *args: Any, **kwargs: Any) -> HttpResponseBase:
        if not settings.EMAIL_READY:
            raise Http404("Mail is not set up on this installation.")
        return view(request, *args, **kwargs)

    return answer
