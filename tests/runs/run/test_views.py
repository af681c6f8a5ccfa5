"""Pages of runs: launching, history, the run's page and its calls; what they show to whom, and what they refuse."""

from __future__ import annotations

import re
from typing import Any
from urllib.parse import parse_qs, urlsplit
from uuid import uuid4

import pytest
from django.http import HttpResponse
from django.test import Client

from agents_app.actions import archive_crew, cut_version, replace_spec
from agents_app.models import Crew
from agents_app.snapshot import spec_of
from engine.spec.crew_spec import LLMSpec, QuestionGuardrail
from runs.models import Run
from runs.states import CallState, RunState
from teams.access import Principal
from teams.actions import add_provider
from tests.cast import Cast, make_cast, make_crew
from tests.ledger import make_call, make_run, make_task

pytestmark = pytest.mark.django_db

LAUNCH = "/t/acme/crews/company-brief/launch/"
RUNS = "/t/acme/runs/"
ASKED = {"id": "1", "function": {"name": "add", "arguments": "{1}"}}
HOSTILE = "<script>alert(1)</script>\"'><img src=x onerror=alert(1)>\u202egnp.exe" + "W" * 10_000


@pytest.fixture
def cast() -> Cast:
    return make_cast()


@pytest.fixture
def crew(cast: Cast) -> Crew:
    return make_crew(cast.owner)


def signed_in(who: Principal) -> Client:
    client = Client()
    client.force_login(who.user)
    return client


def html(response: HttpResponse) -> str:
    return response.content.decode()


def order(**typed: Any) -> dict[str, Any]:
    return {"inputs.company": "Initech", "simulated": "yes", "priority": "normal", "key": str(uuid4()), **typed}


def page_of(run: Run) -> str:
    return f"{RUNS}{run.pk}/"


class TestLaunch:
    def test_the_form_asks_for_each_placeholder_with_its_default(self, cast: Cast, crew: Crew) -> None:
        spec = spec_of(crew).model_copy(update={"inputs": {"company": "Acme Corp"}})
        replace_spec(crew, expected_revision=crew.revision, spec=spec)
        form = signed_in(cast.runner).get(LAUNCH).context["page"].form
        assert [(field.label, field.value()) for field in form.inputs] == [("company", "Acme Corp")]

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
        assert "/t/acme/settings/#add-key" in html(response)
        assert not Run.objects.exists()

    def test_models_of_manager_planner_and_guardrails_need_keys_too(self, cast: Cast, crew: Crew) -> None:
        add_provider(cast.owner, provider="openai", api_key="sk-x")
        spec = spec_of(crew)
        rails = (QuestionGuardrail(question="Is it short?", llm=LLMSpec(model="deepseek/deepseek-chat")),)
        tasks = (spec.tasks[0].model_copy(update={"guardrails": rails}), *spec.tasks[1:])
        others = {"manager_llm": LLMSpec(model="mistral/mistral-large-latest"), "process": "hierarchical"}
        others |= {"planning_llm": LLMSpec(model="claude-sonnet-4-5"), "planning": True}
        changed = spec.model_copy(update={"tasks": tasks, **others})
        replace_spec(crew, expected_revision=crew.revision, spec=changed)
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
        replace_spec(crew, expected_revision=crew.revision, spec=spec)
        page = signed_in(cast.runner).get(LAUNCH, {"from": str(earlier.pk)}).context["page"]
        assert page.version == earlier.version
        assert page.form["inputs.company"].value() == "Hooli"
        assert page.form["simulated"].value() == "yes"
        assert page.form["budget_usd"].value() == "0.25"
        draft = signed_in(cast.runner).get(LAUNCH, {"from": str(earlier.pk), "version": "draft"}).context["page"]
        assert draft.version is None

    def test_an_older_version_can_be_launched(self, cast: Cast, crew: Crew) -> None:
        old = cut_version(crew, by=cast.owner.user)
        spec = spec_of(crew).model_copy(update={"description": "Changed since"})
        replace_spec(crew, expected_revision=crew.revision, spec=spec)
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
        replace_spec(crew, expected_revision=crew.revision, spec=spec.model_copy(update={"tasks": tasks}))
        client = signed_in(cast.runner)
        assert "tasks.figures.agent" in html(client.get(LAUNCH))
        assert client.post(LAUNCH, order()).status_code == 422
        assert not Run.objects.exists()

    def test_viewers_strangers_and_archived_crews_launch_nothing(self, cast: Cast, crew: Crew) -> None:
        assert signed_in(cast.viewer).post(LAUNCH, order()).status_code == 403
        assert signed_in(cast.stranger).post(LAUNCH, order()).status_code == 404
        archive_crew(crew)
        assert signed_in(cast.owner).post(LAUNCH, order()).status_code == 404
        assert not Run.objects.exists()


class TestHistory:
    def test_without_runs_it_says_what_to_do(self, cast: Cast) -> None:
        assert 'href="/t/acme/crews/"' in html(signed_in(cast.viewer).get(RUNS))

    def test_it_lists_the_teams_runs_and_nobody_elses(self, cast: Cast, crew: Crew) -> None:
        run = make_run(cast.owner, crew, usd=0.5)
        assert page_of(run) in html(signed_in(cast.viewer).get(RUNS))
        assert signed_in(cast.stranger).get(RUNS).status_code == 404
        other = Client()
        other.force_login(cast.stranger.user)
        assert page_of(run) not in html(other.get("/t/others/runs/"))

    def test_a_word_that_is_not_understood_is_told_at_the_filter(self, cast: Cast) -> None:
        response = signed_in(cast.viewer).get(RUNS, {"q": "colour:red"})
        assert response.status_code == 422
        assert "colour:red" in response.context["page"].error
        assert 'value="colour:red"' in html(response)

    def test_a_filter_that_nothing_fits_offers_to_show_all(self, cast: Cast, crew: Crew) -> None:
        make_run(cast.owner, crew)
        assert "No run fits" in html(signed_in(cast.viewer).get(RUNS, {"q": "status:waiting"}))

    def test_choices_are_written_into_the_filter(self, cast: Cast) -> None:
        query = {"narrow": "1", "q": "cost:>1 status:failed", "status": "running", "since": "7d", "sort": "cost"}
        response = signed_in(cast.viewer).get(RUNS, query)
        asked = parse_qs(urlsplit(response["Location"]).query)
        assert asked == {"q": ["cost:>1 status:running since:7d"], "sort": ["cost"]}

    def test_the_next_page_follows_the_last_row(self, cast: Cast, crew: Crew) -> None:
        made = [make_run(cast.owner, crew) for _ in range(51)]
        client = signed_in(cast.viewer)
        first = client.get(RUNS)
        assert len(first.context["page"].runs) == 50
        link = re.search(r'rel="next" href="([^"]+)"', html(first))
        assert link is not None
        second = client.get(RUNS + link[1].replace("&amp;", "&"))
        assert list(second.context["page"].runs) == [made[0]]

    @pytest.mark.parametrize("query", [{"sort": "colour"}, {"cursor": "x"}, {"sort": "cost", "cursor": "1_x"}])
    def test_nonsense_in_the_address_is_refused_with_words(self, cast: Cast, query: dict[str, str]) -> None:
        response = signed_in(cast.viewer).get(RUNS, query)
        assert response.status_code == 422
        assert response.context["page"].error

    def test_it_takes_as_many_queries_for_forty_runs_as_for_one(
        self, cast: Cast, crew: Crew, django_assert_max_num_queries: Any
    ) -> None:
        for _ in range(40):
            make_run(cast.owner, crew)
        client = signed_in(cast.viewer)
        with django_assert_max_num_queries(8):
            client.get(RUNS)

    def test_new_runs_are_counted_and_not_inserted(self, cast: Cast, crew: Crew) -> None:
        seen = make_run(cast.owner, crew)
        client = signed_in(cast.viewer)
        assert "new" not in html(client.get(f"{RUNS}newer/", {"than": str(seen.pk)}))
        make_run(cast.owner, crew)
        assert "1 new" in html(client.get(f"{RUNS}newer/", {"than": str(seen.pk)}))
        assert html(client.get(f"{RUNS}newer/", {"than": "nonsense"})).strip() == ""

    def test_what_runs_now_and_what_ran_last_are_fragments(self, cast: Cast, crew: Crew) -> None:
        live = make_run(cast.owner, crew, state=RunState.RUNNING)
        client = signed_in(cast.viewer)
        assert page_of(live) in html(client.get(f"{RUNS}now/"))
        last = html(client.get(f"{RUNS}last/", {"crew": [crew.slug, "unknown"]}))
        assert 'id="last-company-brief"' in last
        assert page_of(live) in last
        assert "unknown" not in last


class TestRunPage:
    def test_a_good_run_shows_its_figures_and_its_output(self, cast: Cast, crew: Crew) -> None:
        run = make_run(cast.owner, crew, usd=0.0123, seconds=42.4, prompt_tokens=12_000, output_raw="# Title\n\nText")
        page = html(signed_in(cast.viewer).get(page_of(run)))
        for text in ("succeeded", "$0.0123", "12,000", "42.4 s", "<h1>Title</h1>"):
            assert text in page
        assert "sse-connect" not in page

    def test_everything_simulated_is_labelled(self, cast: Cast, crew: Crew) -> None:
        client = signed_in(cast.viewer)
        for simulated in (True, False):
            run = make_run(cast.owner, crew, simulated=simulated, output_raw="x")
            call = make_call(run, simulated=simulated)
            for path in (page_of(run), f"{page_of(run)}calls/", f"{page_of(run)}calls/{call.pk}/"):
                assert ("label-of simulated" in html(client.get(path))) == simulated

    def test_a_failed_run_says_what_happened_what_was_kept_and_what_to_do(self, cast: Cast, crew: Crew) -> None:
        run = make_run(cast.owner, crew, state=RunState.FAILED, error="401 Unauthorized", error_code="provider_error")
        page = html(signed_in(cast.runner).get(page_of(run)))
        assert "401 Unauthorized" in page
        assert "Kept" in page
        assert f"{LAUNCH}?from={run.pk}" in page

    def test_unpriced_calls_make_the_cost_a_lower_bound_and_never_nothing(self, cast: Cast, crew: Crew) -> None:
        unknown = make_run(cast.owner, crew, usd=0, unpriced_calls=2)
        partly = make_run(cast.owner, crew, usd=0.5, unpriced_calls=2)
        client = signed_in(cast.viewer)
        assert ">unpriced<" in html(client.get(page_of(unknown)))
        assert "≥" in html(client.get(page_of(partly)))

    def test_sums_by_agent_and_model_equal_the_runs_own(self, cast: Cast, crew: Crew) -> None:
        run = make_run(cast.owner, crew, usd=0.0015, prompt_tokens=200, completion_tokens=100, successful_requests=2)
        task = make_task(run, "figures")
        make_call(run, task=task)
        make_call(run, task=task, step=1, agent="news", model="gpt-4o-mini")
        detail = signed_in(cast.viewer).get(page_of(run)).context["detail"]
        for rows in (detail.by_agent, detail.by_model, detail.by_class):
            assert sum(row.spent_nusd for row in rows) == run.spent_nusd
            assert sum(row.total_tokens for row in rows) == run.total_tokens

    @pytest.mark.parametrize("number", [1, 30])
    def test_it_takes_as_many_queries_for_thirty_calls_as_for_one(
        self, cast: Cast, crew: Crew, number: int, django_assert_num_queries: Any
    ) -> None:
        run = make_run(cast.owner, crew)
        for step in range(number):
            make_call(run, task=make_task(run, f"t{step}", position=step), step=step)
        client = signed_in(cast.viewer)
        with django_assert_num_queries(19):
            client.get(page_of(run))

    def test_a_live_run_is_followed_from_the_revision_it_was_drawn_at(self, cast: Cast, crew: Crew) -> None:
        run = make_run(cast.owner, crew, state=RunState.RUNNING, revision=7)
        assert f'sse-connect="{page_of(run)}events/?seen=7"' in html(signed_in(cast.viewer).get(page_of(run)))

    def test_cancelling_needs_the_role_and_a_post(self, cast: Cast, crew: Crew) -> None:
        run = make_run(cast.owner, crew, state=RunState.QUEUED)
        path = f"{page_of(run)}cancel/"
        assert path not in html(signed_in(cast.viewer).get(page_of(run)))
        assert signed_in(cast.viewer).post(path).status_code == 403
        assert signed_in(cast.runner).get(path).status_code == 405
        signed_in(cast.runner).post(path)
        run.refresh_from_db()
        assert run.state == RunState.CANCELLED

    def test_cancelling_an_ended_run_says_that_it_ended(self, cast: Cast, crew: Crew) -> None:
        run = make_run(cast.owner, crew)
        response = signed_in(cast.runner).post(f"{page_of(run)}cancel/", follow=True)
        assert "already succeeded" in html(response)

    def test_hostile_texts_are_shown_as_text(self, cast: Cast, crew: Crew) -> None:
        run = make_run(
            cast.owner, crew, state=RunState.FAILED, error=HOSTILE, output_raw=HOSTILE, inputs={"company": HOSTILE}
        )
        task = make_task(run, "figures", name=HOSTILE[:200], agent_role=HOSTILE, error=HOSTILE, output_raw=HOSTILE)
        call = make_call(
            run, task=task, error=HOSTILE, model=HOSTILE[:200], messages=[{"role": "user", "content": HOSTILE}]
        )
        client = signed_in(cast.viewer)
        base = page_of(run)
        for path in (base, f"{base}tasks/figures/", f"{base}calls/", f"{base}calls/{call.pk}/", RUNS):
            page = html(client.get(path))
            for forbidden in ("<script>alert", "<img src=x", " style=", "javascript:"):
                assert forbidden not in page

    def test_a_huge_output_is_cut_on_the_page_and_whole_in_the_download(self, cast: Cast, crew: Crew) -> None:
        text = "word " * 200_000
        run = make_run(cast.owner, crew, output_raw=text)
        client = signed_in(cast.viewer)
        page = html(client.get(page_of(run)))
        assert len(page) < 600_000
        assert "1,000,000 characters" in page
        download = client.get(f"{page_of(run)}output/")
        assert html(download) == text
        assert download["Content-Type"] == "text/plain; charset=utf-8"
        assert download["Content-Disposition"].startswith("attachment")

    def test_a_structured_output_is_a_tree(self, cast: Cast, crew: Crew) -> None:
        run = make_run(cast.owner, crew, output_raw='{"risk": 1}', output_json={"risk": {"level": "<b>high</b>"}})
        page = html(signed_in(cast.viewer).get(page_of(run)))
        assert "risk: " in page
        assert "&lt;b&gt;high" in page

    def test_a_tasks_output_is_a_page_and_a_fragment(self, cast: Cast, crew: Crew) -> None:
        run = make_run(cast.owner, crew)
        make_task(run, "figures", output_raw="**bold**")
        client = signed_in(cast.viewer)
        path = f"{page_of(run)}tasks/figures/"
        assert "<strong>bold</strong>" in html(client.get(path))
        fragment = html(client.get(path, headers={"HX-Request": "true"}))
        assert "<strong>bold</strong>" in fragment
        assert "<html" not in fragment

    def test_strangers_find_none_of_it(self, cast: Cast, crew: Crew) -> None:
        run = make_run(cast.owner, crew, output_raw="secret")
        call = make_call(run, task=make_task(run, "figures", output_raw="secret"))
        strange = Client()
        strange.force_login(cast.stranger.user)
        for team in ("acme", "others"):
            base = f"/t/{team}/runs/{run.pk}/"
            for part in (
                "",
                "output/",
                "events/",
                "calls/",
                f"calls/{call.pk}/",
                "tasks/figures/",
                "tasks/figures/output/",
            ):
                assert strange.get(base + part).status_code == 404
            assert strange.post(f"{base}cancel/").status_code == 404

    def test_a_run_of_an_archived_crew_keeps_its_page(self, cast: Cast, crew: Crew) -> None:
        run = make_run(cast.owner, crew)
        archive_crew(crew)
        page = html(signed_in(cast.owner).get(page_of(run)))
        assert "Run again" not in page
        assert 'href="/t/acme/crews/company-brief/"' not in page


class TestCalls:
    def test_a_cell_without_content_is_empty_so_that_narrow_pages_hide_it(self, cast: Cast, crew: Crew) -> None:
        run = make_run(cast.owner, crew)
        make_call(run, kind="tool", tool="search", cost_nusd=0)
        assert '<td class="n" data-label="Cost"></td>' in html(signed_in(cast.viewer).get(f"{page_of(run)}calls/"))

    def test_every_message_and_the_reply_are_shown_with_what_they_cost(self, cast: Cast, crew: Crew) -> None:
        run = make_run(cast.owner, crew)
        call = make_call(
            run,
            messages=[
                {"role": "system", "content": "You are an analyst"},
                {
                    "role": "assistant",
                    "content": None,
                    "tool_calls": [{"function": {"name": "add", "arguments": "{1}"}}],
                },
                {"role": "tool", "tool_call_id": "1", "content": "three"},
            ],
            reply={"text": "It is three", "tool_calls": [{"id": "2", "name": "multiply", "arguments": "{2}"}]},
            cached_prompt_tokens=40,
            reasoning_tokens=7,
            ttft_ms=123,
        )
        page = html(signed_in(cast.viewer).get(f"{page_of(run)}calls/{call.pk}/"))
        for text in ("You are an analyst", "add", "three", "It is three", "multiply", "$0.000750", "123 ms", "$2.5"):
            assert text in page

    @pytest.mark.parametrize(
        ("state", "words"),
        [
            (CallState.UNKNOWN, "Nobody knows whether the provider billed"),
            (CallState.LATE, "no longer held the run"),
            (CallState.INTENT, "This call is open"),
        ],
    )
    def test_a_state_that_needs_words_has_them(self, cast: Cast, crew: Crew, state: str, words: str) -> None:
        run = make_run(cast.owner, crew, state=RunState.RUNNING)
        opened = {"finished_at": None, "cost_nusd": None} if state == CallState.INTENT else {}
        call = make_call(run, state=state, **opened)
        assert words in html(signed_in(cast.viewer).get(f"{page_of(run)}calls/{call.pk}/"))

    def test_an_unknown_price_is_said_and_never_shown_as_nothing(self, cast: Cast, crew: Crew) -> None:
        run = make_run(cast.owner, crew)
        call = make_call(run, cost_nusd=None, input_usd_per_mtok=None, output_usd_per_mtok=None)
        page = html(signed_in(cast.viewer).get(f"{page_of(run)}calls/{call.pk}/"))
        assert ">unpriced<" in page
        assert ">unknown<" in page

    def test_a_call_leads_to_those_before_and_after(self, cast: Cast, crew: Crew) -> None:
        run = make_run(cast.owner, crew)
        first, second, third = (make_call(run, step=step) for step in range(3))
        context = signed_in(cast.viewer).get(f"{page_of(run)}calls/{second.pk}/").context
        assert (context["before"].pk, context["after"].pk) == (first.pk, third.pk)

    def test_all_calls_are_there_page_by_page(self, cast: Cast, crew: Crew) -> None:
        run = make_run(cast.owner, crew)
        made = {make_call(run, step=step).pk for step in range(101)}
        client = signed_in(cast.viewer)
        first = client.get(f"{page_of(run)}calls/")
        second = client.get(f"{page_of(run)}calls/", {"cursor": first.context["page"].next})
        assert {line.call.pk for page in (first, second) for line in page.context["lines"]} == made
        assert client.get(f"{page_of(run)}calls/", {"cursor": "x"}).status_code == 302
