"""The answer whose body is a file of rows, written while it is read."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from typing import Any

from django.http import HttpResponse, HttpResponseBase, StreamingHttpResponse

from runs.export.formats import Format
from runs.export.sending import PLACES, send
from teams.access import Principal, TeamRequest
from teams.refusals import Refusal, with_retry_after
from teams.rights import Right, right_of_session


def file_of(
    request: TeamRequest, begin: Callable[[], Iterator[list[Any]]], form: Format, name: str
) -> HttpResponseBase:
    """What a page gives: ``file_for`` whoever is signed in."""
    return file_for(request.who, right_of_session(request), begin, form, name)


def file_for(
    who: Principal, right: Right, begin: Callable[[], Iterator[list[Any]]], form: Format, name: str
) -> StreamingHttpResponse:
    """The file of the rows that ``begin`` gives some at a time. Its name has no quotes, and no ending. It is broken off
    once the right is lost.

    ``Refusal`` is raised where too many files are being written, or the rows cannot be read.
    """
    free = PLACES.take(who.team.pk)
    try:
        text = send(begin(), form, right, free)
    except BaseException:
        free()
        raise
    response = StreamingHttpResponse(text, content_type=form.content_type)
    response["Content-Disposition"] = f'attachment; filename="{name}.{form.suffix}"'
    return response


def file_or_refusal(
    request: TeamRequest, begin: Callable[[], Iterator[list[Any]]], form: Format, name: str
) -> HttpResponseBase:
    """The same, with a refusal as plain text."""
    try:
        return file_of(request, begin, form, name)
    except Refusal as refusal:
        refused = HttpResponse(refusal.message, status=refusal.status, content_type="text/plain; charset=utf-8")
        return with_retry_after(refused, refusal)
