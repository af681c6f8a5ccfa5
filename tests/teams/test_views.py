"""Pages of signing in and of settings: who gets in, what is shown to whom, and what is never shown again."""

from __future__ import annotations

from datetime import timedelta

import pytest
from django.test import Client
from django.utils import timezone

from teams.actions import add_provider, issue_signin_link, issue_token
from teams.models import ApiToken, ProviderKey, SignInLink, User
from tests.cast import Cast
from tests.pages import html, just_proven, signed_in

pytestmark = pytest.mark.django_db

SETTINGS = "/t/acme/settings/"
PROVIDERS = f"{SETTINGS}providers/"
TOKENS = f"{SETTINGS}tokens/"
PEOPLE = f"{SETTINGS}people/"
PAGES = ("people", "account", "log", "providers", "tokens", "webhooks")
NOBODY = "http://127.0.0.1:9/v1"
"""So that the test of a key reaches nobody."""
KEY = {"provider": "openai", "name": "default", "api_key": "sk-a-secret", "base_url": NOBODY}


class TestSigningIn:
    @pytest.fixture
    def with_password(self, cast: Cast) -> None:
        cast.owner.user.set_password("a password")
        cast.owner.user.save()

    def test_home_sends_strangers_to_the_sign_in_page(self) -> None:
        response = Client().get("/")
        assert (response.status_code, response["Location"]) == (302, "/signin/?next=/")

    def test_home_leads_members_to_their_first_team(self, cast: Cast) -> None:
        assert signed_in(cast.viewer).get("/")["Location"] == "/t/acme/"

    def test_somebody_without_a_team_is_told_so(self) -> None:
        client = Client()
        client.force_login(User.objects.create_user("alone@example.com"))
        response = client.get("/")
        assert response.status_code == 404
        assert "alone@example.com" in html(response)

    def test_the_right_password_signs_in(self, with_password: None) -> None:
        response = Client().post("/signin/", {"username": "owner@example.com", "password": "a password"})
        assert (response.status_code, response["Location"]) == (302, "/")

    def test_a_wrong_password_keeps_the_address_and_not_the_password(self, with_password: None) -> None:
        response = Client().post("/signin/", {"username": "owner@example.com", "password": "wr0ng-one"})
        assert response.status_code == 200
        assert 'value="owner@example.com"' in html(response)
        assert "wr0ng-one" not in html(response)

    def test_the_way_back_cannot_lead_elsewhere(self, with_password: None) -> None:
        typed = {"username": "owner@example.com", "password": "a password", "next": "https://evil.example/"}
        assert Client().post("/signin/", typed)["Location"] == "/"

    def test_a_link_signs_in_once(self, cast: Cast) -> None:
        path = f"/signin/{issue_signin_link(cast.owner.user)}/"
        first, second = Client(), Client()
        assert first.get(path)["Location"] == "/"
        assert first.get("/").status_code == 302
        again = second.get(path)
        assert again.status_code == 410
        assert "make signin" in html(again)
        assert "_auth_user_id" not in second.session

    def test_looking_at_the_head_of_a_link_does_not_burn_it(self, cast: Cast) -> None:
        path = f"/signin/{issue_signin_link(cast.owner.user)}/"
        Client().head(path)
        assert Client().get(path)["Location"] == "/"

    def test_an_expired_link_signs_nobody_in(self, cast: Cast) -> None:
        path = f"/signin/{issue_signin_link(cast.owner.user)}/"
        SignInLink.objects.update(expires_at=timezone.now() - timedelta(seconds=1))
        assert Client().get(path).status_code == 410

    def test_signing_out_needs_a_post(self, cast: Cast) -> None:
        client = signed_in(cast.owner)
        assert client.get("/signout/").status_code == 405
        assert client.post("/signout/")["Location"] == "/signin/"
        assert "_auth_user_id" not in client.session


class TestSettings:
    def test_strangers_find_no_settings(self, cast: Cast) -> None:
        for path in (SETTINGS, *(f"{SETTINGS}{page}/" for page in PAGES)):
            assert signed_in(cast.stranger).get(path).status_code == 404, path

    def test_they_begin_with_people_and_each_page_is_marked_in_the_list(self, cast: Cast) -> None:
        client = signed_in(cast.owner)
        assert client.get(SETTINGS)["Location"] == PEOPLE
        for path in (
            *(f"{SETTINGS}{page}/" for page in PAGES),
            *(f"/t/acme/{p}/" for p in ("limits", "prices", "reports")),
        ):
            page = html(client.get(path))
            assert page.count('class="settings-list"') == 1, path
            assert f'<a href="{path}" aria-current="page">' in page.split('class="settings-list"')[1], path
        for path in ("prices", "reports", "reconciliations"):
            head = html(client.get(f"/t/acme/{path}/")).split('class="site-nav"')[1].split("</nav>")[0]
            assert '/settings/" aria-current="page"' in head, path

    def test_viewers_see_the_members_and_no_form_for_keys(self, cast: Cast) -> None:
        client = signed_in(cast.viewer)
        assert "editor@example.com" in html(client.get(PEOPLE))
        page = html(client.get(PROVIDERS))
        assert "Only owners add and remove keys." in page
        assert f'action="{PROVIDERS}' not in page
        assert client.get(f"{SETTINGS}webhooks/").status_code == 403

    def test_an_owners_key_is_kept_and_never_shown(self, cast: Cast) -> None:
        client = signed_in(cast.owner)
        response = client.post(PROVIDERS, KEY, follow=True)
        assert ProviderKey.objects.get().provider == "openai"
        assert "sk-a-secret" not in html(response)

    def test_only_owners_add_and_remove_keys(self, cast: Cast) -> None:
        key = add_provider(cast.owner, provider="openai", api_key="sk-a-secret")
        client = signed_in(cast.editor)
        assert client.post(PROVIDERS, KEY).status_code == 403
        assert client.post(f"{PROVIDERS}{key.pk}/remove/").status_code == 403
        assert ProviderKey.objects.filter(pk=key.pk).exists()

    def test_a_second_key_of_the_same_name_is_refused_at_the_name(self, cast: Cast) -> None:
        add_provider(cast.owner, provider="openai", api_key="sk-one")
        response = signed_in(cast.owner).post(PROVIDERS, KEY)
        assert response.status_code == 422
        assert response.context["provider_form"].errors["name"] == ["This name is taken."]

    def test_a_refused_key_is_not_sent_back(self, cast: Cast) -> None:
        response = signed_in(cast.owner).post(PROVIDERS, KEY | {"base_url": "not an address"})
        assert response.status_code == 422
        assert "base_url" in response.context["provider_form"].errors
        assert "sk-a-secret" not in html(response)

    def test_a_key_is_removed(self, cast: Cast) -> None:
        key = add_provider(cast.owner, provider="openai", api_key="sk-one")
        signed_in(cast.owner).post(f"{PROVIDERS}{key.pk}/remove/")
        assert not ProviderKey.objects.exists()

    def test_another_teams_key_is_not_there(self, cast: Cast) -> None:
        key = add_provider(cast.stranger, provider="openai", api_key="sk-theirs")
        assert signed_in(cast.owner).post(f"{PROVIDERS}{key.pk}/remove/").status_code == 404
        assert ProviderKey.objects.filter(pk=key.pk).exists()

    def test_a_new_token_is_shown_once(self, cast: Cast) -> None:
        client = just_proven(cast.runner)
        response = client.post(TOKENS, {"name": "laptop", "scope": "run"})
        secret = response.context["new_token"]
        assert secret in html(response)
        later = html(client.get(TOKENS))
        assert secret not in later
        assert "laptop" in later

    def test_a_token_wider_than_the_role_is_refused(self, cast: Cast) -> None:
        response = just_proven(cast.runner).post(TOKENS, {"name": "x", "scope": "admin"})
        assert response.status_code == 422
        assert "scope" in response.context["token_form"].errors
        assert not ApiToken.objects.exists()

    def test_revoked_tokens_leave_the_list(self, cast: Cast) -> None:
        token, _ = issue_token(cast.runner, name="laptop")
        response = signed_in(cast.runner).post(f"{TOKENS}{token.pk}/revoke/", follow=True)
        token.refresh_from_db()
        assert token.revoked_at is not None
        assert not response.context["tokens"]

    def test_members_see_their_own_tokens_and_owners_everybodys(self, cast: Cast) -> None:
        issue_token(cast.runner, name="of the runner")
        assert "of the runner" not in html(signed_in(cast.editor).get(TOKENS))
        assert "of the runner" in html(signed_in(cast.owner).get(TOKENS))

    def test_a_token_of_somebody_else_is_not_revoked_by_a_member(self, cast: Cast) -> None:
        token, _ = issue_token(cast.runner)
        assert signed_in(cast.editor).post(f"{TOKENS}{token.pk}/revoke/").status_code == 403


class TestEveryPage:
    def test_an_unknown_address_is_a_page_that_says_so(self, cast: Cast) -> None:
        response = signed_in(cast.owner).get("/t/acme/nothing/")
        assert response.status_code == 404
        assert "<title>404" in html(response)

    def test_a_post_without_its_token_is_refused_with_words(self, cast: Cast) -> None:
        client = Client(enforce_csrf_checks=True)
        client.force_login(cast.owner.user)
        response = client.post("/signout/")
        assert response.status_code == 403
        assert "reload" in html(response).lower()

    def test_no_page_may_run_inline_script_or_style(self, cast: Cast) -> None:
        response = signed_in(cast.owner).get(PROVIDERS)
        policy = response["Content-Security-Policy"]
        assert "script-src 'self'" in policy
        assert "style-src 'self'" in policy
        assert "unsafe" not in policy
        for forbidden in ("<style", " style=", "<script>", " onclick", "javascript:", "hx-on"):
            assert forbidden not in html(response)

    def test_the_chosen_theme_is_in_the_page_as_it_comes(self) -> None:
        client = Client()
        client.cookies["theme"] = "dark"
        assert '<html lang="en" data-bs-theme="dark">' in html(client.get("/signin/"))

    def test_a_theme_that_is_none_is_not_repeated(self) -> None:
        client = Client()
        client.cookies["theme"] = '"><script>'
        assert "<script>" not in html(client.get("/signin/"))
