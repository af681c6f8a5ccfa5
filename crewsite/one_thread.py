"""Keeps a request on one thread, in every middleware and in the view if that is not async.

This middleware is the innermost and sync only, so Django runs those around it as sync functions too. Else it would
run each half of each one on a thread and return to the event loop in between, which takes longer than they do.
"""

from __future__ import annotations

from collections.abc import Callable

from django.http import HttpRequest, HttpResponseBase
from django.utils.decorators import sync_only_middleware

GetResponse = Callable[[HttpRequest], HttpResponseBase]


@sync_only_middleware
def one_thread(get_response: GetResponse) -> GetResponse:
    return get_response
