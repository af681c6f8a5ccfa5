"""Reads of the library: its agents, their versions, and which crews use them."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from itertools import accumulate

from django.db.models import Count, OuterRef, Q, QuerySet, Subquery, TextField
from django.db.models.functions import Cast, Length, Lower
from django.http import Http404

from agents_app.library.linked import Linked
from agents_app.models import Agent, Crew, LibraryAgent, LibraryLink, LibraryVersion
from agents_app.queries import MAX_SEARCH_CHARS, OWN, SEARCH_SECONDS
from agents_app.snapshot import AGENT_COLUMNS, agent_spec, agents_of
from engine.spec.crew_spec import CrewSpec
from teams.access import Principal, fetch, visible_to
from teams.models import Role
from teams.refusals import Invalid
from teams.work_bounds import query_time

AGENTS_A_PAGE = 50
VERSIONS_A_PAGE = 20
MAX_USES = 100
MAX_CHARS_OF_USES = 3_000_000
"""Of the crews' agents that a page compares with the library's; how many more there are is said."""
TOO_LONG = "This search took the database too long and was given up. Search for a longer word."
_OF_CREWS = {f"crew__{name}": value for name, value in OWN.items()}
_USES = {f"versions__links__{name}": value for name, value in _OF_CREWS.items()}


@dataclass(frozen=True, slots=True)
class AgentPage:
    """Agents of the library by name, each with its count of ``uses``. ``next`` is where the following page begins."""

    items: Sequence[LibraryAgent]
    offset: int
    next: int | None
    search: str = ""

    @property
    def previous(self) -> int | None:
        return max(0, self.offset - AGENTS_A_PAGE) if self.offset else None


@dataclass(frozen=True, slots=True)
class Use:
    """A crew that uses an agent of the library, and how."""

    crew: Crew
    linked: Linked


@dataclass(frozen=True, slots=True)
class Uses:
    """``all``: how many there are; the first ``MAX_USES`` are ``shown``, by the crew's name."""

    shown: Sequence[Use]
    all: int

    @property
    def behind(self) -> int:
        return sum(use.linked.has_offer for use in self.shown)

    @property
    def left_out(self) -> int:
        return self.all - len(self.shown)


@dataclass(frozen=True, slots=True)
class VersionsPage:
    """Newest first; ``before`` is the one before the last of them, ``next`` the number below which the next begin."""

    items: Sequence[LibraryVersion]
    before: LibraryVersion | None
    next: int | None


def library(who: Principal) -> QuerySet[LibraryAgent]:
    """The team's, by name, each with ``uses``: how many agents of crews that are not archived come from it."""
    uses = Count("versions__links", filter=Q(**_USES))
    return visible_to(who, LibraryAgent).annotate(uses=uses).order_by(Lower("name"))


def agents(who: Principal, search: str = "", *, offset: int = 0, limit: int = AGENTS_A_PAGE) -> AgentPage:
    """One page of those in which each word of the search is found. Raises ``Invalid`` for one that is too long or takes
    too long."""
    if len(search) > MAX_SEARCH_CHARS:
        message = f"Search for at most {MAX_SEARCH_CHARS} characters."
        raise Invalid(message, fields={"q": message})
    found = library(who).filter(_fits(search)).select_related("changed_by")
    with query_time(SEARCH_SECONDS, TOO_LONG, field="q"):
        rows = list(found[offset : offset + limit + 1])
    return AgentPage(rows[:limit], offset, offset + limit if len(rows) > limit else None, search)


def agent_of(who: Principal, pk: int, role: Role = Role.VIEWER) -> LibraryAgent:
    """Raises as ``fetch`` does."""
    return fetch(LibraryAgent, who, role, related=("created_by", "changed_by"), pk=pk)


def link_of(crew: Crew, key: str) -> Linked:
    """Raises ``Http404`` where the crew has no such agent, or it does not come from the library."""
    linked = links_of(crew).get(key)
    if linked is None:
        raise Http404("It does not come from the library.")
    return linked


def links_of(crew: Crew, spec: CrewSpec | None = None) -> dict[str, Linked]:
    """Of the draft, or of the ``spec`` that was read of it: by the agent's key, in the order of the agents."""
    rows = LibraryLink.objects.filter(crew=crew).select_related("base", "base__agent")
    by_key = {link.key: link for link in rows}
    if not by_key:
        return {}
    members = spec.agents if spec else agents_of(crew)
    return {agent.key: Linked(by_key[agent.key], agent) for agent in members if agent.key in by_key}


def links_to(agent: LibraryAgent) -> QuerySet[LibraryLink]:
    """Of agents of crews that are not archived."""
    return LibraryLink.objects.filter(base__agent=agent, **_OF_CREWS)


def links_of_team(who: Principal) -> QuerySet[LibraryLink]:
    """All of them, likewise."""
    return visible_to(who, LibraryLink).filter(**_OF_CREWS)


def uses_of(agent: LibraryAgent) -> Uses:
    """The crews that use it. Four queries."""
    links = links_to(agent).order_by("crew__name", "crew__pk", "key")
    members = _members(links)
    rows = links.filter(pk__in=members).select_related("base", "base__agent", "crew")
    agents_of_crews = {row.pk: agent_spec(row) for row in Agent.objects.filter(pk__in=members.values())}
    uses = [Use(link.crew, Linked(link, agents_of_crews[members[link.pk]])) for link in rows]
    return Uses(uses, links.count())


def _members(links: QuerySet[LibraryLink]) -> dict[int, int]:
    """The first links, by id, each with the id of the crew's agent: as many as one page compares."""
    of_link = Agent.objects.filter(crew=OuterRef("crew"), key=OuterRef("key")).order_by()
    chars = sum((Length(Cast(name, TextField())) for name in AGENT_COLUMNS), Length(Cast("options", TextField())))
    sized = links.annotate(member=Subquery(of_link.values("pk")), chars=Subquery(of_link.values(size=chars)))
    rows = list(sized.exclude(member=None).values_list("pk", "member", "chars")[:MAX_USES])
    totals = accumulate(size for *_, size in rows)
    return {pk: member for (pk, member, _), total in zip(rows, totals, strict=True) if total <= MAX_CHARS_OF_USES}


def versions_of(agent: LibraryAgent, *, below: int | None = None, limit: int = VERSIONS_A_PAGE) -> VersionsPage:
    found = agent.versions.order_by("-number").select_related("created_by")
    if below is not None:
        found = found.filter(number__lt=below)
    rows = list(found[: limit + 1])
    more = len(rows) > limit
    return VersionsPage(rows[:limit], rows[limit] if more else None, rows[limit - 1].number if more else None)


def version_of(who: Principal, agent: LibraryAgent, number: int) -> LibraryVersion:
    return fetch(LibraryVersion, who, related=("created_by", "agent"), agent=agent, number=number)


def _fits(search: str) -> Q:
    fits = Q()
    for word in search.split():
        fits &= (
            Q(name__icontains=word)
            | Q(role__icontains=word)
            | Q(model_id__icontains=word)
            | Q(tool_names__icontains=word)
        )
    return fits
