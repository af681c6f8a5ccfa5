"""What is done to crews and runs is in the log, by names and figures and without a text, and leads to what is there."""

from __future__ import annotations

from dataclasses import replace
from decimal import Decimal
from typing import Any

import pytest
from django.db import transaction

from agents_app import actions as crews
from agents_app.knowledge.actions import delete_document, upload_document
from agents_app.models import Crew
from agents_app.snapshot import spec_of
from agents_app.versions.actions import describe, restore, save_version
from engine.spec.crew_spec import AgentSpec, LLMSpec, TaskSpec
from runs.limits.actions import limits_of, resume, set_limits
from runs.models import Review, SavedView
from runs.prices.actions import PriceOrder, set_price, take_back
from runs.ratings import actions as ratings
from runs.reports.actions import choose
from runs.retention.actions import keep_texts
from runs.run.actions import Decision, decide, pin, request_cancel, unpin
from runs.saved_views import actions as views
from runs.states import RunState
from teams.log.links import addresses
from teams.models import AuditEntry, Team
from tests.cast import Cast, make_crew
from tests.ledger import make_run, make_task

pytestmark = pytest.mark.django_db

HIDDEN = "a prompt that nobody reads here"


def told() -> list[tuple[str, str, dict[str, Any]]]:
    """What was logged since the last look."""
    found = AuditEntry.objects.order_by("pk")[told.seen :]  # type: ignore[attr-defined]
    entries = [(entry.action, entry.object, entry.detail) for entry in found]
    told.seen += len(entries)  # type: ignore[attr-defined]
    return entries


@pytest.fixture(autouse=True)
def nothing_seen() -> None:
    told.seen = 0  # type: ignore[attr-defined]


def where() -> str:
    """The address of the newest entry's object, for the team's owner."""
    entry = AuditEntry.objects.latest("pk")
    who = crews.Principal(entry.team.memberships.get(role=40).user, entry.team, 40)  # type: ignore[arg-type]
    return addresses(who, [entry]).get(entry.pk, "")


def test_crews(cast: Cast) -> None:
    who = cast.editor
    crew = make_crew(who)
    assert told() == [("crew.made", "Company brief", {})]
    assert where() == "/t/acme/crews/company-brief/"

    def edit(action: Any, **what: Any) -> None:
        action(who, crew, expected_revision=Crew.objects.get(pk=crew.pk).revision, **what)

    spec = spec_of(crew)
    other = LLMSpec(model="gpt-4o", max_tokens=200)
    edit(crews.save_agent, key="news", spec=replace_agent(spec.agent("news"), goal=HIDDEN, llm=other))
    models = "news: gpt-4o-mini → gpt-4o"
    assert told() == [
        ("crew.changed", "Company brief", {"revision": 2, "agents_changed": "news (goal, llm)", "models": models})
    ]
    edit(crews.save_task, key=None, spec=TaskSpec(key="more", description=HIDDEN, agent="lead"))
    edit(crews.move_task, key="more", offset=-1)
    edit(crews.delete_task, key="more")
    edit(crews.delete_agent, key="news")
    edit(crews.save_crew, changes=spec_of(Crew.objects.get(pk=crew.pk)).model_copy(update={"process": "parallel"}))
    edit(crews.save_crew, changes=spec_of(Crew.objects.get(pk=crew.pk)))  # changes nothing
    details = [detail for _, _, detail in told()]
    assert details == [
        {"revision": 3, "tasks_added": "more"},
        {"revision": 4, "tasks_order": "changed"},
        {"revision": 5, "tasks_removed": "more"},
        {"revision": 6, "agents_removed": "news", "tasks_changed": "headlines (agent)"},
        {"revision": 7, "process": "sequential → parallel"},
    ]
    crews.copy_crew(who, crew)
    assert told() == [("crew.made", "Company brief copy", {"copy_of": "Company brief"})]
    crews.archive_crew(who, crew)
    assert told() == [("crew.archived", "Company brief", {})]
    assert where() == ""
    assert HIDDEN not in " ".join(map(str, AuditEntry.objects.values_list()))


def test_versions_and_documents(cast: Cast, crew: Crew) -> None:
    who = cast.editor
    told()
    version = save_version(who, crew, note="First").version
    save_version(who, crew, note="Renamed")
    describe(who, version, note="Renamed")  # as it is
    assert told() == [
        ("version.saved", "Company brief v1", {"note": "First"}),
        ("version.described", "Company brief v1", {"was": "First", "now": "Renamed"}),
    ]
    assert where() == "/t/acme/crews/company-brief/versions/1/"
    crews.save_agent(who, crew, expected_revision=1, key=None, spec=AgentSpec(key="extra", role="Extra"))
    told()
    restore(who, version, expected_revision=Crew.objects.get(pk=crew.pk).revision)
    assert [(action, detail.get("draft_kept_as", "")) for action, _, detail in told()][-1] == (
        "version.restored",
        "Company brief v2",
    )

    document = upload_document(who, title="notes.txt", data=HIDDEN.encode()).document
    assert where() == f"/t/acme/knowledge/{document.pk}/"
    delete_document(who, document)
    assert where() == ""
    assert [action for action, _, _ in told()] == ["document.added", "document.deleted"]
    assert HIDDEN not in " ".join(map(str, AuditEntry.objects.values_list()))


def replace_agent(agent: AgentSpec | None, **changes: Any) -> AgentSpec:
    assert agent is not None
    return agent.model_copy(update=changes)


def test_runs_are_cancelled_decided_pinned_and_rated(cast: Cast, crew: Crew) -> None:
    told()
    runner = cast.runner
    done, queued = make_run(runner, crew), make_run(runner, crew, state=RunState.QUEUED)
    waiting = make_run(runner, crew, state=RunState.WAITING, waiting_for="person")
    Review.objects.create(task_run=make_task(waiting, "brief", state="waiting"), number=0, answer="Draft")
    assert told() == []  # a launch says itself whose it is
    decide(runner, waiting, "brief", Decision(approved=False, comment=HIDDEN))
    assert told() == [
        ("run.decided", f"Company brief: {waiting.pk}", {"task": "brief", "about": "answer", "approved": False})
    ]
    assert where() == f"/t/acme/runs/{waiting.pk}/"
    request_cancel(runner, waiting)
    request_cancel(runner, queued)
    resume(runner, make_run(runner, crew, state=RunState.RUNNING), budget_usd=Decimal("2.5"))
    pin(runner, done)
    unpin(runner, done)
    unpin(runner, done)
    ratings.rate(cast.viewer, done, stars=4)
    ratings.rate(cast.viewer, done, stars=2, word=HIDDEN)
    ratings.take_back(cast.viewer, done)
    ratings.take_back(cast.viewer, done)
    assert [(action, detail) for action, _, detail in told()] == [
        ("run.cancelled", {}),
        ("run.cancelled", {}),
        ("run.budget_set", {"budget_usd": "none → 2.5"}),
        ("run.pinned", {}),
        ("run.unpinned", {}),
        ("run.rated_anew", {"was": 4, "now": 2}),
        ("run.rating_removed", {"was": 2}),
    ]
    assert HIDDEN not in " ".join(map(str, AuditEntry.objects.values_list()))


def test_money_and_views_say_what_it_was_and_what_it_became(cast: Cast) -> None:
    owner, runner = cast.owner, cast.runner
    limits = replace(limits_of(cast.team), budget_usd=Decimal(20), members={runner.user.pk: Decimal(3)})
    set_limits(owner, limits)
    set_limits(owner, limits)  # as they are
    keep_texts(owner, 30)
    keep_texts(owner, 30)
    order = PriceOrder("azure/ours", input_usd_per_mtok=Decimal(1), output_usd_per_mtok=Decimal(2))
    quote = set_price(owner, order)
    assert where() == "/t/acme/prices/"
    take_back(owner, quote)
    choose(runner, ["week"])  # type: ignore[list-item]
    choose(runner, [])
    found = told()
    assert found[0] == ("limits.set", "Acme", {"budget_usd": "none → 20", "members": "runner@example.com: none → 3"})
    assert found[1] == ("limits.texts_kept", "Acme", {"days_were": None, "days": 30})
    assert found[2][:2] == ("price.set", "azure/ours")
    assert found[2][2] == {"input_usd_per_mtok": "1", "output_usd_per_mtok": "2"}
    assert [action for action, _, _ in found[3:]] == ["price.taken_back", "reports.chosen", "reports.chosen"]
    assert found[5][2] == {"was": "week", "now": "none"}
    shown = views.Shown(q="status:failed", sort="-created", columns="")
    shown = replace(shown, sort=next(iter(views.ORDERS)))
    own = views.save_view(runner, "Mine", shown, for_team=False)
    views.rename_view(runner, own, "Still mine")
    views.remove_view(runner, own)
    assert told() == []  # what somebody keeps for themselves
    ours = views.save_view(cast.editor, "Ours", shown, for_team=True)
    assert where() == f"/t/acme/runs/views/{ours.pk}/"
    views.rename_view(cast.editor, SavedView.objects.get(pk=ours.pk), "Failed ones")
    views.remove_view(cast.editor, SavedView.objects.get(pk=ours.pk))
    assert [(action, thing, detail) for action, thing, detail in told()] == [
        ("view.saved", "Ours", {}),
        ("view.renamed", "Ours", {"now": "Failed ones"}),
        ("view.removed", "Failed ones", {}),
    ]


def test_what_is_refused_or_fails_is_not_in_it(cast: Cast, crew: Crew) -> None:
    told()
    with transaction.atomic():
        crews.archive_crew(cast.owner, crew)
        transaction.set_rollback(True)
    assert told() == []
    assert Team.objects.filter(pk=cast.team.pk).exists()
