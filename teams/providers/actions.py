"""Tests a provider key by one free request, and changes one. What a key is, ``teams.actions`` decides."""

from __future__ import annotations

import asyncio
import hashlib
from contextlib import suppress
from dataclasses import replace
from typing import TypedDict, Unpack

from django.db import transaction
from django.utils import timezone

from engine.catalogue.model_ids import PROVIDERS
from engine.providers.credential import Credential
from engine.providers.servers.base_urls import base_url_of
from engine.providers.servers.listing import Listing, ServerFault, list_models
from engine.web.guarded_http import GuardedHttp
from teams.access import Principal, require
from teams.actions import provider_complaints
from teams.api.if_match import digest
from teams.audit.record import record
from teams.models import ProviderKey, Role
from teams.reach import provider_reach
from teams.refusals import Conflict, Invalid
from teams.secrets import seal, unseal
from teams.texts.sites import site_of

TEST_SECONDS = 10.0
MAX_FAULT_CHARS = 1000
LEADS = {"secret", "base_url", "api_version"}
"""What a test is of."""


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


class KeyChange(TypedDict, total=False):
    """What may be set anew at a provider key; what is left out stays as it is."""

    api_key: str | None  # None: stays; "": there is none
    base_url: str
    api_version: str
    rpm: int | None  # None is no limit
    tpm: int | None
    books_stated: bool


@transaction.atomic
def change_provider(who: Principal, key: ProviderKey, **change: Unpack[KeyChange]) -> ProviderKey:
    """Changes a key that stays the same for crews. A new secret takes the old one's place at once: runs that a worker
    takes up from now on use it, and those under way end on the old one.

    A secret is never sent where it was not typed for: ``Invalid`` if the key leads to another server then and nothing
    is said of its secret. ``Conflict`` if the key is gone. Its last test is forgotten unless it leads where it led.
    """
    require(who, Role.OWNER)
    locked = ProviderKey.objects.select_for_update().filter(pk=key.pk, team=who.team).first()
    if locked is None:
        raise Conflict("This key was removed meanwhile. Add it anew.")
    kept, given = unseal(locked.secret), change.get("api_key")
    base_url = change.get("base_url", locked.base_url).strip()
    moved = base_url_of(locked.provider, base_url).url != base_url_of(locked.provider, locked.base_url).url
    secret = given.strip() if given is not None else ("" if moved else kept)
    fields = provider_complaints(locked.provider, locked.name, secret, base_url)
    if moved and given is None and kept:
        fields["api_key"] = "Paste the key again: the one that is kept was given for another address."
    if fields:
        raise Invalid(f"The {PROVIDERS.get(locked.provider, locked.provider)} key was not changed.", fields=fields)
    told = _set(locked, base_url, change)
    if secret != kept:
        told["secret"] = "another one" if secret else "none any more"
        locked.secret, locked.rotated_at = seal(secret), timezone.now()
    if told:
        if told.keys() & LEADS:
            locked.test_fault, locked.test_note, locked.tested_at, locked.model_ids = "", "", None, []
        locked.save()
        record(who, "key.changed", locked, **told)
    for field in ProviderKey._meta.concrete_fields:
        setattr(key, field.attname, getattr(locked, field.attname))
    return key


def revision_of(key: ProviderKey) -> str:
    """Differs as soon as anything that people set at the key does."""
    parts = (key.pk, key.base_url, key.api_version, key.rpm, key.tpm, key.books_stated)
    return digest(*parts, hashlib.sha256(bytes(key.secret)).hexdigest())


def _set(key: ProviderKey, base_url: str, change: KeyChange) -> dict[str, str]:
    """Sets all but the secret, and says what it was and what it became."""
    values: dict[str, object] = {"base_url": base_url}
    if "api_version" in change:
        values["api_version"] = change["api_version"].strip()[:40]
    values |= {name: change[name] for name in ("rpm", "tpm", "books_stated") if name in change}  # type: ignore[literal-required]
    told = {}
    for name, value in values.items():
        was = getattr(key, name)
        if was != value:
            told[name] = _moved(was, str(value)) if name == "base_url" else f"{_shown(was)} → {_shown(value)}"
            setattr(key, name, value)
    return told


def _moved(was: str, base_url: str) -> str:
    there, here = _shown(site_of(was)), _shown(site_of(base_url))
    return f"another path at {here}" if there == here else f"{there} → {here}"


def _shown(value: object) -> str:
    return "none" if value in (None, "") else str(value)
