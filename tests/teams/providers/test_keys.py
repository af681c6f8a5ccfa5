"""A provider key is tested when it is kept, on page and API; what came of it is said before a crew is launched."""

from __future__ import annotations

import json
from collections.abc import Iterator
from typing import Any

import pytest
from django.db import connection
from django.test import Client
from django.test.utils import CaptureQueriesContext

from engine.spec.crew_spec import LLMSpec
from teams.access import Principal
from teams.actions import add_provider, issue_token, remove_provider
from teams.credentials import TeamCredentials
from teams.models import AuditEntry, ProviderKey, Scope
from teams.providers import actions
from teams.refusals import Invalid
from teams.secrets import unseal
from tests.cast import Cast, make_crew
from tests.engine.loopback import Reply, Site
from tests.pages import CREW, html, signed_in

pytestmark = pytest.mark.django_db

SETTINGS = "/t/acme/settings/"
PROVIDERS = f"{SETTINGS}providers/"
LAUNCH = f"{CREW}launch/"
SECRET = "sk-a-secret"
LISTED = {"data": [{"id": "qwen3"}, {"id": "llama3"}]}

check = actions.test_provider


def reply(body: Any, status: int = 200) -> Reply:
    return Reply(json.dumps(body).encode(), status, {"Content-Type": "application/json"})


@pytest.fixture
def site() -> Iterator[Site]:
    with Site({"/v1/models": reply(LISTED)}) as site:
        yield site


def typed(site: Site, end: str = "/v1", **fields: Any) -> dict[str, Any]:
    key = {
        "provider": "openai",
        "name": "default",
        "api_key": SECRET,
        "base_url": f"{site.url}{end}",
        "api_version": "",
    }
    return key | fields


def kept(cast: Cast, site: Site, **fields: Any) -> ProviderKey:
    given = {"provider": "openai", "api_key": SECRET, "base_url": f"{site.url}/v1"} | fields
    return add_provider(cast.owner, **given)


class TestOnSave:
    def test_a_key_that_works_is_said_to_and_its_models_are_suggested(self, cast: Cast, site: Site) -> None:
        client = signed_in(cast.owner)
        page = html(client.post(PROVIDERS, typed(site), follow=True))
        assert "Crews on its models now run for real. It lists 2 models for chats." in page
        assert ProviderKey.objects.get().model_ids == ["openai/qwen3", "openai/llama3"]
        assert [asked.headers["authorization"] for asked in site.asked] == [f"Bearer {SECRET}"]
        make_crew(cast.owner)
        assert '<option value="openai/qwen3">' in html(client.get(CREW))

    @pytest.mark.parametrize(
        ("answer", "says"),
        [
            (
                reply({"error": {"message": f"Incorrect API key provided: {SECRET}"}}, 401),
                "does not take this key.",
            ),
            (Reply(b"404 page not found", 404), "has no list of models, so it may be the wrong base URL"),
            (Reply(b"<html>hello</html>"), "is no model server"),
        ],
        ids=["key", "address", "page"],
    )
    def test_a_key_that_fails_is_kept_and_says_why(self, cast: Cast, site: Site, answer: Reply, says: str) -> None:
        site.replies["/v1/models"] = answer
        page = html(signed_in(cast.owner).post(PROVIDERS, typed(site), follow=True))
        assert "is kept, and failed its test" in page
        assert page.count(says) == 2, "in the message and at the key"
        assert SECRET not in page
        assert ProviderKey.objects.get().test_fault

    def test_a_base_url_without_v1_gets_it_where_the_server_answers_there(self, cast: Cast, site: Site) -> None:
        signed_in(cast.owner).post(PROVIDERS, typed(site, ""))
        key = ProviderKey.objects.get()
        assert (key.base_url, key.test_fault, len(key.model_ids)) == (f"{site.url}/v1", "", 2)
        assert "/v1 was added" in key.test_note

    def test_keys_of_tools_are_not_tested(self, cast: Cast, site: Site) -> None:
        page = html(signed_in(cast.owner).post(PROVIDERS, typed(site, provider="serper", base_url=""), follow=True))
        assert "The serper key is kept." in page
        assert site.asked == []

    def test_a_server_of_ones_own_needs_its_address(self, cast: Cast) -> None:
        with pytest.raises(Invalid) as refused:
            add_provider(cast.owner, provider="hosted_vllm", api_key="")
        assert refused.value.fields == {"base_url": "Give the server's address, such as http://127.0.0.1:8000/v1."}

    def test_ollama_needs_neither_key_nor_address(self, cast: Cast) -> None:
        assert add_provider(cast.owner, provider="ollama", api_key="").pk


class TestLater:
    def test_a_key_is_tested_again(self, cast: Cast, site: Site) -> None:
        key = kept(cast, site)
        page = html(signed_in(cast.owner).post(f"{PROVIDERS}{key.pk}/test/", follow=True))
        assert "It lists 2 models" in page

    def test_what_came_of_a_key_that_was_changed_meanwhile_is_forgotten(self, cast: Cast, site: Site) -> None:
        stale = check(cast.owner, kept(cast, site))
        ProviderKey.objects.filter(pk=stale.pk).update(base_url="http://127.0.0.1:9/v1", test_fault="Not yet.")
        assert check(cast.owner, stale).test_fault == "Not yet."
        stale.refresh_from_db()
        assert stale.base_url == "http://127.0.0.1:9/v1"
        ProviderKey.objects.filter(pk=stale.pk).delete()
        check(cast.owner, stale)
        assert not ProviderKey.objects.filter(pk=stale.pk).exists()

    def test_a_test_that_fails_leaves_the_last_list(self, cast: Cast, site: Site) -> None:
        key = check(cast.owner, kept(cast, site))
        site.replies["/v1/models"] = Reply(b"", 503)
        check(cast.owner, key)
        key.refresh_from_db()
        assert (len(key.model_ids), "Test again later" in key.test_fault) == (2, True)

    @pytest.mark.parametrize("what", ["test", "change"])
    def test_only_owners_do(self, cast: Cast, site: Site, what: str) -> None:
        key = kept(cast, site)
        assert signed_in(cast.editor).post(f"{PROVIDERS}{key.pk}/{what}/").status_code == 403
        assert signed_in(cast.stranger).post(f"{PROVIDERS}{key.pk}/{what}/").status_code == 404
        assert site.asked == []

    def test_a_new_secret_is_kept_and_tested(self, cast: Cast, site: Site) -> None:
        key = kept(cast, site)
        form = {"api_key": "sk-new", "base_url": key.base_url, "api_version": ""}
        signed_in(cast.owner).post(f"{PROVIDERS}{key.pk}/change/", form)
        key.refresh_from_db()
        assert (unseal(key.secret), site.asked[-1].headers["authorization"]) == ("sk-new", "Bearer sk-new")

    def test_a_secret_does_not_follow_to_another_address(self, cast: Cast, site: Site) -> None:
        key = kept(cast, site)
        form = {"api_key": "", "base_url": "http://127.0.0.1:9/v1"}
        response = signed_in(cast.owner).post(f"{PROVIDERS}{key.pk}/change/", form)
        assert response.status_code == 422
        assert "Paste the key again" in html(response)
        assert 'value="http://127.0.0.1:9/v1"' in html(response), "what was typed stays"
        key.refresh_from_db()
        assert (key.base_url, unseal(key.secret), site.asked) == (f"{site.url}/v1", SECRET, [])

    def test_the_same_server_under_another_form_keeps_its_secret(self, cast: Cast, site: Site) -> None:
        key = kept(cast, site)
        actions.change_provider(cast.owner, key, base_url=f"{site.url}/v1/chat/completions")
        assert unseal(key.secret) == SECRET

    def test_a_server_that_needs_no_key_clears_the_one_that_is_kept(self, cast: Cast, site: Site) -> None:
        key = check(cast.owner, kept(cast, site))
        form = {"api_key": "", "no_key": "on", "base_url": "http://127.0.0.1:9/v1"}
        signed_in(cast.owner).post(f"{PROVIDERS}{key.pk}/change/", form)
        key.refresh_from_db()
        assert (key.base_url, unseal(key.secret), key.model_ids) == ("http://127.0.0.1:9/v1", "", [])
        assert [asked.headers["authorization"] for asked in site.asked] == [f"Bearer {SECRET}"]

    def test_a_run_under_way_ends_on_the_old_secret_and_the_next_has_the_new_one(self, cast: Cast, site: Site) -> None:
        key, model = kept(cast, site), LLMSpec(model="gpt-4o")
        under_way = TeamCredentials(cast.team)  # as a worker reads them when it takes a run up
        actions.change_provider(cast.owner, key, api_key="sk-new")
        secrets = [found.api_key for one in (under_way, TeamCredentials(cast.team)) if (found := one(model))]
        assert secrets == [SECRET, "sk-new"]
        assert key.rotated_at is not None

    def test_what_changed_is_logged_without_a_secret(self, cast: Cast, site: Site) -> None:
        key = kept(cast, site)
        actions.change_provider(cast.owner, key, api_key="sk-new", rpm=5)
        actions.change_provider(cast.owner, key, api_key="sk-new", rpm=5)  # as it is
        (entry,) = AuditEntry.objects.filter(action="key.changed")
        assert entry.detail == {"rpm": "none → 5", "secret": "another one"}

    def test_the_log_has_no_path_of_a_server_which_may_be_a_secret(self, cast: Cast) -> None:
        key = add_provider(cast.owner, provider="mcp", api_key="t", base_url="https://tools.example.com/s3cret-1/sse")
        for path in ("s3cret-2/sse", "s3cret-2/sse?key=s3cret-3"):
            actions.change_provider(cast.owner, key, api_key="t", base_url=f"https://tools.example.com/{path}")
        actions.change_provider(cast.owner, key, api_key="t", base_url="https://other.example.com/s3cret-4")
        told = [entry.detail["base_url"] for entry in AuditEntry.objects.order_by("pk")]
        site, other = "https://tools.example.com", "https://other.example.com"
        assert told == [site, f"another path at {site}", f"another path at {site}", f"{site} → {other}"]

    def test_a_key_that_somebody_removed_meanwhile_is_removed_once(self, cast: Cast, site: Site) -> None:
        key = kept(cast, site)
        stale = ProviderKey.objects.get(pk=key.pk)
        remove_provider(cast.owner, key)
        remove_provider(cast.owner, stale)
        assert AuditEntry.objects.filter(action="key.removed").count() == 1

    def test_what_is_refused_is_said_on_the_page(self, cast: Cast, site: Site) -> None:
        """An operator may have forbidden an address after the key was kept."""
        key = kept(cast, site)
        ProviderKey.objects.filter(pk=key.pk).update(base_url="http://169.254.169.254/v1")
        page = html(signed_in(cast.owner).post(f"{PROVIDERS}{key.pk}/books/", {"books_stated": "yes"}, follow=True))
        assert "The OpenAI key was not changed." in page


def test_many_keys_are_listed_by_as_few_queries_as_one(cast: Cast) -> None:
    client = _api(cast.owner)
    counts = []
    for nth in range(4):
        add_provider(cast.owner, provider="openai", name=f"k{nth}", api_key=SECRET)
        with CaptureQueriesContext(connection) as asked:
            listed = client.get("/api/v1/providers").json()["items"]
        assert len(listed) == nth + 1
        counts.append(len(asked))
    assert counts[1] == counts[3]


def test_the_api_changes_a_key_field_by_field(cast: Cast, site: Site) -> None:
    key, client = check(cast.owner, kept(cast, site, tpm=7)), _api(cast.owner)

    def patch(**change: Any) -> Any:
        return client.patch(f"/api/v1/providers/{key.pk}", json.dumps(change), content_type="application/json")

    changed = patch(rpm=5, books_stated=True).json()
    assert (changed["rpm"], changed["tpm"], changed["books_stated"], len(changed["models"])) == (5, 7, True, 2)
    assert changed["rotated_at"] is None
    moved = patch(base_url="http://127.0.0.1:9/v1")
    assert (moved.status_code, list(moved.json()["error"]["fields"])) == (422, ["api_key"])
    changed = patch(base_url="http://127.0.0.1:9/v1", api_key="sk-new", rpm=None).json()
    assert (changed["rpm"], changed["models"], changed["tested_at"]) == (None, [], None)
    assert changed["rotated_at"]
    assert "sk-new" not in json.dumps(changed)
    assert unseal(ProviderKey.objects.get().secret) == "sk-new"


def test_the_api_tests_a_key_and_tells_the_models(cast: Cast, site: Site) -> None:
    client = _api(cast.owner)
    made = client.post("/api/v1/providers", json.dumps(_body(site)), content_type="application/json").json()
    assert (made["models"], made["tested_at"], site.asked) == ([], None, [])
    tested = client.post(f"/api/v1/providers/{made['id']}/test").json()
    assert (tested["models"], tested["test_fault"]) == (["openai/qwen3", "openai/llama3"], "")
    assert tested["tested_at"]
    assert SECRET not in json.dumps(tested)


def _body(site: Site) -> dict[str, Any]:
    return {"provider": "openai", "api_key": SECRET, "base_url": f"{site.url}/v1"}


def _api(who: Principal) -> Client:
    return Client(headers={"Authorization": f"Bearer {issue_token(who, scope=Scope.ADMIN)[1]}"})


class TestBeforeALaunch:
    @pytest.mark.parametrize(
        ("llm", "says"),
        [
            (
                {"model": "groq/llama-3.3-70b-versatile"},
                "There is no Groq key for groq/llama-3.3-70b-versatile. In the settings choose Groq as provider",
            ),
            ({"model": "ollama/llama3"}, "In the settings choose Ollama as provider and give its base URL."),
            ({"model": "my-own-model"}, "my-own-model does not say whose model it is."),
            ({"model": "ghost/model"}, "for an OpenAI-compatible server write openai/"),
            ({"model": "vertex_ai/gemini-2.5-pro"}, "reach it through LiteLLM's proxy."),
            (
                {"model": "gpt-4o", "credential": "second"},
                "There is no OpenAI key named second for gpt-4o: there is default.",
            ),
            ({"model": "gpt-4o"}, ""),
        ],
    )
    def test_a_missing_key_names_what_the_settings_can_do(self, cast: Cast, llm: dict[str, str], says: str) -> None:
        add_provider(cast.owner, provider="openai", api_key=SECRET)
        told = TeamCredentials(cast.team).missing(LLMSpec(**llm))
        assert (says in told, bool(told)) == (True, bool(says)), told

    def test_two_keys_and_no_default_are_named(self, cast: Cast) -> None:
        for name in ("a", "b"):
            add_provider(cast.owner, provider="openai", name=name, api_key=SECRET)
        assert "the OpenAI keys a, b" in TeamCredentials(cast.team).missing(LLMSpec(model="gpt-4o"))

    def test_checklist_api_and_launch_page_say_it(self, cast: Cast, site: Site) -> None:
        make_crew(cast.owner, model="groq/llama-3.3-70b-versatile")
        client = signed_in(cast.owner)
        said = "There is no Groq key for groq/llama-3.3-70b-versatile."
        assert said not in html(client.get(CREW)), "without any key every run is simulated"
        kept(cast, site)
        assert said in html(client.get(CREW))
        assert said in html(client.get(LAUNCH))
        complaints = _api(cast.owner).get("/api/v1/crews/company-brief").json()["complaints"]
        assert {(one["code"], one["level"]) for one in complaints} == {("no_key", "warning")}

    def test_so_they_say_that_a_key_failed_its_test(self, cast: Cast, site: Site) -> None:
        site.replies["/v1/models"] = reply({"error": {"message": "no"}}, 401)
        check(cast.owner, kept(cast, site))
        make_crew(cast.owner)
        client = signed_in(cast.owner)
        for page in (CREW, LAUNCH):
            assert "The key openai/default failed its last test: The server at" in html(client.get(page))

    def test_and_that_a_server_did_not_list_the_model(self, cast: Cast, site: Site) -> None:
        check(cast.owner, kept(cast, site))
        credentials = TeamCredentials(cast.team)
        told = credentials.doubt(LLMSpec(model="openai/nobody"))
        assert told.endswith("it has openai/qwen3, openai/llama3.")
        assert credentials.doubt(LLMSpec(model="openai/qwen3")) == ""

    def test_ollamas_latest_is_its_bare_name(self, cast: Cast) -> None:
        with Site({"/api/tags": reply({"models": [{"name": "llama3:latest"}]})}) as site:
            check(cast.owner, add_provider(cast.owner, provider="ollama", api_key="", base_url=site.url))
        credentials = TeamCredentials(cast.team)
        assert credentials.doubt(LLMSpec(model="ollama/llama3")) == ""
        assert "did not list" in credentials.doubt(LLMSpec(model="ollama/llama9"))
