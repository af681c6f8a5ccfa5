"""A run's page and its calls: what they show to whom, and what they refuse."""

from __future__ import annotations

from typing import Any

import pytest
from django.test import Client

from agents_app.actions import archive_crew
from agents_app.models import Crew
from runs.states import CallState, RunState
from tests.cast import Cast, maker_of
from tests.ledger import make_call, make_run, make_task
from tests.pages import HOSTILE, LAUNCH, RUNS, html, page_of, signed_in

pytestmark = pytest.mark.django_db


class TestRunPage:
    def test_a_good_run_shows_its_figures_and_its_output(self, cast: Cast, crew: Crew) -> None:
        run = make_run(cast.owner, crew, usd=0.0123, seconds=42.4, prompt_tokens=12_000, output_raw="# Title\n\nText")
        page = html(signed_in(cast.viewer).get(page_of(run)))
        for text in ("succeeded", "$0.0123", "12,000", "42.4 s", ">Title</h1>"):
            assert text in page
        assert "sse-connect" not in page

    def test_one_task_is_one_task(self, cast: Cast, crew: Crew) -> None:
        run = make_run(cast.owner, crew, state=RunState.RUNNING)
        make_task(run, "figures")
        assert "0 of 1 task ended" in html(signed_in(cast.viewer).get(page_of(run)))

    def test_what_was_taken_for_what_is_said_at_the_task(self, cast: Cast, crew: Crew) -> None:
        run = make_run(cast.owner, crew)
        note = '/score: "9.5" was taken for 9.5.'
        make_task(run, "figures", state="succeeded", output_raw='{"score":9.5}', output_note=note)
        page = html(signed_in(cast.viewer).get(f"{page_of(run)}tasks/figures/"))
        assert "/score: &quot;9.5&quot; was taken for 9.5." in page

    def test_texts_have_their_own_direction_and_claim_no_language(self, cast: Cast, crew: Crew) -> None:
        run = make_run(cast.owner, crew, output_raw="# שלום", inputs={"company": "مرحبا"})
        page = html(signed_in(cast.viewer).get(page_of(run)))
        assert '<h1 dir="auto">שלום</h1>' in page
        assert '<dd class="lines mb-2" lang="">مرحبا</dd>' in page

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
        with django_assert_num_queries(13):
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
        archive_crew(maker_of(crew), crew)
        page = html(signed_in(cast.owner).get(page_of(run)))
        assert "Run again" not in page
        assert 'href="/t/acme/crews/company-brief/"' not in page


class TestCalls:
    def test_a_cell_without_content_is_empty_so_that_narrow_pages_hide_it(self, cast: Cast, crew: Crew) -> None:
        run = make_run(cast.owner, crew)
        make_call(run, kind="tool", tool="search", cost_nusd=0)
        assert '<td class="n" data-label="Cost"></td>' in html(signed_in(cast.viewer).get(f"{page_of(run)}calls/"))

    def test_reasoning_is_shown_folded_and_apart_from_the_answer(self, cast: Cast, crew: Crew) -> None:
        run = make_run(cast.owner, crew)
        turns = [
            {"role": "user", "content": "<think>mine</think> stays"},
            {
                "role": "assistant",
                "content": "<think>Which one?</think>\nThe first.",
                "reasoning_details": [{"type": "reasoning.encrypted", "data": "x"}],
                "tool_calls": [{"id": "1", "function": {"name": "add", "arguments": "{}"}, "thought_signature": "s"}],
            },
            {"role": "assistant", "content": [{"type": "thinking", "thinking": "As a list."}, {"text": "Four."}]},
        ]
        reply = {"text": "It is three", "tool_calls": [], "reasoning": "1 + 2 <b>bold</b>"}
        call = make_call(run, messages=turns, reply=reply)
        page = html(signed_in(cast.viewer).get(f"{page_of(run)}calls/{call.pk}/"))
        assert '<pre class="mt-1" id="reasoning-reply" tabindex="0">1 + 2 &lt;b&gt;bold&lt;/b&gt;</pre>' in page
        assert '<pre class="mt-1" id="reasoning-2" tabindex="0">Which one?</pre>' in page
        assert '<pre id="message-2" tabindex="0" lang="">The first.</pre>' in page
        assert '<pre class="mt-1" id="reasoning-3" tabindex="0">As a list.</pre>' in page
        assert '<pre id="message-3" tabindex="0" lang="">Four.</pre>' in page
        assert "&lt;think&gt;mine&lt;/think&gt; stays" in page
        assert "reasoning_details, thought_signature of its tool calls" in page
        assert page.count("<summary>Reasoning") == 3

    def test_a_refusal_is_shown_with_its_words_and_its_cost(self, cast: Cast, crew: Crew) -> None:
        words = "gpt-4o refused to answer: I can't."
        run = make_run(cast.owner, crew, state=RunState.FAILED, error=words, error_code="model_refused")
        reply = {"text": "", "tool_calls": [], "refusal": "I can't."}
        call = make_call(run, state=CallState.ERROR, error=words, error_code="model_refused", reply=reply)
        page = html(signed_in(cast.viewer).get(f"{page_of(run)}calls/{call.pk}/"))
        assert '<span class="label-of">refused</span> I can&#x27;t.' in page
        for text in ("refused to answer: I can&#x27;t.", "This was a refusal", "What the provider billed", "$0.000750"):
            assert text in page
        assert "give the agent a fallback model" in html(signed_in(cast.viewer).get(page_of(run)))

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
        shown = [pk for pk in made for page in (first, second) if f"/calls/{pk}/" in html(page)]
        assert sorted(shown) == sorted(made)
        assert client.get(f"{page_of(run)}calls/", {"cursor": "x"}).status_code == 302
