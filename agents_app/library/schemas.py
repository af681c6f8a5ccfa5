"""What the API takes and answers about agents of the library, and about what crews have from there."""

from __future__ import annotations

from typing import Literal

from ninja import Schema
from pydantic import Field

from agents_app.gallery.schemas import ConflictOut
from agents_app.library.linked import Linked, alone
from agents_app.library.queries import Uses
from agents_app.library.texts import MAX_NOTE_CHARS
from agents_app.models import LibraryAgent, LibraryVersion
from agents_app.versions.schemas import ChangeOut
from agents_app.versions.spec_diff import FieldChange, spec_diff
from engine.spec.crew_spec import MAX_NAME_CHARS, AgentSpec, Key
from teams.api.request_body import Strict
from teams.texts.times import time_text

Number = Field(ge=1, lt=10**9, description="of the library's agent, as it was read: another one by now is 409")
Note = Field("", max_length=MAX_NOTE_CHARS, description="what it is for, or what changed, on one line")


class LibraryAgentIn(Strict):
    name: str = Field(min_length=1, max_length=MAX_NAME_CHARS, description="once in the team, whatever its case")
    spec: AgentSpec = Field(description="its key is the one that crews are offered")
    note: str = Note


class KeepIn(Strict):
    name: str = Field(min_length=1, max_length=MAX_NAME_CHARS, description="once in the team, whatever its case")
    note: str = Note


class GiveBackIn(Strict):
    version: int = Number
    note: str = Note


class AddAgentIn(Strict):
    agent: int = Field(ge=1, lt=2**63, description="an id of the library")
    key: Key | None = Field(None, description="in the crew; null: the library's, or the first like it that is free")


class LinkAgentIn(Strict):
    agent: int = Field(ge=1, lt=2**63, description="an id of the library")


class SeenVersionIn(Strict):
    version: int = Number


class TakeOverAgentIn(Strict):
    version: int = Number
    choices: dict[str, Literal["mine", "theirs"]] = Field(
        default_factory=dict, description="by the path of a conflict; 422 with a field for each that is not decided"
    )


class LibraryAgentOut(Schema):
    id: int
    name: str
    revision: int = Field(description="grows with every change, of the name too")
    version: int = Field(description="grows with every change of what it says")
    spec: dict[str, object]
    crews: int = Field(description="how many agents of crews come from it")
    created_at: str
    created_by: str | None
    changed_at: str
    changed_by: str | None

    @staticmethod
    def of(agent: LibraryAgent, uses: int) -> LibraryAgentOut:
        return LibraryAgentOut(
            id=agent.pk,
            name=agent.name,
            revision=agent.revision,
            version=agent.number,
            spec=agent.spec,
            crews=uses,
            created_at=time_text(agent.created_at) or "",
            created_by=str(agent.created_by) if agent.created_by else None,
            changed_at=time_text(agent.changed_at) or "",
            changed_by=str(agent.changed_by) if agent.changed_by else None,
        )


class LibraryAgentList(Schema):
    items: list[LibraryAgentOut]
    next: str | None = None


class CrewLinkOut(Schema):
    """An agent of a crew that comes from the library. Field names are paths by keys: agents.writer.goal."""

    crew: str
    key: str = Field(description="the agent's in the crew")
    agent: int = Field(description="the library's id")
    name: str = Field(description="what the library calls it")
    version: int = Field(description="of the library, that the crew's is held against")
    newer: int | None = Field(description="the version that is offered; null where there is nothing to take over")
    own: list[str] = Field(description="the fields in which the crew says something else")

    @staticmethod
    def of(slug: str, linked: Linked) -> CrewLinkOut:
        return CrewLinkOut(
            crew=slug,
            key=linked.key,
            agent=linked.kept.pk,
            name=linked.kept.name,
            version=linked.number,
            newer=linked.kept.number if linked.has_offer else None,
            own=[change.path for change in linked.overrides],
        )


class CrewLinkList(Schema):
    items: list[CrewLinkOut]


class CrewLinkDetail(CrewLinkOut):
    own_changes: list[ChangeOut] = Field(description="from the library's to the crew's")
    offered_changes: list[ChangeOut] = Field(description="what changed in the library since")
    conflicts: list[ConflictOut] = Field(description="fields that both changed")

    @staticmethod
    def of_link(slug: str, linked: Linked) -> CrewLinkDetail:
        reference = (linked.was if linked.has_offer else linked.theirs).to_json()
        offered = spec_diff(linked.was.to_json(), linked.theirs.to_json()) if linked.has_offer else []
        return CrewLinkDetail(
            **CrewLinkOut.of(slug, linked).model_dump(),
            own_changes=changes_out(spec_diff(reference, linked.mine.to_json())),
            offered_changes=changes_out(offered),
            conflicts=[ConflictOut.of(each) for each in (linked.merged({}).conflicts if linked.has_offer else ())],
        )


class UsesOut(Schema):
    items: list[CrewLinkOut]
    total: int = Field(description="of which `items` are the first by the crew's name")

    @staticmethod
    def of(uses: Uses) -> UsesOut:
        return UsesOut(items=[CrewLinkOut.of(use.crew.slug, use.linked) for use in uses.shown], total=uses.all)


class LibraryVersionOut(Schema):
    version: int
    note: str
    spec: dict[str, object]
    created_at: str
    created_by: str | None

    @staticmethod
    def of(version: LibraryVersion) -> LibraryVersionOut:
        return LibraryVersionOut(
            version=version.number,
            note=version.note,
            spec=version.spec,
            created_at=time_text(version.created_at) or "",
            created_by=str(version.created_by) if version.created_by else None,
        )


class LibraryVersionList(Schema):
    items: list[LibraryVersionOut]
    next: str | None = None


class LibraryDiffOut(Schema):
    old: int
    new: int
    changes: list[ChangeOut]

    @staticmethod
    def of(old: LibraryVersion, new: LibraryVersion) -> LibraryDiffOut:
        after = AgentSpec.from_json(new.spec)
        before = alone(AgentSpec.from_json(old.spec), after.key)
        changes = spec_diff(before.to_json(), alone(after).to_json())
        return LibraryDiffOut(old=old.number, new=new.number, changes=changes_out(changes))


class AgentTakenOut(Schema):
    crew: str
    key: str
    revision: int = Field(description="of the draft")
    version: int = Field(description="of the library, that the crew's is held against now")
    taken: int = Field(description="how many fields came from the library")


def changes_out(changes: list[FieldChange]) -> list[ChangeOut]:
    return [ChangeOut.of(change) for change in changes]
