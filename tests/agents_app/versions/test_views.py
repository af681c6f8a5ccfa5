"""The pages of versions: all of a crew's, one, what changed between two; and their verbs, by role."""

from __future__ import annotations

from typing import Any

import pytest
from django.utils.html import escape

from agents_app.actions import archive_crew, create_crew, cut_version, replace_spec
from agents_app.gallery.actions import load_builtin
from agents_app.models import Crew
from agents_app.snapshot import spec_of
from agents_app.versions.page import MAX_CHANGES, MAX_PAGE_CHARS, VERSIONS_A_PAGE
from engine.spec.crew_spec import AgentSpec, CrewSpec, LLMSpec, TaskSpec
from tests.cast import Cast, maker_of
from tests.pages import CREW, HOSTILE, html, signed_in

pytestmark = pytest.mark.django_db

VERSIONS = f"{CREW}versions/"


def edited(crew: Crew, **changes: Any) -> Crew:
    crew.refresh_from_db()
    return replace_spec(
        maker_of(crew), crew, expected_revision=crew.revision, spec=spec_of(crew).model_copy(update=changes)
    )


def with_model(crew: Crew, model: str) -> Crew:
    agents = spec_of(crew).agents
    lead = agents[2].model_copy(update={"llm": LLMSpec(model=model, max_tokens=200)})
    return edited(crew, agents=(*agents[:2], lead))


@pytest.fixture
def two(cast: Cast, crew: Crew) -> Crew:
    """A crew with two versions, of which the second is the draft."""
    cut_version(crew, by=cast.owner.user, note="As it came")
    crew = with_model(crew, "gpt-4o")
    cut_version(crew, by=cast.editor.user)
    return crew


class TestList:
    def test_it_says_of_each_version_who_made_it_why_and_what_changed(self, cast: Cast, two: Crew) -> None:
        response = signed_in(cast.viewer).get(VERSIONS)
        lines = response.context["page"].lines
        assert [(line.version.number, line.summary, line.before, line.is_draft) for line in lines] == [
            (2, "lead: model gpt-4o-mini → gpt-4o", 1, True),
            (1, "the first: 3 agents, 3 tasks", None, False),
        ]
        page = html(response)
        assert "As it came" in page
        assert "editor@example.com" in page.lower()
        assert f"/t/acme/runs/versions/?crew={two.slug}&amp;version=2&amp;version=1" in page

    def test_a_summary_names_five_changes_and_counts_the_rest(self, cast: Cast, two: Crew) -> None:
        spec = spec_of(two)
        check = TaskSpec(key="check", description="Check it.", agent="lead")
        tasks = (spec.tasks[1], spec.tasks[0].model_copy(update={"description": "Other", "markdown": True}), check)
        edited(two, process="parallel", agents=(*spec.agents, AgentSpec(key="extra", role="Extra")), tasks=tasks)
        draft = signed_in(cast.viewer).get(VERSIONS).context["page"].draft
        assert draft.summary == (
            "process sequential → parallel; agent extra added; order of tasks; "
            "figures: description, Markdown asked for no → yes; and 2 more"
        )
        assert (draft.same_as, draft.latest, draft.next_number) == (None, 2, 3)

    def test_a_crew_without_versions_says_how_one_is_made(self, cast: Cast, crew: Crew) -> None:
        page = html(signed_in(cast.editor).get(VERSIONS))
        assert "No version yet" in page
        assert "Save as version 1" in page
        assert "Compare the two" not in page

    def test_a_crew_with_one_version_has_nothing_to_choose(self, cast: Cast, crew: Crew) -> None:
        cut_version(crew, by=cast.owner.user)
        page = html(signed_in(cast.viewer).get(VERSIONS))
        assert 'type="radio"' not in page
        assert "Compare the two" not in page

    def test_two_that_were_chosen_have_an_address_of_their_own(self, cast: Cast, two: Crew) -> None:
        client = signed_in(cast.viewer)
        assert client.get(VERSIONS, {"old": "1", "new": "2"})["Location"] == f"{VERSIONS}1/diff/2/"

    @pytest.mark.parametrize("chosen", [{"old": "1"}, {"old": "1", "new": "9"}, {"old": "x", "new": "9" * 30}])
    def test_what_cannot_be_chosen_is_said_above_the_list(self, cast: Cast, two: Crew, chosen: dict[str, str]) -> None:
        response = signed_in(cast.viewer).get(VERSIONS, chosen)
        assert response.status_code == 422
        assert "Choose two versions" in html(response)
        assert len(response.context["page"].lines) == 2

    def test_many_versions_come_in_pages(self, cast: Cast, crew: Crew, django_assert_max_num_queries: Any) -> None:
        for number in range(VERSIONS_A_PAGE + 1):
            cut_version(edited(crew, description=f"Text {number}"), by=cast.owner.user)
        client = signed_in(cast.viewer)
        with django_assert_max_num_queries(16):
            first = client.get(VERSIONS)
        page = first.context["page"]
        assert [line.version.number for line in page.lines] == list(range(VERSIONS_A_PAGE + 1, 1, -1))
        assert page.lines[-1].before == 1
        assert "?below=2" in html(first)
        older = client.get(VERSIONS, {"below": "2"})
        assert [line.version.number for line in older.context["page"].lines] == [1]
        assert "this far back" in html(client.get(VERSIONS, {"below": "1"}))

    def test_built_in_templates_and_archived_crews_are_looked_at_only(self, cast: Cast, two: Crew) -> None:
        load_builtin(cast.team)
        builtin = Crew.objects.exclude(builtin_key="").first()
        assert builtin is not None
        archive_crew(maker_of(two), two)
        for slug in (builtin.slug, two.slug):
            page = html(signed_in(cast.owner).get(f"/t/acme/crews/{slug}/versions/"))
            assert ">v1</a>" in page
            assert "Save as version" not in page
            assert "restore" not in html(signed_in(cast.owner).get(f"/t/acme/crews/{slug}/versions/1/"))

    def test_strangers_find_nothing(self, cast: Cast, two: Crew) -> None:
        for path in ("", "1/", "1/diff/2/"):
            assert signed_in(cast.stranger).get(f"{VERSIONS}{path}").status_code == 404


class TestOne:
    def test_a_version_shows_what_was_frozen(self, cast: Cast, crew: Crew) -> None:
        cut_version(crew, by=cast.owner.user)
        replace_spec(maker_of(crew), crew, expected_revision=crew.revision, spec=CrewSpec(name="Company brief"))
        page = html(signed_in(cast.viewer).get(f"{CREW}versions/1/"))
        assert "Collect the headlines" in page
        assert signed_in(cast.viewer).get(f"{CREW}versions/2/").status_code == 404
        assert signed_in(cast.stranger).get(f"{CREW}versions/1/").status_code == 404


class TestDiff:
    def test_it_shows_the_fields_that_differ_and_counts_the_others(self, cast: Cast, two: Crew) -> None:
        response = signed_in(cast.viewer).get(f"{VERSIONS}1/diff/2/")
        diff = response.context["diff"]
        ((owner, (change,)),) = diff.groups
        assert (owner, change.label, change.old, change.new) == ("Agent lead", "model", "gpt-4o-mini", "gpt-4o")
        page = html(response)
        assert "1 field changed" in page
        assert "in 1 agent." in page
        assert f"{diff.same} fields are the same." in page
        assert f"{VERSIONS}2/diff/1/" in page

    def test_texts_are_shown_by_word(self, cast: Cast, two: Crew) -> None:
        tasks = spec_of(two).tasks
        text = "Collect the headlines about {company} of this year, with where each of them was found."
        cut_version(edited(two, tasks=(tasks[0], tasks[1].model_copy(update={"description": text}), tasks[2])), by=None)
        page = html(signed_in(cast.viewer).get(f"{VERSIONS}2/diff/3/"))
        assert "<span>Collect the headlines about {company}</span>" in page
        assert "</span> of this year, with where each of them was found</ins>" in page

    def test_swapped_it_goes_the_other_way(self, cast: Cast, two: Crew) -> None:
        ((_, (change,)),) = signed_in(cast.viewer).get(f"{VERSIONS}2/diff/1/").context["diff"].groups
        assert (change.old, change.new) == ("gpt-4o", "gpt-4o-mini")

    def test_one_version_twice_and_two_equal_ones_are_said_to_be(self, cast: Cast, two: Crew) -> None:
        cut_version(with_model(two, "gpt-4o-mini"), by=None)
        client = signed_in(cast.viewer)
        assert "this is one version" in html(client.get(f"{VERSIONS}1/diff/1/"))
        assert "both versions hold the same crew" in html(client.get(f"{VERSIONS}1/diff/3/"))

    @pytest.mark.parametrize("pair", ["1/diff/9", "9/diff/1", "0/diff/1", f"{'9' * 30}/diff/1"])
    def test_versions_that_are_not_there_are_not_found(self, cast: Cast, two: Crew, pair: str) -> None:
        assert signed_in(cast.viewer).get(f"{VERSIONS}{pair}/").status_code == 404

    def test_texts_are_shown_as_text(self, cast: Cast, two: Crew) -> None:
        cut_version(edited(two, description=HOSTILE), by=None, note=HOSTILE[:100])
        client = signed_in(cast.viewer)
        for path in ("", "3/", "2/diff/3/"):
            page = html(client.get(f"{VERSIONS}{path}"))
            assert "<script>alert" not in page
            assert escape(HOSTILE[:50]) in page

    def test_what_is_too_long_for_a_page_is_cut_and_counted(self, cast: Cast) -> None:
        def spec(mark: str) -> CrewSpec:
            tasks = tuple(
                TaskSpec(key=f"t{n}", description=f"{mark} " * 900, agent="a", name=f"{mark}{n}") for n in range(400)
            )
            return CrewSpec(name="Company brief", agents=(AgentSpec(key="a", role="R"),), tasks=tasks)

        crew = create_crew(cast.owner, name="Company brief", spec=spec("x"))
        cut_version(crew, by=None)
        crew = replace_spec(maker_of(crew), crew, expected_revision=crew.revision, spec=spec("y"))
        cut_version(crew, by=None)
        response = signed_in(cast.viewer).get(f"{VERSIONS}1/diff/2/")
        diff = response.context["diff"]
        parts = [part for _, changes in diff.groups for change in changes for part in change.parts]
        assert sum(len(part.text) + len(part.rest) for part in parts) <= MAX_PAGE_CHARS
        assert (diff.changed, diff.left_out) == (800, 800 - MAX_CHANGES)
        assert all(len(part.text) + part.more == 1_800 for part in parts)
        assert "500 more changes not shown" in html(response)


class TestVerbs:
    def test_an_editor_saves_the_draft_with_a_message(self, cast: Cast, crew: Crew) -> None:
        response = signed_in(cast.editor).post(f"{VERSIONS}save/", {"note": "Shorter"}, follow=True)
        assert "frozen as version 1" in html(response)
        assert crew.versions.get().note == "Shorter"
        response = signed_in(cast.editor).post(f"{VERSIONS}save/", {"note": "Shorter still"}, follow=True)
        assert "equals version 1, so no version was made. It has your message now." in html(response)

    def test_what_was_typed_stays_when_it_is_refused(self, cast: Cast) -> None:
        create_crew(cast.owner, name="Company brief")
        response = signed_in(cast.editor).post(f"{VERSIONS}save/", {"note": "My reasons"})
        assert response.status_code == 422
        assert "cannot run yet" in html(response)
        assert 'value="My reasons"' in html(response)

    def test_a_message_is_changed_later(self, cast: Cast, two: Crew) -> None:
        client = signed_in(cast.editor)
        assert client.post(f"{VERSIONS}1/note/", {"note": "Why"})["Location"] == f"{VERSIONS}1/"
        assert two.versions.get(number=1).note == "Why"
        refused = client.post(f"{VERSIONS}1/note/", {"note": "x" * 201})
        assert refused.status_code == 422
        assert "x" * 201 in html(refused)
        assert two.versions.get(number=1).note == "Why"

    def test_a_version_is_restored_and_the_draft_is_kept(self, cast: Cast, two: Crew) -> None:
        crew = edited(two, description="Not in any version")
        client = signed_in(cast.editor)
        response = client.post(f"{VERSIONS}1/restore/", {"revision": crew.revision}, follow=True)
        assert "The draft is version 1 again. What it was before is kept as version 3." in html(response)
        assert spec_of(Crew.objects.get(pk=crew.pk)).content_hash == crew.versions.get(number=1).content_hash

    @pytest.mark.parametrize("revision", ["", "x", "1"])
    def test_a_stale_revision_is_a_conflict_that_changes_nothing(self, cast: Cast, two: Crew, revision: str) -> None:
        before = spec_of(two)
        response = signed_in(cast.editor).post(f"{VERSIONS}1/restore/", {"revision": revision}, follow=True)
        assert "Somebody changed this crew" in html(response)
        assert spec_of(Crew.objects.get(pk=two.pk)) == before

    def test_a_runner_reads_and_changes_nothing(self, cast: Cast, two: Crew) -> None:
        client = signed_in(cast.runner)
        pages = [html(client.get(f"{VERSIONS}{path}")) for path in ("", "1/", "1/diff/2/")]
        assert not any("restore/" in page or "save/" in page or "note/" in page for page in pages)
        assert "As it came" in pages[1]
        for path in ("save/", "1/note/", "1/restore/"):
            assert client.post(f"{VERSIONS}{path}", {"revision": two.revision}).status_code == 403
