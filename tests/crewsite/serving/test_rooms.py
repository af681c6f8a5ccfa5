"""Which room a request waits in, and that all rooms' threads together find connections."""

from __future__ import annotations

from uuid import UUID

import pytest
from django.conf import settings
from django.urls import reverse

from crewsite.serving import caller, pages
from runs.live import looks, watchman

RUN, BATCH = {"run_id": UUID(int=7)}, {"batch_id": UUID(int=7)}


@pytest.mark.parametrize(
    ("path", "kind"),
    [
        (reverse("run_events", kwargs={"team": "acme"} | RUN), "stream"),
        (reverse("api:run_events", kwargs=RUN), "stream"),
        (reverse("batch_events", kwargs={"team": "acme"} | BATCH), "stream"),
        (reverse("api:batch_events", kwargs=BATCH), "stream"),
        (reverse("crew", kwargs={"team": "acme", "slug": "events"}), "page"),
        ("/x/events", "page"),
        ("/events/", "page"),
        (reverse("signin"), "signin"),
        (reverse("signin_link", args=["secret"]), "page"),
        ("/health/live", "machine"),
        ("/no/such/page", "page"),
        ("/" + "a/" * 4000, "page"),
    ],
)
def test_a_request_waits_with_others_for_the_same_view(path: str, kind: str) -> None:
    assert pages.kind_of(path) == kind


def test_who_finds_no_room_to_sign_in_wakes_no_operator() -> None:
    refusal = pages.Shed.of("signin")
    assert (refusal.status, refusal.retry_after_s > 0) == (429, True)
    assert pages.Shed.of("page").status == 503


def test_all_threads_together_find_connections() -> None:
    rooms = (pages.PAGE_BOUNDS, pages.OPENING_BOUNDS, pages.SIGN_IN_BOUNDS)
    others = (caller._threads, looks._threads, watchman._thread)
    threads = sum(bounds.at_work for bounds in rooms) + sum(pool._max_workers for pool in others)
    assert threads <= settings.WEB_CONNECTIONS
