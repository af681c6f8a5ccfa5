"""The API's operations on provider keys. A key goes in and never comes out."""

from typing import cast

from django.http import Http404, HttpResponse
from ninja import Router, Schema, Status
from pydantic import Field, StrictBool, StrictInt

from engine.catalogue.model_ids import PROVIDERS
from teams.access import fetch, visible_to
from teams.actions import add_provider, remove_provider
from teams.api.bearer import ApiRequest, Bearer
from teams.api.error_body import ERRORS
from teams.api.idempotency import once
from teams.api.if_match import ERRORS_OF_WRITES, IF_MATCH, tagged, unchanged
from teams.api.request_body import Strict
from teams.models import ProviderKey, Role
from teams.providers import actions
from teams.texts.times import time_text

router = Router(tags=["providers"])


class ProviderIn(Strict):
    provider: str = Field(json_schema_extra={"enum": list(PROVIDERS)})
    name: str = Field("default", max_length=60)
    api_key: str = Field("", max_length=4000)
    base_url: str | None = Field(
        None, max_length=500, description="for OpenAI-compatible servers; null: the provider's"
    )
    api_version: str = Field("", max_length=40, description="Azure's; empty: a usual one")
    rpm: StrictInt | None = Field(None, ge=1, le=2_000_000_000, description="requests per minute")
    tpm: StrictInt | None = Field(None, ge=1, le=2_000_000_000, description="tokens per minute")
    books_stated: StrictBool | None = Field(
        None,
        description="book what the provider says that a request costs, where it says so; null: usual for the provider",
    )


class ProviderChange(Strict):
    """What is left out stays as it is. The change holds for runs that a worker takes up from now on."""

    api_key: str | None = Field(
        None, max_length=4000, description="takes the old one's place at once; null: it stays; empty: there is none"
    )
    base_url: str = Field(
        "", max_length=500, description="elsewhere the old key is not sent: give one; empty: the provider's"
    )
    api_version: str = Field("", max_length=40, description="Azure's; empty: a usual one")
    rpm: StrictInt | None = Field(None, ge=1, le=2_000_000_000, description="requests per minute; null: no limit")
    tpm: StrictInt | None = Field(None, ge=1, le=2_000_000_000, description="tokens per minute; null: no limit")
    books_stated: StrictBool = Field(False, description="book what the provider says that a request costs")


class ProviderOut(Schema):
    id: int
    provider: str
    name: str
    base_url: str | None
    api_version: str
    models: list[str] = Field(description="ids of models for chats that its server listed at its last test")
    tested_at: str | None
    test_fault: str = Field(description="why the last test failed, and what to do; empty if it did not")
    test_note: str = Field(description="what the last test does not say; may be empty")
    rpm: int | None
    tpm: int | None
    books_stated: bool
    created_at: str
    rotated_at: str | None = Field(description="when another secret took the place of the first")
    revision: str = Field(description="its `ETag`, without the quotes")


class ProviderList(Schema):
    items: list[ProviderOut]
    next: str | None = None


@router.get("", response={200: ProviderList, **ERRORS}, auth=Bearer(Role.VIEWER))
def list_providers(request: ApiRequest) -> dict[str, object]:
    """The team's provider keys, without their secrets."""
    keys = visible_to(request.auth, ProviderKey).order_by("provider", "name")
    return {"items": [_answer(key) for key in keys], "next": None}


@router.post("", response={201: ProviderOut, **ERRORS}, auth=Bearer(Role.OWNER))
def create_provider(request: ApiRequest, body: ProviderIn) -> Status[dict[str, object]]:
    """Keeps a provider key, encrypted."""
    fields = body.model_dump() | {"base_url": body.base_url or ""}

    def added() -> dict[str, object]:
        key = add_provider(request.auth, **fields)
        key.refresh_from_db(fields=["created_at"])  # the database's own time
        return _answer(key)

    return Status(201, once(request, added))


@router.get("/{int:provider_id}", response={200: ProviderOut, **ERRORS}, auth=Bearer(Role.VIEWER))
def get_provider(request: ApiRequest, response: HttpResponse, provider_id: int) -> dict[str, object]:
    """One of the team's provider keys, without its secret."""
    key = fetch(ProviderKey, request.auth, pk=provider_id)
    tagged(response, actions.revision_of(key))
    return _answer(key)


@router.patch(
    "/{int:provider_id}",
    response={200: ProviderOut, **ERRORS_OF_WRITES},
    auth=Bearer(Role.OWNER),
    openapi_extra=IF_MATCH,
)
def patch_provider(
    request: ApiRequest, response: HttpResponse, provider_id: int, body: ProviderChange
) -> dict[str, object]:
    """Changes a key that stays the same for crews. A new secret is used at once; runs under way end on the old one, so
    let that work at the provider until they have. What a test told of another secret or server is forgotten: test the
    key again."""
    key = fetch(ProviderKey, request.auth, Role.OWNER, pk=provider_id)
    with unchanged(request, lambda: actions.revision_of(_locked(key))):
        actions.change_provider(request.auth, key, **cast("actions.KeyChange", body.model_dump(exclude_unset=True)))
    tagged(response, actions.revision_of(key))
    return _answer(key)


@router.post("/{int:provider_id}/test", response={200: ProviderOut, **ERRORS}, auth=Bearer(Role.OWNER))
def test_provider(request: ApiRequest, provider_id: int) -> dict[str, object]:
    """Asks the key's server for its list of models, which costs nothing, and says what came of it."""
    return _answer(actions.test_provider(request.auth, fetch(ProviderKey, request.auth, Role.OWNER, pk=provider_id)))


@router.delete("/{int:provider_id}", response={204: None, **ERRORS}, auth=Bearer(Role.OWNER))
def delete_provider(request: ApiRequest, provider_id: int) -> Status[None]:
    """Forgets a provider key."""
    remove_provider(request.auth, fetch(ProviderKey, request.auth, Role.OWNER, pk=provider_id))
    return Status(204, None)


def _locked(key: ProviderKey) -> ProviderKey:
    found = ProviderKey.objects.select_for_update().filter(pk=key.pk).first()
    if found is None:
        raise Http404("No such provider key.")
    return found


def _answer(key: ProviderKey) -> dict[str, object]:
    return {
        "id": key.pk,
        "provider": key.provider,
        "name": key.name,
        "base_url": key.base_url or None,
        "api_version": key.api_version,
        "models": key.model_ids,
        "tested_at": time_text(key.tested_at) if key.tested_at else None,
        "test_fault": key.test_fault,
        "test_note": key.test_note,
        "rpm": key.rpm,
        "tpm": key.tpm,
        "books_stated": key.books_stated,
        "created_at": time_text(key.created_at),
        "rotated_at": time_text(key.rotated_at) if key.rotated_at else None,
        "revision": actions.revision_of(key),
    }
