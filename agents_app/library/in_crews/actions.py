"""The verbs on what a crew has from the library: add, keep, link, take over, keep one's own, give back, unlink.

The crew's texts are its own, and launches use them as they stand: a link only says where they come from. Lock order:
the crew, the library's agent, the link.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

from django.db import transaction

from agents_app.actions import save_agent
from agents_app.gallery.merge import decided
from agents_app.library import actions
from agents_app.library.linked import Linked
from agents_app.library.queries import links_of
from agents_app.models import Crew, LibraryAgent, LibraryLink, LibraryVersion
from agents_app.snapshot import spec_of
from engine.spec.crew_spec import AgentSpec, CrewSpec
from teams.access import Principal
from teams.audit.record import record
from teams.refusals import Conflict

CHANGED = "Somebody changed this crew since you opened it. Look at it again."
NO_LINK = "This agent does not come from the library any more."
NOTHING_NEWER = "The library's agent says nothing by now that this crew lacks."
NEWER = "The library's agent has another version by now. Look at what changed again."


@dataclass(frozen=True, slots=True)
class Taken:
    """``fields``: how many came from the library. ``number``: of the version that the crew's agent is held against."""

    crew: Crew
    fields: int
    number: int


@transaction.atomic
def add_to_crew(
    who: Principal, crew: Crew, kept: LibraryAgent, *, expected_revision: int, key: str = ""
) -> tuple[Crew, str]:
    """One more agent of the crew, as the library has it, under this key, or under the first that is free of those that
    begin like the library's. Returns the key too."""
    crew = _locked(crew, expected_revision)
    kept = actions.locked(kept)
    spec = AgentSpec.from_json(kept.spec)
    spec = spec.model_copy(update={"key": key or _free_key(spec.key, spec_of(crew))})
    crew = save_agent(who, crew, expected_revision=expected_revision, key=None, spec=spec)
    _link(crew, spec.key, kept)
    record(who, "agent.added", kept, crew=crew.slug, key=spec.key)
    return crew, spec.key


@transaction.atomic
def keep_from_crew(
    who: Principal, crew: Crew, key: str, *, name: str, note: str = "", expected_revision: int | None = None
) -> LibraryAgent:
    """An agent of the crew as a new one of the library, with which it is linked from then on."""
    crew = _locked(crew, expected_revision)
    kept = actions.keep(who, name=name, spec=_agent(crew, key), note=note)
    _link(crew, key, kept)
    return kept


@transaction.atomic
def link(who: Principal, crew: Crew, key: str, kept: LibraryAgent, *, expected_revision: int | None = None) -> Linked:
    """Says that an agent of the crew comes from this one. Where it says something else, that is the crew's own."""
    crew = _locked(crew, expected_revision)
    agent = _agent(crew, key)
    kept = actions.locked(kept)
    row = _link(crew, key, kept)
    record(who, "agent.linked", kept, crew=crew.slug, key=key)
    return Linked(row, agent)


@transaction.atomic
def unlink(who: Principal, crew: Crew, key: str, *, expected_revision: int | None = None) -> Crew:
    """The crew keeps its agent, and is offered nothing for it any more."""
    crew = _locked(crew, expected_revision)
    linked = _linked(crew, key)
    linked.link.delete()
    record(who, "agent.unlinked", linked.kept, crew=crew.slug, key=key)
    return crew


@transaction.atomic
def take_over(
    who: Principal, crew: Crew, key: str, *, expected_revision: int, number: int, choices: Mapping[str, str]
) -> Taken:
    """Brings into the crew's agent what changed in the library's. What both changed is decided by ``choices``: "mine"
    or "theirs" by path. Everything else of the crew's stays.

    ``number`` is the version that was looked at. Raises ``Conflict`` if the library has another one by now or the draft
    is at another revision, ``Invalid`` with a field for each conflict that is not decided.
    """
    crew = _locked(crew, expected_revision)
    linked = _offered(crew, key, number)
    merged = linked.merged(choices)
    spec = decided(merged, other="the library")
    crew = _held(who, crew, linked, spec.agents[0])
    record(who, "agent.taken_over", linked.kept, crew=crew.slug, key=key, version=linked.kept.number)
    return Taken(crew, merged.taken, linked.kept.number)


@transaction.atomic
def keep_own(who: Principal, crew: Crew, key: str, *, number: int, expected_revision: int | None = None) -> Linked:
    """Declines what changed in the library's agent: the crew's stays as it is, and is held against this version, so
    that it is offered only what changes after it."""
    crew = _locked(crew, expected_revision)
    linked = _offered(crew, key, number)
    row = _link(crew, key, linked.kept)
    record(who, "agent.own_kept", linked.kept, crew=crew.slug, key=key, version=linked.kept.number)
    return Linked(row, linked.agent)


@transaction.atomic
def use_as_kept(who: Principal, crew: Crew, key: str, *, expected_revision: int, number: int) -> Taken:
    """Puts the library's agent in the place of the crew's, which loses what it says differently."""
    crew = _locked(crew, expected_revision)
    linked = _linked(crew, key)
    _refuse_another(linked, number)
    fields = len(linked.overrides)
    crew = _held(who, crew, linked, linked.theirs.agents[0])
    record(who, "agent.taken_over", linked.kept, crew=crew.slug, key=key, version=linked.kept.number, all_of_it=True)
    return Taken(crew, fields, linked.kept.number)


@transaction.atomic
def give_back(
    who: Principal, crew: Crew, key: str, *, number: int, note: str = "", expected_revision: int | None = None
) -> LibraryAgent:
    """Makes what the crew's agent says the next version of the library's, which other crews are offered.

    ``number`` is the version that was looked at: raises ``Conflict`` for another one, and where the library has changed
    something that the crew has neither taken over nor declined.
    """
    crew = _locked(crew, expected_revision)
    if (linked := links_of(crew).get(key)) is None:
        raise Conflict(NO_LINK)
    kept = actions.locked(linked.kept)
    linked = _linked(crew, key)
    _refuse_another(linked, number)
    if linked.has_offer:
        raise Conflict("The library's agent has changed. Take that over, or keep your own, before you give yours back.")
    spec = linked.agent.model_copy(update={"key": AgentSpec.from_json(kept.spec).key})
    kept = actions.change(who, kept, expected_revision=kept.revision, name=kept.name, spec=spec, note=note)
    _link(crew, key, kept)
    return kept


def _locked(crew: Crew, expected_revision: int | None) -> Crew:
    crew = Crew.objects.select_for_update().get(pk=crew.pk)
    if expected_revision is not None and crew.revision != expected_revision:
        raise Conflict(CHANGED)
    return crew


def _agent(crew: Crew, key: str) -> AgentSpec:
    agent = spec_of(crew).agent(key)
    if agent is None:
        raise Conflict("It was removed from this crew meanwhile. Reload the page to see what changed.")
    return agent


def _linked(crew: Crew, key: str) -> Linked:
    """What the crew's link says while its row is locked, so that a withdrawal waits."""
    LibraryLink.objects.select_for_update().filter(crew=crew, key=key).first()
    linked = links_of(crew).get(key)
    if linked is None:
        raise Conflict(NO_LINK)
    return linked


def _offered(crew: Crew, key: str, number: int) -> Linked:
    linked = _linked(crew, key)
    _refuse_another(linked, number)
    if not linked.has_offer:
        raise Conflict(NOTHING_NEWER)
    return linked


def _refuse_another(linked: Linked, number: int) -> None:
    if linked.kept.number != number:
        raise Conflict(NEWER)


def _link(crew: Crew, key: str, kept: LibraryAgent) -> LibraryLink:
    """The link of this agent, held against the version that the library's has in ``kept``."""
    base = LibraryVersion.objects.select_related("agent").get(agent=kept, number=kept.number)
    row, _ = LibraryLink.objects.update_or_create(crew=crew, key=key, defaults={"base": base})
    return row


def _held(who: Principal, crew: Crew, linked: Linked, agent: AgentSpec) -> Crew:
    """The crew with this in the agent's place, held against the library's present version."""
    crew = save_agent(who, crew, expected_revision=crew.revision, key=linked.key, spec=agent)
    _link(crew, linked.key, linked.kept)
    return crew


def _free_key(wanted: str, crew: CrewSpec) -> str:
    taken = {agent.key for agent in crew.agents}
    stem = wanted[:60]
    numbered = (f"{stem}_{number}" for number in range(2, len(taken) + 3))
    return next(key for key in (wanted, *numbered) if key not in taken)
