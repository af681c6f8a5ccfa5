"""Sign-in links, API tokens and provider keys: used once, scoped, hashed, encrypted."""

from __future__ import annotations

from datetime import timedelta

import pytest
from django.core.exceptions import PermissionDenied
from django.utils import timezone

from teams.actions import (
    FIRST_CAPS,
    add_provider,
    begin_team,
    issue_signin_link,
    issue_token,
    principal_of_token,
    remove_provider,
    revoke_token,
    use_signin_link,
)
from teams.models import ApiToken, Membership, ProviderKey, Role, Scope, SignInLink, Team, User
from teams.refusals import Conflict, Invalid
from teams.secrets import unseal
from tests.cast import Cast

pytestmark = pytest.mark.django_db


def test_a_sign_in_link_signs_in_once(cast: Cast) -> None:
    secret = issue_signin_link(cast.viewer.user)
    assert use_signin_link(secret) == cast.viewer.user
    assert use_signin_link(secret) is None


def test_a_sign_in_link_expires(cast: Cast) -> None:
    secret = issue_signin_link(cast.viewer.user)
    SignInLink.objects.update(expires_at=timezone.now() - timedelta(seconds=1))
    assert use_signin_link(secret) is None


def test_a_deactivated_persons_link_is_worth_nothing(cast: Cast) -> None:
    secret = issue_signin_link(cast.viewer.user)
    User.objects.filter(pk=cast.viewer.user.pk).update(is_active=False)
    assert use_signin_link(secret) is None


def test_secrets_are_not_kept_as_they_are(cast: Cast) -> None:
    link = issue_signin_link(cast.owner.user)
    _, token = issue_token(cast.owner)
    add_provider(cast.owner, provider="openai", api_key="sk-very-secret")
    kept = [*SignInLink.objects.values_list("secret_hash", flat=True), *ApiToken.objects.values_list("secret_hash")]
    assert link not in str(kept)
    assert token not in str(kept)
    assert b"very-secret" not in bytes(ProviderKey.objects.get().secret)
    assert unseal(ProviderKey.objects.get().secret) == "sk-very-secret"


def test_a_token_acts_for_its_person_in_its_team(cast: Cast) -> None:
    token, secret = issue_token(cast.editor, scope=Scope.EDIT)
    assert principal_of_token(secret) == (cast.editor, token)


def test_a_token_has_the_smaller_of_its_scope_and_its_persons_role(cast: Cast) -> None:
    _, secret = issue_token(cast.owner, scope=Scope.READ)
    found = principal_of_token(secret)
    assert found
    assert found[0].role == Role.VIEWER

    _, secret = issue_token(cast.owner, scope=Scope.ADMIN)
    Membership.objects.filter(user=cast.owner.user).update(role=Role.RUNNER)
    found = principal_of_token(secret)
    assert found
    assert found[0].role == Role.RUNNER


def test_a_scope_beyond_the_role_is_refused(cast: Cast) -> None:
    with pytest.raises(PermissionDenied):
        issue_token(cast.runner, scope=Scope.EDIT)


def test_revoked_expired_and_orphaned_tokens_are_worth_nothing(cast: Cast) -> None:
    revoked, revoked_secret = issue_token(cast.owner)
    revoke_token(cast.owner, revoked)
    _, expired_secret = issue_token(cast.owner, life=timedelta(seconds=-1))
    _, orphaned_secret = issue_token(cast.viewer, scope=Scope.READ)
    Membership.objects.filter(user=cast.viewer.user).delete()
    secrets = (revoked_secret, expired_secret, orphaned_secret, "crw_made-up", "")
    assert [principal_of_token(secret) for secret in secrets] == [None] * 5


def test_only_an_owner_revokes_others_tokens(cast: Cast) -> None:
    token, _ = issue_token(cast.editor)
    with pytest.raises(PermissionDenied):
        revoke_token(cast.runner, token)
    revoke_token(cast.owner, token)
    token.refresh_from_db()
    assert token.revoked_at is not None


@pytest.mark.parametrize("name", ["editor", "runner", "viewer"])
def test_only_owners_keep_provider_keys(cast: Cast, name: str) -> None:
    with pytest.raises(PermissionDenied):
        add_provider(getattr(cast, name), provider="openai", api_key="sk-1")
    key = add_provider(cast.owner, provider="openai", api_key="sk-1")
    with pytest.raises(PermissionDenied):
        remove_provider(getattr(cast, name), key)


@pytest.mark.parametrize(
    ("fields", "wrong"),
    [
        ({"provider": "nobody"}, "provider"),
        ({"name": "Not a slug"}, "name"),
        ({"api_key": ""}, "api_key"),
        ({"api_key": "sk-one\nsk-two"}, "api_key"),
        ({"provider": "mcp"}, "base_url"),
        ({"base_url": "not a url"}, "base_url"),
        ({"base_url": "file:///etc/passwd"}, "base_url"),
    ],
)
def test_a_bad_provider_key_is_refused_at_its_field(cast: Cast, fields: dict[str, str], wrong: str) -> None:
    with pytest.raises(Invalid) as refused:
        add_provider(cast.owner, **({"provider": "openai", "api_key": "sk-1"} | fields))
    assert set(refused.value.fields) == {wrong}


@pytest.mark.parametrize("host", ["127.0.0.1", "localhost", "10.0.0.8", "169.254.169.254", "[::1]", "100.64.0.1"])
def test_private_addresses_are_for_operators_to_allow(cast: Cast, settings: object, host: str) -> None:
    settings.ALLOW_LOCAL_PROVIDERS = False  # type: ignore[attr-defined]
    with pytest.raises(Invalid):
        add_provider(cast.owner, provider="openai", api_key="k", base_url=f"http://{host}:1234/v1")
    settings.ALLOWED_PRIVATE_HOSTS = frozenset({host.strip("[]")})  # type: ignore[attr-defined]
    assert add_provider(cast.owner, provider="openai", api_key="k", base_url=f"http://{host}:1234/v1").pk


def test_a_provider_keys_name_is_taken_once(cast: Cast) -> None:
    add_provider(cast.owner, provider="openai", api_key="sk-1")
    with pytest.raises(Conflict):
        add_provider(cast.owner, provider="openai", api_key="sk-2")
    add_provider(cast.owner, provider="openai", name="second", api_key="sk-2")
    assert ProviderKey.objects.count() == 2


def test_a_team_is_begun_once() -> None:
    first = begin_team(email="New@Example.com", name="New team")
    assert begin_team(email="new@example.com", name="New team") == first
    assert Team.objects.filter(slug="new-team").count() == 1
    assert Membership.objects.get(team=first).role == Role.OWNER


def test_a_new_team_caps_its_runs_and_one_that_is_there_keeps_its_limits(cast: Cast) -> None:
    new = begin_team(email="new@example.com", name="New team")
    assert {name: getattr(new, name) for name in FIRST_CAPS} == FIRST_CAPS
    Team.objects.filter(pk=new.pk).update(run_max_calls=None)
    assert begin_team(email="second@example.com", name="New team").run_max_calls is None
    old = begin_team(email="new@example.com", name="Acme", slug="acme")
    assert [getattr(old, name) for name in FIRST_CAPS] == [None] * len(FIRST_CAPS)
