"""Reads of teams: whose they are, and what their settings show."""

from __future__ import annotations

from django.db.models import QuerySet

from teams.access import Principal, visible_to
from teams.models import ApiToken, Membership, ProviderKey, Team, User


def teams_of(user: User) -> QuerySet[Team]:
    """The person's teams, the one they joined first in front."""
    return Team.objects.filter(memberships__user=user).order_by("memberships__created_at", "pk")


def provider_keys(who: Principal) -> QuerySet[ProviderKey]:
    return visible_to(who, ProviderKey).order_by("provider", "name")


def live_tokens(who: Principal) -> QuerySet[ApiToken]:
    """Tokens that still work: an owner sees everybody's, others their own."""
    tokens = visible_to(who, ApiToken).filter(revoked_at=None).select_related("user").order_by("-created_at")
    return tokens if who.can_own else tokens.filter(user=who.user)


def members(who: Principal) -> QuerySet[Membership]:
    return visible_to(who, Membership).select_related("user").order_by("-role", "user__email")
