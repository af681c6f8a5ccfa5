"""Tests a provider key by one free request, and changes where it leads. What a key is, ``teams.actions`` decides."""

from __future__ import annotations

import asyncio
from contextlib import suppress
from dataclasses import replace

from django.db import transaction
from django.utils import timezone

from engine.catalogue.model_ids import PROVIDERS
from engine.providers.credential import Credential
from engine.providers.servers.base_urls import base_url_of
from engine.providers.servers.listing import Listing, ServerFault, list_models
from engine.web.guarded_http import GuardedHttp
from teams.access import Principal, require
from teams.actions import provider_complaints
from teams.audit.record import record
from teams.models import ProviderKey, Role
from teams.reach import provider_reach
from teams.refusals import Invalid
from teams.secrets import seal, unseal

TEST_SECONDS = 10.0
MAX_FAULT_CHARS = 1000


def test_provider(who: Principal, key: ProviderKey) -> ProviderKey:
    """Asks the key's server for its list of models, ten seconds a request, and keeps what came of it at the key.

    A list that is got replaces the last one. A test that fails leaves that, and says in ``test_fault`` what to do. What
    came of a key that was changed or removed meanwhile is forgotten.
    """
    require(who, Role.OWNER)
    tested = {"secret": bytes(key.secret), "base_url": key.base_url, "api_version": key.api_version}
    key.test_fault, key.test_note, key.tested_at = "", "", timezone.now()
    try:
        listing, key.base_url = asyncio.run(_listed(key))
        key.test_note, key.model_ids = listing.note, list(listing.models)
        key.tested_at = key.tested_at if listing.was_asked else None
    except ServerFault as fault:
        key.test_fault = str(fault).replace(unseal(key.secret) or "\0", "[key]")[:MAX_FAULT_CHARS]
    found = {name: getattr(key, name) for name in ("base_url", "tested_at", "test_fault", "test_note", "model_ids")}
    with transaction.atomic():
        is_same = ProviderKey.objects.filter(pk=key.pk, **tested).update(**found)
        if is_same:
            record(who, "key.tested", key, passed=not key.test_fault)
    return key if is_same else ProviderKey.objects.filter(pk=key.pk).first() or key


async def _listed(key: ProviderKey) -> tuple[Listing, str]:
    """The list, and the base URL that it came from. Many servers answer below /v1 alone, which is then added."""
    credential = Credential(unseal(key.secret), key.base_url or None, key.api_version)
    http = GuardedHttp(provider_reach(), timeout_s=TEST_SECONDS)
    base = base_url_of(key.provider, key.base_url).url
    try:
        return await list_models(key.provider, credential, http), key.base_url
    except ServerFault as fault:
        if fault.field != "base_url" or key.provider != "openai" or not base or base.endswith("/v1"):
            raise
        with suppress(ServerFault):
            listing = await list_models(key.provider, replace(credential, base_url=f"{base}/v1"), http)
            note = f"/v1 was added to the base URL, because the server answers there. {listing.note}"
            return Listing(listing.models, note), f"{base}/v1"
        raise


@transaction.atomic
def change_provider(
    who: Principal, key: ProviderKey, *, api_key: str = "", base_url: str = "", api_version: str = ""
) -> ProviderKey:
    """Another secret, base URL or API version for a key that stays the same for crews. Without ``api_key`` the secret
    stays, unless the key leads to another server then: a secret is never sent where it was not typed for."""
    require(who, Role.OWNER)
    moved = base_url_of(key.provider, base_url).url != base_url_of(key.provider, key.base_url).url
    secret = api_key.strip() or ("" if moved else unseal(key.secret))
    fields = provider_complaints(key.provider, key.name, secret, base_url)
    if moved and not api_key.strip() and unseal(key.secret):
        fields["api_key"] = "Paste the key again: the one that is kept was given for another address."
    if fields:
        raise Invalid(f"The {PROVIDERS.get(key.provider, key.provider)} key was not changed.", fields=fields)
    key.secret, key.base_url, key.api_version = seal(secret), base_url.strip(), api_version.strip()
    key.test_fault, key.test_note, key.tested_at, key.model_ids = "", "", None, []
    key.save(update_fields=["secret", "base_url", "api_version", "test_fault", "test_note", "tested_at", "model_ids"])
    record(who, "key.changed", key, base_url=key.base_url.partition("?")[0], new_secret=bool(api_key.strip()))
    return key
