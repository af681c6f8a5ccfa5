"""What no view has to look out for: NULs in addresses and heads, and requests in other encodings than UTF-8.

PostgreSQL keeps no NUL, so a lookup by one fails instead of finding nothing. Bodies are the business of whoever reads
them: forms refuse NULs by themselves, JSON is read by ``engine.strict_json``.
"""

from __future__ import annotations

import codecs
from collections.abc import Callable, Iterator

from django.core.exceptions import BadRequest
from django.http import Http404, HttpRequest, HttpResponseBase

GetResponse = Callable[[HttpRequest], HttpResponseBase]

NUL = "\x00"


class Unclean(BadRequest):
    """The request cannot be answered, whatever it asks for; the text tells people why."""


def clean_request(get_response: GetResponse) -> GetResponse:
    """Refuses such requests with 404 where the path itself is at fault, else with 400."""

    def answer(request: HttpRequest) -> HttpResponseBase:
        if NUL in request.path_info:
            raise Http404
        if request.encoding is not None and not _is_utf8(request.encoding):
            raise Unclean("Send the request in UTF-8.")
        if any(NUL in text for text in _texts(request)):
            raise Unclean("The address or a header holds a NUL character. Remove it.")
        return get_response(request)

    return answer


def _texts(request: HttpRequest) -> Iterator[str]:
    for name, values in request.GET.lists():
        yield from (name, *values)
    yield from request.COOKIES.values()
    yield from (text for name, text in request.META.items() if name.startswith("HTTP_"))


def _is_utf8(encoding: str) -> bool:
    return codecs.lookup(encoding).name in ("utf-8", "ascii")  # Django ignores names that Python does not know
