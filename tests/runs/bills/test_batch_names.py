"""Batches of a bill that are called alike are told apart."""

from __future__ import annotations

import pytest

from agents_app.models import Crew
from runs.bills.values import Names
from tests.cast import Cast
from tests.runs.batches.made import make_batch

pytestmark = pytest.mark.django_db


def test_batches_of_the_same_name_say_when_they_were_launched(cast: Cast, crew: Crew) -> None:
    first, second, other = (make_batch(cast.runner, crew, name=name) for name in ("Leads", "Leads", "Towns"))
    names = Names(cast.viewer, ("batch",), [(one.pk,) for one in (first, second, other)])
    assert names.of((first.pk,))[0].name == f"Leads, {first.created_at:%Y-%m-%d %H:%M:%S}"
    assert names.of((other.pk,))[0].name == "Towns"
    alone = Names(cast.viewer, ("batch",), [(second.pk,)])
    assert alone.of((second.pk,))[0].name == "Leads"
