"""The form that launches a run: what it asks for, what it launches, and what it refuses."""

from __future__ import annotations

import re
from typing import Any
from uuid import uuid4

import pytest
from django.utils.html import escape

from agents_app.actions import archive_crew, cut_version, replace_spec
from agents_app.models import Crew
from agents_app.snapshot import spec_of
from engine.simulated.speed import in_words
from engine.spec.crew_spec import LLMSpec, QuestionGuardrail
from runs.models import Run
from teams.actions import add_provider, begin_team
from tests.cast import Cast, maker_of
from tests.ledger import make_run
from tests.pages import CREW, LAUNCH, html, page_of, signed_in

pytestmark = pytest.mark.django_db


def order(**typed: Any) -> dict[str, Any]:
    return {"inputs.company": "Initech", "simulated": "yes", "priority": "normal", "key": str(uuid4()), **typed}


class TestLaunch:
    def test_the_form_asks_for_each_placeholder_with_its_default(self, cast: Cast, crew: Crew) -> None:
        spec = spec_of(crew).model_copy(update={"inputs": {"company": "Acme Corp"}})
        replace_spec(maker_of(crew), crew, expected_revision=crew.revision, spec=spec)
        form = signed_in(cast.runner).get(LAUNCH).context["page"].form
        assert [(field.label, field.value()) for field in form.inputs] == [("company", "Acme Corp")]

    def test_inputs_are_typed_in_any_language(self, cast: Cast, crew: Crew) -> None:
        (field,) = re.findall(r"<textarea[^>]*inputs.company[^>]*>", html(signed_in(cast.runner).get(LAUNCH)))
        assert 'dir="auto"' in field
        assert 'lang=""' in field

    def test_what_looks_like_an_input_and_what_nothing_uses_is_said_before(self, cast: Cast, crew: Crew) -> None:
        spec = spec_of(crew)
        first = spec.tasks[0].model_copy(update={"description": "Figures of { company }"})
        changed = spec.model_copy(update={"tasks": (first, *spec.tasks[1:]), "inputs": {"compny": "Acme"}})
        replace_spec(maker_of(crew), crew, expected_revision=crew.revision, spec=changed)
        page = html(signed_in(cast.runner).get(LAUNCH))
        assert "Look at this before you launch." in page
        assert "{ company } is no input: it is sent to the model as { company }." in page
        assert "<code>inputs.compny</code> No text uses this input." in page
        assert html(signed_in(cast.editor).get(CREW)).count(f'href="{CREW}json/"') >= 1
        assert signed_in(cast.runner).post(LAUNCH, order()).status_code == 302

    def test_it_says_how_fast_simulated_models_are_and_by_which_figures(
        self, cast: Cast, crew: Crew, settings: Any
    ) -> None:
        client = signed_in(cast.runner)
        for pace in (1, 0):
            settings.SIMULATED_PACE = pace
            assert escape(in_words(pace)) in html(client.get(LAUNCH))

    def test_launching_leads_to_the_run(self, cast: Cast, crew: Crew) -> None:
        response = signed_in(cast.runner).post(LAUNCH, order(budget_usd="0.50", priority="high"))
        run = Run.objects.get()
        assert response["Location"] == page_of(run)
        assert (run.inputs, run.simulated, run.priority) == ({"company": "Initech"}, True, "high")
        assert run.budget_nusd == 500_000_000

    def test_a_missing_input_is_told_at_its_field_and_nothing_is_launched(self, cast: Cast, crew: Crew) -> None:
        response = signed_in(cast.runner).post(LAUNCH, order(**{"inputs.company": ""}))
        assert response.status_code == 422
        assert list(response.context["page"].form.errors) == ["inputs.company"]
        assert not Run.objects.exists()

    @pytest.mark.parametrize("budget", ["-1", "0", "lots", "1e30"])
    def test_a_budget_that_is_none_is_told_at_its_field(self, cast: Cast, crew: Crew, budget: str) -> None:
        response = signed_in(cast.runner).post(LAUNCH, order(budget_usd=budget))
        assert "budget_usd" in response.context["page"].form.errors
        assert not Run.objects.exists()

    def test_a_form_that_is_sent_twice_launches_once(self, cast: Cast, crew: Crew) -> None:
        client, typed = signed_in(cast.runner), order()
        first, second = client.post(LAUNCH, typed), client.post(LAUNCH, typed)
        assert first["Location"] == second["Location"]
        assert Run.objects.count() == 1

    def test_a_launched_form_with_other_inputs_asks_once_more(self, cast: Cast, crew: Crew) -> None:
        client, typed = signed_in(cast.runner), order()
        client.post(LAUNCH, typed)
        again = client.post(LAUNCH, typed | {"inputs.company": "Another"})
        assert again.status_code == 422
        new_key = re.search(r'name="key" value="([^"]+)"', html(again))
        assert new_key is not None
        assert new_key[1] != typed["key"]
        client.post(LAUNCH, typed | {"inputs.company": "Another", "key": new_key[1]})
        assert Run.objects.count() == 2

    def test_a_real_run_without_keys_is_refused_with_the_models_that_lack_one(self, cast: Cast, crew: Crew) -> None:
        response = signed_in(cast.owner).post(LAUNCH, order(simulated="no"))
        assert response.status_code == 422
        assert "gpt-4o-mini" in str(response.context["page"].form.non_field_errors())
        assert "/t/acme/settings/providers/#add-key" in html(response)
        assert not Run.objects.exists()

    def test_models_of_manager_planner_and_guardrails_need_keys_too(self, cast: Cast, crew: Crew) -> None:
        add_provider(cast.owner, provider="openai", api_key="sk-x")
        spec = spec_of(crew)
        rails = (QuestionGuardrail(question="Is it short?", llm=LLMSpec(model="deepseek/deepseek-chat")),)
        tasks = (spec.tasks[0].model_copy(update={"guardrails": rails}), *spec.tasks[1:])
        others = {"manager_llm": LLMSpec(model="mistral/mistral-large-latest"), "process": "hierarchical"}
        others |= {"planning_llm": LLMSpec(model="claude-sonnet-4-5"), "planning": True}
        changed = spec.model_copy(update={"tasks": tasks, **others})
        replace_spec(maker_of(crew), crew, expected_revision=crew.revision, spec=changed)
        response = signed_in(cast.owner).post(LAUNCH, order(simulated="no"))
        assert response.status_code == 422
        for model in ("mistral-large-latest", "deepseek-chat", "claude-sonnet-4-5"):
            assert model in html(response)
        assert not Run.objects.exists()

    def test_with_a_key_a_run_is_real_unless_said_otherwise(self, cast: Cast, crew: Crew) -> None:
        add_provider(cast.owner, provider="openai", api_key="sk-x")
        page = signed_in(cast.runner).get(LAUNCH).context["page"]
        assert page.form["simulated"].value() == "no"
        assert not page.missing_keys

    def test_running_again_takes_over_inputs_version_and_kind(self, cast: Cast, crew: Crew) -> None:
        earlier = make_run(cast.owner, crew, inputs={"company": "Hooli"}, simulated=True, budget_nusd=250_000_000)
        spec = spec_of(crew).model_copy(update={"description": "Changed since"})
        replace_spec(maker_of(crew), crew, expected_revision=crew.revision, spec=spec)
        page = signed_in(cast.runner).get(LAUNCH, {"from": str(earlier.pk)}).context["page"]
        assert page.version == earlier.version
        assert page.form["inputs.company"].value() == "Hooli"
        assert page.form["simulated"].value() == "yes"
        assert page.form["budget_usd"].value() == "0.25"
        draft = signed_in(cast.runner).get(LAUNCH, {"from": str(earlier.pk), "version": "draft"}).context["page"]
        assert draft.version is None

    def test_the_caps_of_the_team_are_told_before_the_launch_and_kept_to(self, cast: Cast, crew: Crew) -> None:
        assert "what the team gives each run" not in html(signed_in(cast.runner).get(LAUNCH))
        begun = begin_team(email="other@example.com", name="Other")
        cast.team.run_budget_nusd, cast.team.run_max_calls = begun.run_budget_nusd, begun.run_max_calls
        cast.team.run_max_seconds = begun.run_max_seconds
        cast.team.save()
        client = signed_in(cast.runner)
        page = html(client.get(LAUNCH))
        assert "At most $5, 500 model requests and 1 hour: what the team gives each run. An owner can lift it" in page
        assert 'href="/t/acme/limits/"' in page
        assert "At most 500, also if left empty." in page
        refused = client.post(LAUNCH, order(max_calls="501", max_seconds="10"))
        assert refused.status_code == 422
        assert list(refused.context["page"].form.errors) == ["max_calls"]
        assert not Run.objects.exists()
        client.post(LAUNCH, order(max_seconds="10"))
        run = Run.objects.get()
        assert (run.budget_nusd, run.max_calls, run.max_seconds) == (5_000_000_000, 500, 10)

    def test_running_again_asks_for_no_more_than_the_team_gives_now(self, cast: Cast, crew: Crew) -> None:
        earlier = make_run(cast.owner, crew, max_calls=600, max_seconds=10, max_tokens=7)
        cast.team.run_max_calls, cast.team.run_max_seconds = 500, 3600
        cast.team.save()
        form = signed_in(cast.runner).get(LAUNCH, {"from": str(earlier.pk)}).context["page"].form
        assert [bound.value() for bound in form.bounds] == [None, 7, 10], "empty means what the team gives"

    def test_an_older_version_can_be_launched(self, cast: Cast, crew: Crew) -> None:
        old = cut_version(crew, by=cast.owner.user)
        spec = spec_of(crew).model_copy(update={"description": "Changed since"})
        replace_spec(maker_of(crew), crew, expected_revision=crew.revision, spec=spec)
        signed_in(cast.runner).post(LAUNCH, order(version="1"))
        assert Run.objects.get().version == old

    @pytest.mark.parametrize("query", [{"from": "x"}, {"from": str(uuid4())}, {"version": "99"}, {"version": "²"}])
    def test_nonsense_in_the_address_is_not_found_or_ignored(
        self, cast: Cast, crew: Crew, query: dict[str, str]
    ) -> None:
        assert signed_in(cast.runner).get(LAUNCH, query).status_code in (200, 404)

    def test_a_draft_that_cannot_run_says_why_and_cannot_be_launched(self, cast: Cast, crew: Crew) -> None:
        spec = spec_of(crew)
        tasks = (spec.tasks[0].model_copy(update={"agent": "nobody"}), *spec.tasks[1:])
        replace_spec(
            maker_of(crew), crew, expected_revision=crew.revision, spec=spec.model_copy(update={"tasks": tasks})
        )
        client = signed_in(cast.runner)
        assert "tasks.figures.agent" in html(client.get(LAUNCH))
        assert client.post(LAUNCH, order()).status_code == 422
        assert not Run.objects.exists()

    def test_viewers_strangers_and_archived_crews_launch_nothing(self, cast: Cast, crew: Crew) -> None:
        assert signed_in(cast.viewer).post(LAUNCH, order()).status_code == 403
        assert signed_in(cast.stranger).post(LAUNCH, order()).status_code == 404
        archive_crew(maker_of(crew), crew)
        assert signed_in(cast.owner).post(LAUNCH, order()).status_code == 404
        assert not Run.objects.exists()
