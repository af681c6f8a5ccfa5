"""People who arrive by a link from another site are signed in all the same, although our cookies are strict.

A browser leaves SameSite=Strict cookies out of a navigation that began elsewhere (a chat, a mail). Such a request is
answered by a page that goes to the same address again; that second request began here, and the cookies come with it.
"""

from __future__ import annotations

from django.conf import settings
from django.http import HttpRequest, HttpResponse
from django.utils.deprecation import MiddlewareMixin
from django.utils.html import format_html

PAGE = '<!doctype html><title>Crewsite</title><meta http-equiv="refresh" content="0;url={0}"><a href="{0}">Continue</a>'
FROM_ELSEWHERE = {"Sec-Fetch-Site": "cross-site", "Sec-Fetch-Mode": "navigate", "Sec-Fetch-Dest": "document"}


class ArrivalMiddleware(MiddlewareMixin):
    def process_request(self, request: HttpRequest) -> HttpResponse | None:
        from_elsewhere = all(request.headers.get(name) == value for name, value in FROM_ELSEWHERE.items())
        if request.method != "GET" or not from_elsewhere or settings.SESSION_COOKIE_NAME in request.COOKIES:
            return None
        return HttpResponse(format_html(PAGE, request.get_full_path()), headers={"Cache-Control": "no-store"})
