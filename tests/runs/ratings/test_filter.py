"""``rating:`` finds the runs whose mean rating it names, exactly."""

from __future__ import annotations

import operator
from fractions import Fraction
from itertools import combinations_with_replacement

import pytest

from agents_app.models import Crew
from runs.history.filters import RunFilter
from runs.models import Run
from teams.refusals import Invalid
from tests.cast import Cast
from tests.ledger import make_run

pytestmark = pytest.mark.django_db

COMPARED = {">=": operator.ge, ">": operator.gt, "<=": operator.le, "<": operator.lt, "=": operator.eq, "": operator.ge}


def means(q: str) -> list[Fraction | None]:
    rows = RunFilter.parse(q).apply(Run.objects.all()).values_list("rating_sum", "rating_count")
    return sorted((Fraction(stars, count) if count else None for stars, count in rows), key=lambda mean: mean or 0)


@pytest.fixture
def rated(cast: Cast, crew: Crew) -> list[Fraction]:
    """All means of up to three ratings, and a run without any."""
    found = []
    for count in range(4):
        for stars in combinations_with_replacement(range(1, 6), count):
            make_run(cast.owner, crew, rating_sum=sum(stars), rating_count=count)
            found += [Fraction(sum(stars), count)] if count else []
    return sorted(found)


def test_means_are_compared_exactly_and_runs_without_ratings_have_none(rated: list[Fraction]) -> None:
    for sign, holds in COMPARED.items():
        for number in ("1", "2.3333", "3.5", "4", "5"):
            due = [mean for mean in rated if holds(mean, Fraction(number))]
            assert means(f"rating:{sign}{number}") == due, f"rating:{sign}{number}"
    assert means("rating:3..4.5") == [mean for mean in rated if 3 <= mean <= Fraction(9, 2)]
    assert means("rating:4..") == [mean for mean in rated if mean >= 4]
    assert means("rating:..2") == [mean for mean in rated if mean <= 2]
    assert means("rating:none") == [None]
    assert means("rating:any") == rated


@pytest.mark.parametrize("value", ["good", "..", ">=", "5..3", "4.12345", "-1", "٤", "3...4", "10", "=none", "NaN"])
def test_what_is_no_rating_is_refused_with_an_example(value: str) -> None:
    with pytest.raises(Invalid) as refused:
        RunFilter.parse(f"rating:{value}")
    assert "rating:" in refused.value.fields["q"]
