"""Templates of a team: shared, changed, withdrawn, copied, taken over by copies, and taken in from a file."""

from __future__ import annotations

import json
from typing import Any

import pytest
from django.core.exceptions import PermissionDenied

from agents_app.actions import archive_crew, cut_version, replace_spec
from agents_app.gallery import queries, template_file
from agents_app.gallery.actions import copy_template, give, load_builtin, share, take_in, take_over, withdraw
from agents_app.gallery.origin import origin_of
from agents_app.gallery.texts import TemplateTexts
from agents_app.models import Crew, CrewVersion, Template
from agents_app.snapshot import spec_of
from teams.access import Principal
from teams.models import AuditEntry, Membership, Role
from teams.refusals import Conflict, Invalid
from tests.cast import Cast, brief_spec, owner_of

pytestmark = pytest.mark.django_db

BRIEF = TemplateTexts("Brief", "Of a company.", ("News", "finance ", "news"), {"company": "Acme"})


def shared(cast: Cast, crew: Crew, **changes: Any) -> Template:
    """The draft with these changes, as a version, shared."""
    crew = edited(crew, **changes) if changes else crew
    return share(cast.editor, cut_version(crew, by=cast.editor.user), BRIEF)


def edited(crew: Crew, **changes: Any) -> Crew:
    crew = Crew.objects.get(pk=crew.pk)
    return replace_spec(
        owner_of(crew), crew, expected_revision=crew.revision, spec=spec_of(crew).model_copy(update=changes)
    )


def of_tasks(crew: Crew, key: str, text: str) -> dict[str, Any]:
    tasks = spec_of(Crew.objects.get(pk=crew.pk)).tasks
    return {
        "tasks": tuple(task.model_copy(update={"description": text}) if task.key == key else task for task in tasks)
    }


def test_sharing_a_newer_version_updates_the_template_and_keeps_the_old_one_listed(cast: Cast, crew: Crew) -> None:
    first = shared(cast, crew)
    assert (first.tags, first.examples, first.model_ids) == (["news", "finance"], {"company": "Acme"}, ["gpt-4o-mini"])
    second = shared(cast, crew, description="Better")
    assert (second.pk, second.revision, second.version.number) == (first.pk, 2, 2)
    assert [version.number for version in queries.shared_versions(second)] == [2, 1]
    back = share(cast.editor, CrewVersion.objects.get(crew=crew, number=1), BRIEF)
    assert [version.number for version in queries.shared_versions(back)] == [1, 2]
    assert [template.pk for template in queries.templates(cast.viewer)] == [first.pk]
    assert not queries.templates(cast.stranger).exists()


def test_who_shares_what_somebody_shared_meanwhile_is_told(cast: Cast, crew: Crew) -> None:
    version = cut_version(crew, by=cast.editor.user)
    template = share(cast.editor, version, BRIEF, expected_revision=0)
    with pytest.raises(Conflict):
        share(cast.editor, version, BRIEF, expected_revision=0)
    with pytest.raises(Conflict):
        withdraw(cast.editor, template, expected_revision=7)
    assert share(cast.editor, version, BRIEF, expected_revision=1).revision == 2


@pytest.mark.parametrize(
    ("texts", "field"),
    [
        (TemplateTexts("  "), "title"),
        (TemplateTexts("T" * 201), "title"),
        (TemplateTexts("T", "\0"), "description"),
        (TemplateTexts("T", tags=tuple(map(str, range(11)))), "tags"),
        (TemplateTexts("T", tags=("x" * 41,)), "tags"),
        (TemplateTexts("T", examples={"nothing": "x"}), "examples.nothing"),
        (TemplateTexts("T", examples={"company": "x" * 20_001}), "examples.company"),
    ],
)
def test_texts_that_do_not_do_are_refused_at_their_field(
    cast: Cast, crew: Crew, texts: TemplateTexts, field: str
) -> None:
    with pytest.raises(Invalid) as refusal:
        share(cast.editor, cut_version(crew, by=None), texts)
    assert list(refusal.value.fields) == [field]
    assert not Template.objects.exists()


def test_withdrawn_its_address_is_dead_for_good_and_copies_stay(cast: Cast, crew: Crew) -> None:
    template = shared(cast, crew)
    copy = copy_template(cast.editor, template)
    withdraw(cast.editor, template)
    assert not queries.templates(cast.owner).exists()
    assert not CrewVersion.objects.filter(shared_at__isnull=False).exists()
    copy = Crew.objects.get(pk=copy.pk)
    assert copy.copied_from == crew.versions.get()
    assert origin_of(copy) is None
    with pytest.raises(Conflict):
        withdraw(cast.editor, template)
    again = shared(cast, crew, description="Better")
    assert again.pk != template.pk
    assert origin_of(copy) is not None


def test_what_was_withdrawn_while_somebody_looked_at_it_is_neither_copied_nor_given(cast: Cast, crew: Crew) -> None:
    template = shared(cast, crew)
    own = Principal(cast.stranger.user, cast.team, Role.OWNER)
    Membership.objects.create(team=cast.team, user=own.user, role=Role.OWNER)
    withdraw(cast.owner, Template.objects.get(pk=template.pk))
    with pytest.raises(Conflict):
        copy_template(cast.editor, template)
    with pytest.raises(Conflict):
        give(own, template, cast.stranger)
    assert Crew.objects.count() == 1


def test_a_made_up_team_is_given_nothing(cast: Cast, crew: Crew) -> None:
    own = Principal(cast.stranger.user, cast.team, Role.OWNER)
    Membership.objects.create(team=cast.team, user=own.user, role=Role.OWNER)
    cast.stranger.team.is_demo = True
    with pytest.raises(Invalid, match="made-up"):
        give(own, shared(cast, crew), cast.stranger)


def test_a_built_in_template_that_is_called_otherwise_by_now_gets_its_title(cast: Cast) -> None:
    load_builtin(cast.team)
    template = Template.objects.filter(crew__team=cast.team).earliest("pk")
    Template.objects.filter(pk=template.pk).update(title="As it was called before")
    assert load_builtin(cast.team) == 0
    assert Template.objects.get(pk=template.pk).title == template.title


def test_built_in_templates_and_archived_crews_are_not_shared_or_withdrawn(cast: Cast, crew: Crew) -> None:
    load_builtin(cast.team)
    assert load_builtin(cast.team) == 0
    builtin = queries.templates(cast.owner).first()
    assert builtin is not None
    with pytest.raises(Invalid):
        withdraw(cast.owner, builtin)
    with pytest.raises(Invalid):
        share(cast.owner, builtin.version, BRIEF)
    template = shared(cast, crew)
    archive_crew(cast.owner, crew)
    assert queries.templates(cast.owner).filter(pk=template.pk).count() == 0
    with pytest.raises(Invalid):
        share(cast.owner, template.version, BRIEF)


def test_a_copy_is_the_version_to_the_letter_and_remembers_it(cast: Cast, crew: Crew) -> None:
    template = shared(cast, crew)
    edited(crew, description="Not shared")
    copy = copy_template(cast.editor, template)
    assert spec_of(copy).content_hash == template.version.content_hash
    assert (copy.copied_from, copy.slug != crew.slug) == (template.version, True)
    assert queries.examples_for(copy) == {"company": "Acme"}
    shared(cast, crew, description="Second")
    old = copy_template(cast.editor, Template.objects.get(), template.version)
    assert old.copied_from == template.version
    with pytest.raises(Invalid):
        copy_template(cast.editor, template, cut_version(edited(crew, description="Third"), by=None))


def test_a_copy_takes_over_what_its_original_changed_and_keeps_its_own(cast: Cast, crew: Crew) -> None:
    copy = copy_template(cast.editor, shared(cast, crew))
    assert origin_of(copy) is None
    copy = edited(copy, **of_tasks(copy, "brief", "Mine"))
    newer = shared(cast, crew, **of_tasks(crew, "figures", "Theirs"))
    origin = origin_of(copy)
    assert origin is not None
    assert (origin.base.number, origin.newer.number) == (1, 2)
    taken = take_over(cast.editor, copy, expected_revision=copy.revision, version=newer.version, choices={})
    spec = spec_of(taken.crew)
    assert [task.description for task in spec.tasks] == ["Theirs", "Collect the headlines about {company}.", "Mine"]
    assert taken.kept is not None
    assert [task["description"] for task in taken.kept.spec["tasks"]][2] == "Mine"
    copy = Crew.objects.get(pk=copy.pk)
    assert (copy.copied_from, origin_of(copy)) == (newer.version, None)
    with pytest.raises(Conflict):
        take_over(cast.editor, copy, expected_revision=copy.revision, version=None, choices={})


def test_nothing_is_changed_while_a_conflict_is_open_or_somebody_was_faster(cast: Cast, crew: Crew) -> None:
    copy = copy_template(cast.editor, shared(cast, crew))
    copy = edited(copy, **of_tasks(copy, "brief", "Mine"))
    second = shared(cast, crew, **of_tasks(crew, "brief", "Theirs")).version
    path = "tasks.brief.description"
    with pytest.raises(Invalid) as refusal:
        take_over(cast.editor, copy, expected_revision=copy.revision, version=second, choices={})
    assert (list(refusal.value.fields), refusal.value.code) == ([path], "undecided")
    with pytest.raises(Conflict):
        take_over(cast.editor, copy, expected_revision=copy.revision - 1, version=second, choices={path: "theirs"})
    third = shared(cast, crew, **of_tasks(crew, "brief", "Theirs, later")).version
    with pytest.raises(Conflict):
        take_over(cast.editor, copy, expected_revision=copy.revision, version=second, choices={path: "theirs"})
    copy = Crew.objects.get(pk=copy.pk)
    assert (spec_of(copy).tasks[2].description, copy.versions.count(), copy.copied_from.number) == ("Mine", 0, 1)
    taken = take_over(cast.editor, copy, expected_revision=copy.revision, version=third, choices={path: "theirs"})
    assert spec_of(taken.crew).tasks[2].description == "Theirs, later"
    assert taken.kept is not None
    assert taken.kept.spec["tasks"][2]["description"] == "Mine"


def test_a_draft_that_cannot_run_is_kept_as_a_crew(cast: Cast, crew: Crew) -> None:
    copy = copy_template(cast.editor, shared(cast, crew))
    copy = edited(copy, **of_tasks(copy, "brief", ""))
    shared(cast, crew, **of_tasks(crew, "figures", "Theirs"))
    taken = take_over(cast.editor, copy, expected_revision=copy.revision, version=None, choices={})
    assert taken.copy is not None
    assert spec_of(taken.copy).tasks[2].description == ""


def test_a_template_goes_into_a_file_and_comes_out_of_it(cast: Cast, crew: Crew) -> None:
    template = shared(cast, crew)
    text = template_file.written(template, template.version)
    taken = take_in(cast.stranger, text)
    assert taken.crew.team == cast.stranger.team
    assert (taken.title, taken.tags, taken.examples) == (template.title, template.tags, template.examples)
    assert taken.version.content_hash == template.version.content_hash
    plain = take_in(cast.stranger, json.dumps(brief_spec().to_json()))
    assert plain.title == "Company brief"


@pytest.mark.parametrize(
    "text",
    [
        "",
        "[]",
        "{",
        '{"format": "crewsite.template.v2", "title": "T", "spec": {"name": "x"}}',
        '{"format": "crewsite.template.v1", "title": "T", "spec": {}}',
        '{"format": "crewsite.template.v1", "title": "T", "spec": {"name": "No task"}}',
        '{"format": "crewsite.template.v1", "title": 3, "spec": {"name": "x"}}',
        '{"format": "crewsite.template.v1", "title": "T", "spec": {"name": "x"}, "run": "now"}',
        '{"title": "T", "title": "T"}',
        "[" * 100_000,
    ],
)
def test_what_is_no_template_is_refused_and_leaves_nothing(cast: Cast, text: str) -> None:
    with pytest.raises(Invalid):
        take_in(cast.editor, text)
    assert not Crew.objects.exists()


def test_each_action_is_in_the_log(cast: Cast, crew: Crew) -> None:
    template = shared(cast, crew)
    copy = copy_template(cast.editor, template)
    shared(cast, crew, description="Better")
    take_over(cast.editor, copy, expected_revision=copy.revision, version=None, choices={})
    withdraw(cast.owner, Template.objects.get())
    entries = AuditEntry.objects.filter(team=cast.team).order_by("pk")
    ours = [
        (entry.action, entry.person) for entry in entries if "template" in entry.action or "original" in entry.action
    ]
    assert ours == [
        ("template.shared", "editor@example.com"),
        ("template.copied", "editor@example.com"),
        ("template.shared", "editor@example.com"),
        ("crew.original_taken_over", "editor@example.com"),
        ("template.withdrawn", "owner@example.com"),
    ]


def test_an_owner_of_both_teams_gives_a_template_and_later_its_newer_version(cast: Cast, crew: Crew) -> None:
    template = shared(cast, crew)
    own = Principal(cast.stranger.user, cast.team, Role.OWNER)
    with pytest.raises(PermissionDenied):
        give(own, template, cast.stranger)
    Membership.objects.create(team=cast.team, user=own.user, role=Role.OWNER)
    for receiver in (own, cast.owner, Principal(cast.owner.user, cast.stranger.team, Role.OWNER)):
        with pytest.raises((Invalid, PermissionDenied)):
            give(own, template, receiver)
    given = give(own, template, cast.stranger)
    assert (given.crew.team, given.title, given.examples) == (cast.stranger.team, "Brief", {"company": "Acme"})
    assert given.crew.copied_from is None
    edited(given.crew, **of_tasks(given.crew, "brief", "Theirs"))
    newer = shared(cast, crew, description="Better")
    again = give(own, newer, cast.stranger)
    assert (again.pk, again.version.number) == (given.pk, 3)
    assert again.version.content_hash == newer.version.content_hash
    assert CrewVersion.objects.get(crew=given.crew, number=2).spec["tasks"][2]["description"] == "Theirs"
    withdraw(cast.owner, newer)
    assert Template.objects.filter(pk=given.pk).exists()
    told = AuditEntry.objects.filter(action="template.given", team=cast.team).values_list("detail", flat=True)
    assert [entry["team"] for entry in told] == ["others", "others"]
    Membership.objects.filter(team=cast.team, user=own.user).update(role=Role.EDITOR)
    with pytest.raises(PermissionDenied):
        give(own, shared(cast, crew), cast.stranger)
