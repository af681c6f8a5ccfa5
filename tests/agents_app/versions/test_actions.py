"""Save, describe and restore: versions stay as they were, and no draft is lost."""

from __future__ import annotations

from typing import Any

import pytest
from django.db import IntegrityError, transaction

from agents_app.actions import create_crew, cut_version, replace_spec
from agents_app.models import Crew, CrewVersion
from agents_app.snapshot import spec_of
from agents_app.versions.actions import describe, restore, save_version
from engine.spec.crew_spec import AgentSpec, CrewSpec, TaskSpec
from teams.refusals import Conflict, Invalid
from tests.cast import Cast, brief_spec, maker_of

pytestmark = pytest.mark.django_db


def edited(crew: Crew, **changes: Any) -> Crew:
    crew.refresh_from_db()
    return replace_spec(
        maker_of(crew), crew, expected_revision=crew.revision, spec=spec_of(crew).model_copy(update=changes)
    )


def numbers(crew: Crew) -> list[int]:
    return list(crew.versions.order_by("number").values_list("number", flat=True))


class TestSave:
    def test_a_draft_is_frozen_with_its_message_and_maker(self, cast: Cast, crew: Crew) -> None:
        saved = save_version(cast.editor, crew, note="  Fewer\nwords ")
        assert (saved.is_new, saved.version.number, saved.version.note) == (True, 1, "Fewer words")
        assert saved.version.created_by == cast.editor.user
        assert saved.version.content_hash == spec_of(crew).content_hash

    def test_an_unchanged_draft_makes_none_and_gives_its_message_to_the_latest(self, cast: Cast, crew: Crew) -> None:
        cut_version(crew, by=cast.owner.user)
        saved = save_version(cast.editor, crew, note="Why")
        assert (saved.is_new, saved.version.number) == (False, 1)
        version = crew.versions.get()
        assert (version.note, version.created_by) == ("Why", cast.owner.user)
        save_version(cast.editor, crew, note="")
        assert crew.versions.get().note == "Why"

    def test_a_draft_that_cannot_run_is_no_version(self, cast: Cast) -> None:
        crew = create_crew(cast.owner, name="Empty")
        with pytest.raises(Invalid, match="cannot run"):
            save_version(cast.editor, crew, note="Why")
        assert numbers(crew) == []

    @pytest.mark.parametrize("note", ["x" * 201, "a\x00b"])
    def test_a_message_that_cannot_be_kept_is_refused_at_its_field(self, cast: Cast, crew: Crew, note: str) -> None:
        with pytest.raises(Invalid) as refused:
            save_version(cast.editor, crew, note=note)
        assert set(refused.value.fields) == {"note"}
        assert numbers(crew) == []


def test_a_message_may_be_changed_and_nothing_else(cast: Cast, crew: Crew) -> None:
    version = cut_version(crew, by=cast.owner.user, note="One")
    describe(maker_of(version.crew), version, note="Other")
    version.refresh_from_db()
    assert version.note == "Other"
    with pytest.raises(IntegrityError, match="frozen"), transaction.atomic():
        CrewVersion.objects.filter(pk=version.pk).update(number=7)


class TestRestore:
    def test_the_draft_holds_the_version_again(self, cast: Cast, crew: Crew) -> None:
        first = cut_version(crew, by=cast.owner.user)
        crew = edited(crew, name="Other", tasks=spec_of(crew).tasks[:1])
        second = cut_version(crew, by=cast.owner.user)
        restored = restore(cast.editor, first, expected_revision=crew.revision)
        assert (restored.kept, restored.copy) == (None, None)
        assert spec_of(restored.crew).content_hash == first.content_hash
        assert restored.crew.revision == crew.revision + 1
        assert numbers(crew) == [first.number, second.number]
        assert restored.crew.slug == crew.slug

    def test_a_draft_that_no_version_holds_is_frozen_first(self, cast: Cast, crew: Crew) -> None:
        first = cut_version(crew, by=cast.owner.user)
        crew = edited(crew, description="New")
        draft = spec_of(crew)
        restored = restore(cast.editor, first, expected_revision=crew.revision)
        assert restored.kept is not None
        assert (restored.kept.number, restored.kept.content_hash) == (2, draft.content_hash)
        assert restored.kept.note == "The draft before v1 was restored"
        assert restored.kept.created_by == cast.editor.user
        assert spec_of(restored.crew).content_hash == first.content_hash

    def test_a_draft_that_cannot_run_is_kept_as_a_crew_of_its_own(self, cast: Cast, crew: Crew) -> None:
        first = cut_version(crew, by=cast.owner.user)
        crew = edited(crew, agents=())
        draft = spec_of(crew)
        restored = restore(cast.editor, first, expected_revision=crew.revision)
        assert restored.copy is not None
        assert spec_of(restored.copy).tasks == draft.tasks
        assert restored.copy.pk != crew.pk
        assert numbers(crew) == [1]
        assert spec_of(restored.crew).content_hash == first.content_hash

    def test_a_draft_that_somebody_changed_meanwhile_is_not_replaced(self, cast: Cast, crew: Crew) -> None:
        first = cut_version(crew, by=cast.owner.user)
        stale = crew.revision
        crew = edited(crew, description="Theirs")
        with pytest.raises(Conflict):
            restore(cast.editor, first, expected_revision=stale)
        assert spec_of(Crew.objects.get(pk=crew.pk)).description == "Theirs"
        assert numbers(crew) == [1]

    def test_a_version_from_before_the_limits_is_refused_and_nothing_is_made(self, cast: Cast, crew: Crew) -> None:
        agent = AgentSpec(key="a", role="R")
        tasks = tuple(TaskSpec(key=f"t{n}", description="D", agent="a") for n in range(501))
        spec = CrewSpec(name="Large", agents=(agent,), tasks=tasks)
        large = CrewVersion.objects.create(crew=crew, number=1, spec=spec.to_json(), content_hash=spec.content_hash)
        with pytest.raises(Invalid, match="at most 500 tasks"):
            restore(cast.editor, large, expected_revision=crew.revision)
        assert spec_of(Crew.objects.get(pk=crew.pk)) == brief_spec()
        assert numbers(crew) == [1]
