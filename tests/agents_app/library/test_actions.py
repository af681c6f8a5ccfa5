"""The library of agents: kept, changed and withdrawn; added to crews, taken over there or not, and given back."""

from __future__ import annotations

from typing import Any

import pytest
from django.db import DatabaseError, transaction

from agents_app.actions import archive_crew, copy_crew, create_crew, cut_version, delete_agent, replace_spec, save_agent
from agents_app.library import actions, queries
from agents_app.library.in_crews.actions import (
    add_to_crew,
    give_back,
    keep_from_crew,
    keep_own,
    link,
    take_over,
    unlink,
    use_as_kept,
)
from agents_app.library.linked import Linked
from agents_app.library.texts import MAX_AGENT_CHARS
from agents_app.models import Crew, LibraryAgent, LibraryLink, LibraryVersion
from agents_app.snapshot import spec_of
from agents_app.versions.actions import restore
from engine.spec.crew_spec import AgentSpec, LLMSpec
from engine.spec.size import MAX_TEXT_CHARS
from teams.log.links import addresses
from teams.models import AuditEntry
from teams.refusals import Conflict, Invalid
from tests.cast import Cast, make_crew, owner_of

pytestmark = pytest.mark.django_db


def now(crew: Crew) -> Crew:
    return Crew.objects.get(pk=crew.pk)


def linked(crew: Crew, key: str = "news") -> Linked:
    return queries.link_of(now(crew), key)


def agent(crew: Crew, key: str = "news") -> AgentSpec:
    found = spec_of(now(crew)).agent(key)
    assert found is not None
    return found


def says(crew: Crew, key: str = "news", **changes: Any) -> Crew:
    """As somebody edits the agent in the crew."""
    crew = now(crew)
    spec = agent(crew, key).model_copy(update=changes)
    return save_agent(owner_of(crew), crew, expected_revision=crew.revision, key=key, spec=spec)


def changed(cast: Cast, kept: LibraryAgent, *, name: str = "", note: str = "", **changes: Any) -> LibraryAgent:
    """As somebody changes it in the library."""
    kept = LibraryAgent.objects.get(pk=kept.pk)
    spec = AgentSpec.from_json(kept.spec).model_copy(update=changes)
    return actions.change(
        cast.editor, kept, expected_revision=kept.revision, name=name or kept.name, spec=spec, note=note
    )


def taken(cast: Cast, crew: Crew, key: str = "news", **choices: str) -> Crew:
    paths = {f"agents.{key}.{field}": side for field, side in choices.items()}
    seen, crew = linked(crew, key).kept.number, now(crew)
    return take_over(cast.editor, crew, key, expected_revision=crew.revision, number=seen, choices=paths).crew


def told() -> list[str]:
    return list(AuditEntry.objects.order_by("pk").values_list("action", flat=True))


@pytest.fixture
def kept(cast: Cast, crew: Crew) -> LibraryAgent:
    return keep_from_crew(cast.editor, crew, "news", name="Newshound", note="Of the first crew")


def test_an_agent_of_a_crew_is_kept_and_the_crew_stays_what_it_was(cast: Cast, crew: Crew) -> None:
    before = cut_version(crew, by=cast.owner.user)
    kept = keep_from_crew(cast.editor, crew, "news", name="  News\n hound ")
    assert (kept.name, kept.number, kept.role, kept.model_id) == ("News hound", 1, "News analyst", "gpt-4o-mini")
    assert AgentSpec.from_json(kept.spec) == agent(crew)
    assert cut_version(now(crew), by=None) == before, "a link is no part of what runs"
    assert (now(crew).revision, linked(crew).override_names, linked(crew).has_offer) == (crew.revision, [], False)
    assert [found.uses for found in queries.library(cast.viewer)] == [1]  # type: ignore[attr-defined]
    assert not queries.library(cast.stranger).exists()
    assert told()[-1] == "agent.kept"


def test_what_is_not_kept_says_why(cast: Cast, crew: Crew, kept: LibraryAgent) -> None:
    spec = AgentSpec(key="a", role="R")
    large = spec.model_copy(update=dict.fromkeys(("goal", "backstory"), "x" * (MAX_AGENT_CHARS // 2)))
    long = spec.model_copy(update={"backstory": "x" * (MAX_TEXT_CHARS + 1)})
    for field, order in {
        "name": {"name": " ", "spec": spec},
        "name.taken": {"name": "NEWSHOUND", "spec": spec},
        "name.long": {"name": "n" * 201, "spec": spec},
        "note": {"name": "N", "spec": spec, "note": "n" * 201},
        "agents.a.backstory": {"name": "N", "spec": long},
        "spec": {"name": "N", "spec": large},
    }.items():
        with pytest.raises(Invalid) as refused:
            actions.keep(cast.editor, **order)  # type: ignore[arg-type]
        assert field.startswith(next(iter(refused.value.fields))), field
    with pytest.raises(Invalid):
        changed(cast, actions.keep(cast.editor, name="Other", spec=spec), name="newshound")
    with pytest.raises(Conflict):
        keep_from_crew(cast.editor, crew, "nobody", name="N")
    with pytest.raises(Conflict):
        keep_from_crew(cast.editor, crew, "lead", name="N", expected_revision=crew.revision + 1)
    assert {found.name for found in LibraryAgent.objects.all()} == {"Newshound", "Other"}


def test_a_change_makes_a_version_that_crews_are_offered_and_keep_until_it_is_taken_over(
    cast: Cast, crew: Crew, kept: LibraryAgent
) -> None:
    before = spec_of(now(crew))
    kept = changed(cast, kept, goal="Find all news about {company}", note="All of it")
    assert (kept.number, kept.revision) == (2, 2)
    assert spec_of(now(crew)) == before
    assert linked(crew).has_offer
    assert changed(cast, kept).revision == 2, "nothing changed"
    renamed = changed(cast, kept, name="Hound")
    assert (renamed.number, renamed.revision, linked(crew).kept.name) == (2, 3, "Hound")
    version = cut_version(now(crew), by=None)
    crew = taken(cast, crew)
    assert agent(crew).goal == "Find all news about {company}"
    assert (linked(crew).has_offer, linked(crew).number) == (False, 2)
    assert cut_version(crew, by=None).number == version.number + 1
    assert version.spec == before.to_json()
    notes = LibraryVersion.objects.order_by("number").values_list("note", flat=True)
    assert list(notes) == ["Of the first crew", "All of it"]
    assert told()[-4:] == ["agent.changed", "agent.changed", "crew.changed", "agent.taken_over"]


def test_the_log_tells_of_it_by_names_and_leads_there(cast: Cast, crew: Crew, kept: LibraryAgent) -> None:
    kept = changed(cast, kept, goal="A prompt that nobody reads here", llm=LLMSpec(model="gpt-4o"), name="Hound")
    taken(cast, crew)
    entries = AuditEntry.objects.filter(action__startswith="agent.").order_by("pk")
    assert [(entry.action, entry.object, entry.detail) for entry in entries] == [
        ("agent.kept", "Newshound", {}),
        ("agent.changed", "Hound", {"was": "Newshound", "now": "Hound", "version": 2, "fields": "goal, llm"}),
        ("agent.taken_over", "Hound", {"crew": crew.slug, "key": "news", "version": 2}),
    ]
    page = f"/t/acme/agents/{kept.pk}/"
    assert set(addresses(cast.owner, entries).values()) == {page}
    actions.withdraw(cast.editor, kept)
    assert addresses(cast.owner, entries) == {}


def test_what_the_crew_says_differently_stays_and_what_both_changed_is_chosen(
    cast: Cast, crew: Crew, kept: LibraryAgent
) -> None:
    crew = says(crew, goal="Mine", backstory="Mine alone")
    assert linked(crew).override_names == ["goal", "backstory"]
    changed(cast, kept, goal="Theirs", max_iter=5)
    with pytest.raises(Invalid) as refused:
        taken(cast, crew)
    assert (refused.value.code, set(refused.value.fields)) == ("undecided", {"agents.news.goal"})
    crew = taken(cast, crew, goal="mine")
    found = agent(crew)
    assert (found.goal, found.backstory, found.max_iter) == ("Mine", "Mine alone", 5)
    assert linked(crew).override_names == ["goal", "backstory"]
    assert not linked(crew).has_offer
    changed(cast, kept, goal="Theirs again")
    assert agent(taken(cast, crew, goal="theirs")).goal == "Theirs again"
    assert linked(crew).override_names == ["backstory"]


def test_keep_mine_is_remembered_until_the_next_change(cast: Cast, crew: Crew, kept: LibraryAgent) -> None:
    changed(cast, kept, goal="Theirs")
    keep_own(cast.editor, crew, "news", number=2)
    assert (linked(crew).has_offer, linked(crew).override_names) == (False, ["goal"])
    assert now(crew).revision == crew.revision
    with pytest.raises(Conflict):
        keep_own(cast.editor, crew, "news", number=2)
    changed(cast, kept, backstory="Of the sea")
    offered = linked(crew)
    assert (offered.has_offer, offered.base.number, offered.merged({}).conflicts) == (True, 2, ())
    crew = taken(cast, crew)
    assert (agent(crew).goal, agent(crew).backstory) == ("Find the news about {company}", "Of the sea")
    assert told()[-1] == "agent.taken_over"
    assert "agent.own_kept" in told()


def test_what_the_crew_says_already_is_no_offer(cast: Cast, crew: Crew, kept: LibraryAgent) -> None:
    says(crew, goal="The same")
    changed(cast, kept, goal="The same")
    assert (linked(crew).has_offer, linked(crew).overrides, linked(crew).number) == (False, (), 2)
    changed(cast, kept, goal="Other")
    changed(cast, kept, goal="The same", key="hound")
    assert not linked(crew).has_offer


def test_taking_over_another_version_than_was_seen_or_from_another_draft_is_a_conflict(
    cast: Cast, crew: Crew, kept: LibraryAgent
) -> None:
    changed(cast, kept, goal="Two")
    changed(cast, kept, goal="Three")
    for number, revision in ((2, crew.revision), (3, crew.revision + 1)):
        with pytest.raises(Conflict):
            take_over(cast.editor, crew, "news", expected_revision=revision, number=number, choices={})
    with pytest.raises(Conflict):
        use_as_kept(cast.editor, crew, "news", expected_revision=crew.revision, number=2)
    with pytest.raises(Conflict):
        give_back(cast.editor, crew, "news", number=2)
    assert agent(crew).goal == "Find the news about {company}"


def test_added_to_a_crew_it_gets_a_key_that_is_free(cast: Cast, crew: Crew, kept: LibraryAgent) -> None:
    other = create_crew(cast.owner, name="Other")
    other, key = add_to_crew(cast.editor, other, kept, expected_revision=other.revision)
    assert (key, agent(other).role) == ("news", "News analyst")
    other, second = add_to_crew(cast.editor, other, kept, expected_revision=other.revision)
    other, third = add_to_crew(cast.editor, other, kept, expected_revision=other.revision)
    assert (second, third) == ("news_2", "news_3")
    other, own = add_to_crew(cast.editor, other, kept, expected_revision=other.revision, key="hound")
    assert [each.override_names for each in queries.links_of(other).values()] == [[]] * 4
    with pytest.raises(Invalid):
        add_to_crew(cast.editor, other, kept, expected_revision=other.revision, key=own)
    with pytest.raises(Conflict):
        add_to_crew(cast.editor, other, kept, expected_revision=other.revision - 1)
    assert queries.uses_of(kept).all == 5
    archive_crew(cast.owner, other)
    assert [use.crew.pk for use in queries.uses_of(kept).shown] == [crew.pk]
    assert queries.library(cast.owner).get().uses == 1  # type: ignore[attr-defined]


def test_given_back_what_a_crew_says_is_offered_to_the_others(cast: Cast, crew: Crew, kept: LibraryAgent) -> None:
    other = make_crew(cast.owner)
    link(cast.editor, other, "news", kept)
    says(crew, goal="Better")
    kept = give_back(cast.editor, now(crew), "news", number=1, note="Better news")
    assert (kept.number, AgentSpec.from_json(kept.spec).goal) == (2, "Better")
    assert (linked(crew).has_offer, linked(crew).overrides) == (False, ())
    assert linked(other).has_offer
    says(other, backstory="Its own")
    with pytest.raises(Conflict, match="Take that over"):
        give_back(cast.editor, now(other), "news", number=2)
    use_as_kept(cast.editor, now(other), "news", expected_revision=now(other).revision, number=2)
    assert (agent(other).goal, agent(other).backstory, linked(other).overrides) == ("Better", "", ())


def test_linked_again_as_after_an_import_what_differs_is_the_crews_own(
    cast: Cast, crew: Crew, kept: LibraryAgent
) -> None:
    changed(cast, kept, goal="Two")
    imported = create_crew(cast.owner, name="Imported", spec=spec_of(now(crew)))
    assert queries.links_of(imported) == {}, "a crew's JSON does not say where its agents come from"
    assert link(cast.editor, imported, "news", kept).override_names == ["goal"]
    assert not linked(imported).has_offer
    unlink(cast.editor, imported, "news")
    assert queries.links_of(imported) == {}
    assert agent(imported).goal == "Find the news about {company}"
    with pytest.raises(Conflict):
        unlink(cast.editor, imported, "news")


def test_withdrawn_crews_keep_what_they_have(cast: Cast, crew: Crew, kept: LibraryAgent) -> None:
    before = spec_of(now(crew))
    with pytest.raises(Conflict):
        actions.withdraw(cast.editor, kept, expected_revision=7)
    actions.withdraw(cast.editor, kept, expected_revision=1)
    assert (spec_of(now(crew)), queries.links_of(now(crew))) == (before, {})
    assert not LibraryVersion.objects.exists()
    assert told()[-1] == "agent.withdrawn"
    for late in (
        lambda: actions.withdraw(cast.editor, kept),
        lambda: actions.change(cast.editor, kept, expected_revision=1, name="N", spec=agent(crew)),
        lambda: add_to_crew(cast.editor, now(crew), kept, expected_revision=now(crew).revision),
        lambda: link(cast.editor, now(crew), "news", kept),
        lambda: keep_own(cast.editor, now(crew), "news", number=1),
        lambda: take_over(cast.editor, now(crew), "news", expected_revision=1, number=1, choices={}),
    ):
        with pytest.raises(Conflict):
            late()
    assert actions.keep(cast.editor, name="Newshound", spec=agent(crew)).number == 1


def test_a_page_compares_no_more_than_it_can_with_the_library(
    cast: Cast, crew: Crew, kept: LibraryAgent, monkeypatch: pytest.MonkeyPatch
) -> None:
    for _ in range(3):
        link(cast.editor, make_crew(cast.owner), "news", kept)
    uses = queries.uses_of(kept)
    assert (len(uses.shown), uses.all, uses.left_out) == (4, 4, 0)
    monkeypatch.setattr(queries, "MAX_CHARS_OF_USES", 250)
    uses = queries.uses_of(kept)
    assert (0 < len(uses.shown) < 4, uses.all, len(uses.shown) + uses.left_out) == (True, 4, 4)


def test_a_version_of_the_library_is_frozen(kept: LibraryAgent) -> None:
    version = kept.versions.get()
    version.note = "Said later"
    version.save()
    version.spec = version.spec | {"goal": "Other"}
    with pytest.raises(DatabaseError, match="frozen"), transaction.atomic():
        version.save()


def test_the_links_of_a_draft_follow_its_agents(cast: Cast, crew: Crew, kept: LibraryAgent) -> None:
    version = cut_version(now(crew), by=None)
    says(crew, goal="Its own")
    copy = copy_crew(cast.editor, now(crew))
    assert linked(copy).override_names == ["goal"]
    restore(cast.editor, version, expected_revision=now(crew).revision)
    assert linked(crew).override_names == []
    spec = agent(crew).model_copy(update={"key": "hound"})
    save_agent(cast.editor, now(crew), expected_revision=now(crew).revision, key="news", spec=spec)
    assert (list(queries.links_of(now(crew))), linked(crew, "hound").overrides) == (["hound"], ())
    delete_agent(cast.editor, now(crew), expected_revision=now(crew).revision, key="hound")
    assert not LibraryLink.objects.filter(crew=crew).exists()
    emptied = spec_of(now(copy)).model_copy(update={"agents": ()})
    replace_spec(cast.editor, now(copy), expected_revision=now(copy).revision, spec=emptied)
    assert not LibraryLink.objects.exists()


def test_the_library_is_searched_by_word_in_pages(cast: Cast, kept: LibraryAgent) -> None:
    for number in range(3):
        spec = AgentSpec(key="a", role=f"Writer {number}", tools=("calculator",), llm="gpt-4o")  # type: ignore[arg-type]
        actions.keep(cast.editor, name=f"W{number}", spec=spec)
    for search, names in {
        "": ["Newshound", "W0", "W1", "W2"],
        "calcul 4o": ["W0", "W1", "W2"],
        "writer 2": ["W2"],
        "mini": ["Newshound"],
        "%": [],
    }.items():
        assert [found.name for found in queries.agents(cast.viewer, search).items] == names, search
    first = queries.agents(cast.viewer, limit=3)
    second = queries.agents(cast.viewer, offset=first.next or 0, limit=3)
    assert ([len(page.items) for page in (first, second)], second.next) == ([3, 1], None)
    with pytest.raises(Invalid):
        queries.agents(cast.viewer, "x" * 101)
