"""What a comment is about: a run, a crew, a version or the bill of a month; its name, address and page."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import date
from typing import Any

from django.db.models import QuerySet
from django.http import Http404
from django.urls import reverse

from agents_app.models import Crew, CrewVersion
from agents_app.queries import OWN
from runs.models import Comment, Run
from runs.months import month_named
from teams.access import Principal, fetch
from teams.models import Role, Team, User


@dataclass(frozen=True, slots=True)
class Subject:
    """``field`` is the comment's field that holds it; ``place`` are the parts of its addresses besides the team's."""

    team: Team
    field: str
    thing: Run | Crew | CrewVersion | date
    place: Mapping[str, Any]
    title: str
    owner: User | None
    """Whose it is: who launched the run, made the crew or cut the version; nobody's in particular: a bill."""

    @property
    def key(self) -> dict[str, Any]:
        return {"team": self.team, self.field: self.thing}

    @property
    def lock_name(self) -> str:
        """Of the lock that its writers take in turn."""
        one = self.thing if isinstance(self.thing, date) else self.thing.pk
        return f"comments {self.team.pk} {self.field} {one}"

    @property
    def comments(self) -> QuerySet[Comment]:
        return Comment.objects.filter(**self.key)

    @property
    def page(self) -> str:
        """The address of the page that shows it, with its comments."""
        return _address(self, PAGES[self.field])

    @property
    def address(self) -> str:
        """The address of its comments."""
        return _address(self, f"{self.field}_comments")

    def address_of(self, comment: Comment) -> str:
        return _address(self, f"{self.field}_comment", pk=comment.pk)


PAGES = {"run": "run", "crew": "crew", "version": "version", "month": "bill"}
"""The name of the page of each kind."""


def about_run(run: Run) -> Subject:
    title = f"a run of {run.crew.name}"
    return Subject(run.team, "run", run, {"run_id": run.pk}, title, run.created_by)


def about_crew(crew: Crew) -> Subject:
    return Subject(crew.team, "crew", crew, {"slug": crew.slug}, crew.name, crew.created_by)


def about_version(version: CrewVersion) -> Subject:
    crew = version.crew
    place = {"slug": crew.slug, "number": version.number}
    return Subject(crew.team, "version", version, place, f"{crew.name}, version {version.number}", version.created_by)


def about_bill(team: Team, month: date) -> Subject:
    return Subject(team, "month", month, {"month": f"{month:%Y-%m}"}, f"the bill of {month:%B %Y}", None)


def subject_at(who: Principal, place: Mapping[str, Any], role: Role = Role.VIEWER) -> Subject:
    """What these parts of an address name. ``Http404`` if the team has none."""
    if "run_id" in place:
        related = ("crew", "version", "team", "created_by")
        return about_run(fetch(Run, who, role, related=related, pk=place["run_id"]))
    if "number" in place:
        key = {"crew__slug": place["slug"], "crew__builtin_key": "", "number": place["number"]}
        return about_version(fetch(CrewVersion, who, role, related=("crew__team", "created_by"), **key))
    if "slug" in place:
        return about_crew(fetch(Crew, who, role, related=("team", "created_by"), slug=place["slug"], **OWN))
    month = month_named(place["month"])
    if month is None:
        raise Http404
    return about_bill(who.team, month)


def subject_of(comment: Comment) -> Subject:
    """Of a comment that was read with ``RELATED``."""
    if comment.run is not None:
        return about_run(comment.run)
    if comment.version is not None:
        return about_version(comment.version)
    if comment.crew is not None:
        return about_crew(comment.crew)
    assert comment.month is not None
    return about_bill(comment.team, comment.month)


def page_of(comment: Comment) -> str:
    """Where a comment that was read with ``RELATED`` stands, on the page of what it is about."""
    return f"{subject_of(comment).page}#comment-{comment.pk}"


RELATED = (
    "team",
    "run__crew",
    "run__team",
    "run__created_by",
    "crew__team",
    "crew__created_by",
    "version__crew__team",
    "version__created_by",
)
"""What ``subject_of`` reads."""


def _address(subject: Subject, name: str, **more: Any) -> str:
    return reverse(name, kwargs={"team": subject.team.slug, **subject.place, **more})
