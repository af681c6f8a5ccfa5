"""``rating:`` of the typed filter of runs: by the mean of a run's ratings, or whether it has any."""

from __future__ import annotations

import re
from decimal import Decimal

from django.db.models import DecimalField, ExpressionWrapper, F, Q, Value

from teams.refusals import Invalid

NUMBER = r"\d(?:\.\d{1,4})?"
COMPARED = re.compile(rf"(?P<sign>>=|<=|>|<|=|)(?P<number>{NUMBER})", re.ASCII)
RANGE = re.compile(rf"(?P<least>{NUMBER})?\.\.(?P<most>{NUMBER})?", re.ASCII)
LOOKUP = {">": "gt", ">=": "gte", "<": "lt", "<=": "lte", "=": "exact", "": "gte"}
RATED = Q(rating_count__gt=0)


def rating_condition(value: str) -> Q:
    """The runs that ``rating:`` and this value mean: ``>=4``, ``3..5``, ``4`` (or more), ``none`` or ``any``.

    ``Invalid`` at the field ``q`` for what cannot be understood. Means are compared exactly, as whole numbers.
    """
    word = value.lower()
    if word in ("none", "any"):
        return Q(rating_count=0) if word == "none" else RATED
    if match := COMPARED.fullmatch(word):
        return RATED & _mean(LOOKUP[match["sign"]], match["number"])
    if (match := RANGE.fullmatch(word)) and (match["least"] or match["most"]):
        return _within(value, match["least"], match["most"])
    raise _refusal(f"rating:{value} is not understood. Write rating:>=4, rating:3..5, rating:none or rating:any.")


def _within(value: str, least: str | None, most: str | None) -> Q:
    if least and most and Decimal(least) > Decimal(most):
        raise _refusal(f"rating:{value} ends below its beginning. Write the smaller number first.")
    bounds = [_mean(lookup, bound) for lookup, bound in (("gte", least), ("lte", most)) if bound]
    return Q(RATED, *bounds)


def _mean(lookup: str, number: str) -> Q:
    bound = ExpressionWrapper(F("rating_count") * Value(Decimal(number)), output_field=DecimalField())
    return Q(**{f"rating_sum__{lookup}": bound})


def _refusal(message: str) -> Invalid:
    return Invalid(message, fields={"q": message})
