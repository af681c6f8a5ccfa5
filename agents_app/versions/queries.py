"""Reads of versions, also of archived crews, which runs still show, and of built-in templates."""

from __future__ import annotations

from dataclasses import dataclass
from itertools import accumulate

from django.db.models import TextField
from django.db.models.functions import Cast, Length

from agents_app.models import Crew, CrewVersion
from agents_app.queries import version_of
from teams.access import Principal, fetch

MAX_CHARS_A_PAGE = 3_000_000
"""Of the crews' JSON: a page of large versions ends early, since each is read and compared."""


@dataclass(frozen=True, slots=True)
class VersionPage:
    """Versions, newest first. ``before`` is the one before the last of them. The following page has the numbers below
    ``next``; None at the end."""

    items: tuple[CrewVersion, ...]
    before: CrewVersion | None
    next: int | None


def crew_of(who: Principal, slug: str) -> Crew:
    """A crew whose versions are looked at. Raises as ``fetch`` does."""
    return fetch(Crew, who, slug=slug)


def version_page(crew: Crew, *, below: int | None = None, limit: int) -> VersionPage:
    """At most ``limit`` versions, those with numbers below ``below`` if that is given. Two queries."""
    versions = crew.versions.order_by("-number")
    if below is not None:
        versions = versions.filter(number__lt=below)
    sizes = versions.annotate(chars=Length(Cast("spec", TextField()))).values_list("number", "chars")[: limit + 1]
    numbers = [number for number, _ in sizes]
    fitting = sum(total <= MAX_CHARS_A_PAGE for total in accumulate(chars for _, chars in sizes))
    shown = max(1, min(limit, fitting))
    rows = list(versions.filter(number__in=numbers[: shown + 1]).select_related("created_by"))
    before = rows[shown] if len(rows) > shown else None
    return VersionPage(tuple(rows[:shown]), before, rows[shown - 1].number if before else None)


def two_versions(who: Principal, slug: str, old: int, new: int) -> tuple[CrewVersion, CrewVersion]:
    """Both versions of one crew; the same number twice is one version twice. Raises ``Http404`` if one is not there."""
    return version_of(who, slug, old), version_of(who, slug, new)


def latest_of(crew: Crew) -> CrewVersion | None:
    return crew.versions.order_by("-number").first()
