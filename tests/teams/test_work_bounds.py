"""Time for queries and places for what is costly: what is too much is refused in words, and nothing else changes."""

from __future__ import annotations

import pytest
from django.db import OperationalError, connection

from teams.models import Team
from teams.refusals import Busy, Invalid
from teams.work_bounds import Places, SharedPlaces, query_time

pytestmark = pytest.mark.django_db


def sleep(seconds: float) -> None:
    with connection.cursor() as cursor:
        cursor.execute("SELECT pg_sleep(%s)", [seconds])


def timeout() -> str:
    with connection.cursor() as cursor:
        cursor.execute("SHOW statement_timeout")
        found: str = cursor.fetchone()[0]
    return found


def test_a_query_that_takes_too_long_is_refused_at_its_field_and_the_connection_goes_on() -> None:
    before = timeout()
    with pytest.raises(Invalid) as refused, query_time(0.05, "Ask for less.", field="q"):
        sleep(60)
    assert (refused.value.fields, refused.value.code) == ({"q": "Ask for less."}, "took_too_long")
    assert timeout() == before
    assert not Team.objects.exists()


@pytest.mark.parametrize("asks", [True, False])
def test_queries_share_the_time(asks: bool) -> None:
    naps = 0

    def nap_without_end() -> None:
        nonlocal naps
        with query_time(0.5, "Ask for less.", field="q") as go_on:
            while naps < 100:
                if asks:
                    go_on()
                sleep(0.1)
                naps += 1

    with pytest.raises(Invalid):
        nap_without_end()
    assert naps < 6


def test_within_it_the_time_is_as_before() -> None:
    before = timeout()
    with query_time(20, "Ask for less.", field="q"):
        assert timeout() not in (before, "0")
    assert timeout() == before


@pytest.mark.django_db(transaction=True)
def test_it_does_not_outlast_its_transaction() -> None:
    before = timeout()
    with query_time(20, "Ask for less.", field="q"):
        pass
    assert timeout() == before


def test_other_errors_stay_what_they_are() -> None:
    with pytest.raises(OperationalError, match="else"), query_time(20, "Ask for less.", field="q"):
        raise OperationalError("something else")


def test_places_are_free_again_whatever_happens() -> None:
    places = Places(1, "Too many at once.", patience_s=0.01)
    with pytest.raises(ZeroDivisionError), places.one():
        _ = 1 // 0
    with places.one(), pytest.raises(Busy, match="Too many at once"), places.one():
        pass
    with places.one():
        pass


def test_shared_places_are_bounded_in_all_and_by_team_and_freed_once() -> None:
    places = SharedPlaces(3, "Full.", each=2, busy_each="Two are yours.")
    one, other = places.take(1), places.take(1)
    with pytest.raises(Busy, match="yours"):
        places.take(1)
    places.take(2)
    with pytest.raises(Busy, match="Full"):
        places.take(3)
    one()
    one()
    assert places.take(3)
    with pytest.raises(Busy, match="Full"):
        places.take(1)
    other()
    assert places.take(1)
