"""Keeps a request on one thread: every middleware, and the view if it is an ordinary function.

As the innermost one it makes all around it ordinary functions too. Else Django would run each half of each middleware
on a thread and come back to the event loop in between, which takes longer than the middlewares themselves.
"""

from __future__ import annotations

from collections.abc import Callable

from django.http import HttpRequest, HttpResponseBase
from django.utils.decorators import sync_only_middleware

GetResponse = Callable[[HttpRequest], HttpResponseBase]


@sync_only_middleware
def one_thread(get_response: GetResponse) -> GetResponse:
    return get_response
