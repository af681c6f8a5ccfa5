"""People's verbs on teams: begin one, sign in by a link, keep provider keys, issue and revoke API tokens."""

from __future__ import annotations

from datetime import timedelta
from typing import TypedDict, Unpack

from django.db import transaction
from django.db.models import QuerySet
from django.db.models.functions import Now
from django.utils import timezone
from django.utils.text import slugify

from engine.catalogue.model_ids import NOT_MODEL_PROVIDERS, PROVIDERS, STATES_ITS_COST
from engine.providers.credential import NEEDS_NO_KEY
from engine.providers.servers.known import NEEDS_BASE_URL, SERVERS
from engine.text import storable
from engine.web.addresses import complaint
from teams.access import Principal, require, require_now
from teams.audit.record import record
from teams.models import ApiToken, Membership, ProviderKey, Role, Scope, SignInLink, Team, User
from teams.reach import provider_reach, reach
from teams.refusals import Conflict, Invalid
from teams.secrets import digest, new_secret, seal
from teams.texts.names import slug_of
from teams.texts.sites import site_of

TOKEN_PREFIX = "crw_"  # noqa: S105 - recognisable, not secret
SIGNIN_LINK_LIFE = timedelta(hours=12)
LOCAL_OWNER_EMAIL = "owner@localhost.localdomain"
FIRST_CAPS = {
    "run_budget_nusd": 5_000_000_000,
    "run_max_calls": 500,
    "run_max_seconds": 3600,
    "runs_at_once": 50,
    "launch_quota": 300,
}
"""What a new team gives each run at most: 1e-9 USD, model requests, seconds; how many of its runs are under way at
once; and how many each member launches in an hour. Owners change or lift it."""
SCOPE_ROLE = {Scope.READ: Role.VIEWER, Scope.RUN: Role.RUNNER, Scope.EDIT: Role.EDITOR, Scope.ADMIN: Role.OWNER}


@transaction.atomic
def begin_team(*, email: str, name: str, slug: str = "") -> Team:
    """The team of that slug, with that person as an owner. Makes the team and the person if they are not there yet.

    A new team's runs are bounded by ``FIRST_CAPS``; a team that is there keeps its limits.
    """
    slug = slug or slug_of(name)
    user = User.objects.filter(email=email.lower()).first() or User.objects.create_user(email)
    team, is_new = Team.objects.get_or_create(slug=slug, defaults={"name": name} | FIRST_CAPS)
    member, is_added = Membership.objects.get_or_create(team=team, user=user, defaults={"role": Role.OWNER})
    who = Principal(user, team, Role.OWNER)
    if is_new:
        record(who, "team.made", team)
    elif is_added:
        record(who, "member.added", member, name=user.email, role=Role.OWNER.label)
    return team


def set_operator(user: User, *, is_operator: bool) -> None:
    """Makes somebody an operator, who sees how the installation runs for all teams. Their roles in teams stay."""
    user.is_staff = is_operator
    user.save(update_fields=["is_staff"])


def issue_signin_link(user: User) -> str:
    """The secret of a new link, which signs this person in once within ``SIGNIN_LINK_LIFE``."""
    secret = new_secret()
    SignInLink.objects.create(user=user, secret_hash=digest(secret), expires_at=timezone.now() + SIGNIN_LINK_LIFE)
    return secret


def use_signin_link(secret: str) -> User | None:
    """Uses up the link and returns its person; None if it is unknown, used or expired. Of two uses at once one wins."""
    if _unused_links(secret).update(used_at=Now()) != 1:
        return None
    return User.objects.get(signin_links__secret_hash=digest(secret))


def person_of_signin_link(secret: str) -> User | None:
    """Whom the link would sign in now; None if it is unknown, used or expired."""
    link = _unused_links(secret).select_related("user").first()
    return None if link is None else link.user


@transaction.atomic
def issue_token(
    who: Principal,
    *,
    name: str = "",
    scope: str = Scope.RUN,
    life: timedelta | None = None,
    program: Membership | None = None,
) -> tuple[ApiToken, str]:
    """A new API token and its secret, which can only be shown now. The scope may not exceed the person's role; nor that
    of a ``program``, for which owners make it. Without ``life`` it has no end."""
    if scope not in Scope.values:
        raise Invalid("Unknown scope.", fields={"scope": f"Choose one of {', '.join(Scope.values)}."})
    require_now(who, SCOPE_ROLE[Scope(scope)])  # who is being removed gets no token that outlasts it
    holder = who.user if program is None else _program(who, program, Scope(scope)).user
    secret = new_secret(TOKEN_PREFIX)
    token = ApiToken.objects.create(
        team=who.team,
        user=holder,
        name=storable(name).strip()[:80],
        prefix=secret[:12],
        secret_hash=digest(secret),
        scope=scope,
        expires_at=timezone.now() + life if life else None,
    )
    ends = {"ends": f"{token.expires_at:%Y-%m-%d}"} if token.expires_at else {}
    whose = {"of": holder.email} if program else {}
    record(who, "token.issued", token, name=f"{token} {token.name}".strip(), scope=scope, **ends, **whose)
    return token, secret


@transaction.atomic
def revoke_token(who: Principal, token: ApiToken) -> None:
    """Anybody may revoke their own token, an owner everybody's. Revoking twice changes nothing."""
    if token.user_id != who.user.pk:
        require(who, Role.OWNER)
    if ApiToken.objects.filter(pk=token.pk, revoked_at=None).update(revoked_at=Now()):
        record(who, "token.revoked", token, name=f"{token} {token.name}".strip(), of=token.user.email)


def principal_of_token(secret: str) -> tuple[Principal, ApiToken] | None:
    """Who acts with this bearer token, or None if it does not work.

    Role and scope are read at each request, and the smaller one counts.
    """
    token = (
        ApiToken.objects.select_related("user", "team")
        .filter(secret_hash=digest(secret), revoked_at=None, user__is_active=True)
        .first()
    )
    if token is None or (token.expires_at is not None and token.expires_at <= timezone.now()):
        return None
    membership = Membership.objects.filter(team=token.team, user=token.user).first()
    if membership is None:
        return None
    _note_use(token)
    role = min(Role(membership.role), SCOPE_ROLE[Scope(token.scope)])
    return Principal(token.user, token.team, role), token


class KeySettings(TypedDict, total=False):
    """What may be set at a provider key: fields of ``ProviderKey``."""

    api_version: str
    rpm: int | None
    tpm: int | None
    books_stated: bool | None  # None is what is usual for the provider


@transaction.atomic
def add_provider(
    who: Principal,
    *,
    provider: str,
    name: str = "default",
    api_key: str,
    base_url: str = "",
    **settings: Unpack[KeySettings],
) -> ProviderKey:
    """Stores a provider key, encrypted. Raises ``Conflict`` for a second key of the same provider and name, ``Invalid``
    in a made-up team."""
    require_now(who, Role.OWNER)  # of two that add a key of the same name at once, one is told
    if who.team.is_demo:
        raise Invalid(
            "A made-up team keeps no keys, because every run of it is simulated. Add it in a team of your own."
        )
    fields = provider_complaints(provider, name, api_key, base_url)
    if fields:
        raise Invalid("The provider key was not saved.", fields=fields)
    if ProviderKey.objects.filter(team=who.team, provider=provider, name=name).exists():
        raise Conflict(
            f"There is already a key named {name!r} for {provider}. Remove it first, or choose another name.",
            fields={"name": "This name is taken."},
        )
    books_stated = settings.get("books_stated")
    key = ProviderKey.objects.create(
        team=who.team,
        provider=provider,
        name=name,
        secret=seal(api_key.strip()),
        base_url=base_url.strip(),
        api_version=settings.get("api_version", "").strip()[:40],
        rpm=settings.get("rpm"),
        tpm=settings.get("tpm"),
        books_stated=provider in STATES_ITS_COST if books_stated is None else books_stated,
        created_by=who.user,
    )
    at = {"base_url": site_of(key.base_url)} if key.base_url else {}
    record(who, "key.added", key, **at)
    return key


@transaction.atomic
def remove_provider(who: Principal, provider_key: ProviderKey) -> None:
    """Deletes a provider key. Runs that need it fail from their next call on. Removing it twice changes nothing."""
    require(who, Role.OWNER)
    key = ProviderKey.objects.select_for_update().filter(pk=provider_key.pk, team=who.team).first()
    if key is not None:
        record(who, "key.removed", key)
        key.delete()


def _unused_links(secret: str) -> QuerySet[SignInLink]:
    return SignInLink.objects.filter(
        secret_hash=digest(secret),
        used_at=None,
        expires_at__gt=timezone.now(),
        user__is_active=True,
        user__is_program=False,
    )


def _program(who: Principal, program: Membership, scope: Scope) -> Membership:
    """As it is now. The team's row is locked, so that it is neither removed nor given another role meanwhile."""
    require(who, Role.OWNER)
    found = (
        Membership.objects.select_related("user").filter(pk=program.pk, team=who.team, user__is_program=True).first()
    )
    if found is None:
        raise Conflict("This program was removed meanwhile.")
    if SCOPE_ROLE[scope] > found.role:
        fault = f"This is more than the program may do, which is {found.get_role_display()}."
        raise Invalid("No token was made.", fields={"scope": fault})
    return found


def _note_use(token: ApiToken) -> None:
    """Writes at most once a minute, so that a busy client's reads do not each cause a write."""
    now = timezone.now()
    if token.last_used_at is None or now - token.last_used_at > timedelta(minutes=1):
        ApiToken.objects.filter(pk=token.pk).update(last_used_at=now)


def provider_complaints(provider: str, name: str, api_key: str, base_url: str) -> dict[str, str]:
    """What keeps a provider key from being kept, by field."""
    fields = {}
    if provider not in PROVIDERS:
        fields["provider"] = f"Unknown provider. Known are: {', '.join(sorted(PROVIDERS))}."
    if not name or slugify(name) != name or len(name) > 60:
        fields["name"] = "Use lower-case letters, digits and hyphens, at most 60."
    if not api_key.strip() and not base_url.strip() and provider not in NEEDS_NO_KEY:
        fields["api_key"] = "Paste the key, or give the base URL of a server that needs none."
    if provider == "mcp" and not base_url.strip():
        fields["base_url"] = "Give the server's address: the token is sent there and nowhere else."
    if provider in NEEDS_BASE_URL and not base_url.strip():
        fields["base_url"] = f"Give the server's address, such as {SERVERS[provider].example}."
    if any(ord(char) < 33 or ord(char) > 126 for char in api_key.strip()):
        fields["api_key"] = "A key has no spaces and only plain ASCII characters; paste it again."
    if base_url.strip():
        where = reach() if provider in NOT_MODEL_PROVIDERS else provider_reach()
        example = SERVERS[provider].example if provider in SERVERS else ""
        if fault := complaint(base_url.strip(), where, example=example or "https://llm.example.com/v1"):
            fields["base_url"] = fault
    return fields
