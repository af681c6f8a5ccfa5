"""Pages of long lists, by keyset: each page begins behind the last row of the one before."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Generic, TypeVar
from uuid import UUID

from django.db.models import Model

from teams.refusals import Invalid

MAX_PAGE = 200
"""Rows at most in one answer of the API."""

RowT = TypeVar("RowT", bound=Model)


@dataclass(frozen=True, slots=True)
class Page(Generic[RowT]):
    """One page of a list; ``next`` is the cursor of the following one, "" at the end."""

    items: Sequence[RowT]
    next: str


def cursor_id(text: str) -> UUID:
    try:
        return UUID(text)
    except ValueError:
        raise Invalid("The cursor is not one of ours.", fields={"cursor": "Start from the first page."}) from None


def cursor_number(text: str) -> float:
    try:
        number = float(text)
    except ValueError:
        number = math.nan
    if not math.isfinite(number):
        raise Invalid("The cursor is not one of ours.", fields={"cursor": "Start from the first page."})
    return number
