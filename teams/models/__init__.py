"""People, teams, their roles in them, and a team's secrets: provider keys, API tokens, sign-in links, webhooks.

Secrets are stored only encrypted or as hashes. ``access`` decides who may reach a row.
"""

from teams.models.audit import AuditEntry, Origin, Way
from teams.models.kept_json import KeptJSON
from teams.models.keys import ApiToken, ProviderKey, Scope
from teams.models.people import (
    AtLimit,
    Invitation,
    Membership,
    Role,
    SignInLink,
    Team,
    User,
    UserManager,
)
from teams.models.requests import IdempotentAnswer, TryCount
from teams.models.rows import columns_of, from_row
from teams.models.webhooks import Delivery, DeliveryState, Webhook, WebhookEvent

__all__ = [
    "ApiToken",
    "AtLimit",
    "AuditEntry",
    "Delivery",
    "DeliveryState",
    "IdempotentAnswer",
    "Invitation",
    "KeptJSON",
    "Membership",
    "Origin",
    "ProviderKey",
    "Role",
    "Scope",
    "SignInLink",
    "Team",
    "TryCount",
    "User",
    "UserManager",
    "Way",
    "Webhook",
    "WebhookEvent",
    "columns_of",
    "from_row",
]
