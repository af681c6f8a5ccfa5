"""People's verbs on versions: save the draft as one, say what one is for, restore one as draft."""

from __future__ import annotations

from dataclasses import dataclass

from django.db import transaction

from agents_app.actions import copy_crew, cut_version, replace_spec
from agents_app.models import Crew, CrewVersion
from agents_app.snapshot import spec_of
from agents_app.versions.queries import latest_of
from engine.spec.crew_spec import CrewSpec
from engine.text import is_storable
from teams.access import Principal
from teams.audit.record import record
from teams.refusals import Invalid

MAX_NOTE_CHARS = 200


@dataclass(frozen=True, slots=True)
class Saved:
    """``is_new`` is False if the draft equals its latest version, which then is ``version``."""

    version: CrewVersion
    is_new: bool


@dataclass(frozen=True, slots=True)
class Restored:
    """The crew with its new draft. What the draft was before is in a version, or in a ``copy`` if it could not run.

    ``kept`` is None if the draft was a version already, which needs nothing to be kept.
    """

    crew: Crew
    kept: CrewVersion | None = None
    copy: Crew | None = None


@transaction.atomic
def save_version(who: Principal, crew: Crew, *, note: str) -> Saved:
    """Freezes the draft as a version with this message. If the draft equals the latest version, that one gets it.

    Raises ``Invalid`` with all complaints if the draft cannot run.
    """
    note = _one_line(note)
    crew = Crew.objects.select_for_update().get(pk=crew.pk)
    before = latest_of(crew)
    version = cut_version(crew, by=who.user, note=note)
    is_new = before is None or version.pk != before.pk
    if is_new:
        record(who, "version.saved", version, note=note)
    elif note:
        describe(who, version, note=note)
    return Saved(version, is_new)


@transaction.atomic
def describe(who: Principal, version: CrewVersion, *, note: str) -> CrewVersion:
    """Sets what a version is for. It is no part of what runs, so it may be said later, and changed."""
    was = CrewVersion.objects.select_for_update().values_list("note", flat=True).get(pk=version.pk)
    version.note = _one_line(note)
    version.save(update_fields=["note"])
    if version.note != was:
        record(who, "version.described", version, was=was, now=version.note)
    return version


@transaction.atomic
def restore(who: Principal, version: CrewVersion, *, expected_revision: int) -> Restored:
    """Puts a version in the place of the draft. Nothing is lost: a draft that no version holds is frozen first, or, if
    it cannot run, copied as a crew of its own.

    Raises ``Conflict`` if the draft is not at ``expected_revision``, ``Invalid`` if the version or the copy is above a
    limit of today.
    """
    crew = Crew.objects.select_for_update().get(pk=version.crew_id)
    kept, copy = keep_draft(who, crew, note=f"The draft before v{version.number} was restored")
    restored = CrewSpec.from_json(version.spec)
    crew = replace_spec(who, crew, expected_revision=expected_revision, spec=restored)
    kept_as = {"draft_kept_as": str(kept or copy)} if kept or copy else {}
    record(who, "version.restored", version, revision=crew.revision, **kept_as)
    return Restored(crew, kept, copy)


def keep_draft(who: Principal, crew: Crew, *, note: str) -> tuple[CrewVersion | None, Crew | None]:
    """Keeps a draft that is about to be replaced: as a version, or as a crew of its own if it cannot run. Neither if a
    version holds it already. The caller has locked the crew."""
    if crew.versions.filter(content_hash=spec_of(crew).content_hash).exists():
        return None, None
    try:
        with transaction.atomic():
            return cut_version(crew, by=who.user, note=note), None
    except Invalid:
        return None, copy_crew(who, crew)


def _one_line(note: str) -> str:
    """The message, with line breaks as blanks. Raises ``Invalid`` for one that is too long or cannot be stored."""
    note = " ".join(note.split())
    if not is_storable(note):
        raise Invalid("This message cannot be stored.", fields={"note": "It holds a character that is none."})
    if len(note) > MAX_NOTE_CHARS:
        why = f"At most {MAX_NOTE_CHARS} characters; here are {len(note):,}."
        raise Invalid(f"The message is too long. {why}", fields={"note": why})
    return note
