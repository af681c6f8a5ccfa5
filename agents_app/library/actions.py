"""The verbs on the library itself: keep an agent, change it, withdraw it. What crews do with it is in ``in_crews``.

A change here changes no crew: crews are offered it.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from django.db import IntegrityError, transaction

from agents_app.library.linked import alone
from agents_app.library.texts import checked_name, checked_note, checked_spec
from agents_app.models import LibraryAgent, LibraryVersion
from engine.spec.crew_spec import AgentSpec
from teams.access import Principal
from teams.audit.record import record
from teams.refusals import Conflict, Invalid

GONE = "This agent was withdrawn from the library meanwhile. Crews that use it keep what they have."


@transaction.atomic
def keep(who: Principal, *, name: str, spec: AgentSpec, note: str = "") -> LibraryAgent:
    """A new agent of the library. Raises ``Invalid``, also for a name that another one has."""
    agent = LibraryAgent(team=who.team, name=checked_name(name), created_by=who.user)
    note = checked_note(note)
    _set(agent, who, checked_spec(spec))
    _saved(agent)
    _version(agent, who, note)
    record(who, "agent.kept", agent)
    return agent


@transaction.atomic
def change(
    who: Principal, agent: LibraryAgent, *, expected_revision: int, name: str, spec: AgentSpec, note: str = ""
) -> LibraryAgent:
    """Changes what an agent of the library says, which makes a version, or its name, which makes none. Crews that use
    it are offered the version, and are not changed.

    Raises ``Conflict`` if it is at another revision, or withdrawn, and ``Invalid``.
    """
    name, note, spec = checked_name(name), checked_note(note), checked_spec(spec)
    agent = locked(agent)
    if agent.revision != expected_revision:
        raise Conflict("Somebody changed this agent since you opened it. What you typed is still here.")
    before = AgentSpec.from_json(agent.spec)
    told = _told(agent, before, name=name, spec=spec)
    if not told:
        return agent
    agent.name, agent.revision = name, agent.revision + 1
    is_new = not same(before, spec)
    if is_new:
        agent.number += 1
        _set(agent, who, spec)
    _saved(agent)
    if is_new:
        _version(agent, who, note)
    record(who, "agent.changed", agent, **told)
    return agent


def restore(who: Principal, agent: LibraryAgent, version: LibraryVersion, *, expected_revision: int) -> LibraryAgent:
    """Lets it say again what an older version of it said, as ``change`` does."""
    spec, note = AgentSpec.from_json(version.spec), f"As in v{version.number}"
    return change(who, agent, expected_revision=expected_revision, name=agent.name, spec=spec, note=note)


@transaction.atomic
def withdraw(who: Principal, agent: LibraryAgent, *, expected_revision: int | None = None) -> None:
    """Takes it out of the library, with its versions. Crews keep what they have, and are offered nothing any more."""
    agent = locked(agent)
    if expected_revision is not None and agent.revision != expected_revision:
        raise Conflict("Somebody changed this agent since you opened it. Look at it again.")
    record(who, "agent.withdrawn", agent, version=agent.number)
    agent.delete()


def locked(agent: LibraryAgent) -> LibraryAgent:
    """Its row as it is now, until the transaction ends. Raises ``Conflict`` once it is withdrawn."""
    now = LibraryAgent.objects.select_for_update().filter(pk=agent.pk).first()
    if now is None:
        raise Conflict(GONE)
    return now


def same(one: AgentSpec, other: AgentSpec) -> bool:
    """Whether both say the same, down to the order of tools' settings."""
    return alone(one).content_hash == alone(other).content_hash


def _set(agent: LibraryAgent, who: Principal, spec: AgentSpec) -> None:
    agent.spec = spec.to_json()
    agent.role, agent.model_id = spec.role, spec.llm.model
    agent.tool_names = [tool.name for tool in spec.tools]
    agent.changed_by = who.user


def _saved(agent: LibraryAgent) -> None:
    try:
        with transaction.atomic():
            agent.save()
    except IntegrityError as error:
        why = "Another agent of the library has this name."
        raise Invalid(f"This agent was not kept. {why}", fields={"name": why}, code="name_taken") from error


def _version(agent: LibraryAgent, who: Principal, note: str) -> LibraryVersion:
    return LibraryVersion.objects.create(
        agent=agent, number=agent.number, spec=agent.spec, note=note, created_by=who.user
    )


def _told(agent: LibraryAgent, before: AgentSpec, *, name: str, spec: AgentSpec) -> Mapping[str, Any]:
    """What differs, by names and without texts: for the log. Empty if nothing does."""
    told: dict[str, Any] = {"was": agent.name, "now": name} if agent.name != name else {}
    if not same(before, spec):
        fields = [field for field in AgentSpec.model_fields if getattr(before, field) != getattr(spec, field)]
        told |= {"version": agent.number + 1, "fields": ", ".join(fields or ["the order of settings"])}
    return told
