"""Where a team's provider keys and webhooks may lead: told when they are kept, and held when they are used."""

from __future__ import annotations

import asyncio
import re
from typing import Any

import pytest

from engine.catalogue.model_ids import PROVIDERS
from teams.actions import add_provider
from teams.models import ProviderKey, Webhook
from teams.reach import provider_reach, reach
from teams.refusals import Invalid
from teams.webhooks import actions, deliveries
from tests.cast import Cast
from tests.refused_hosts import REASONS, REFUSED_HOSTS, listening

pytestmark = pytest.mark.django_db


@pytest.fixture(autouse=True)
def in_production(settings: Any) -> None:
    settings.ALLOW_LOCAL_PROVIDERS = False


def complaint_of(cast: Cast, provider: str, base_url: str) -> str:
    with pytest.raises(Invalid) as refused:
        add_provider(cast.owner, provider=provider, api_key="k", base_url=base_url)
    assert list(refused.value.fields) == ["base_url"]
    return refused.value.fields["base_url"]


def test_no_key_is_kept_with_an_address_inside(cast: Cast) -> None:
    told = {host: complaint_of(cast, "openai", f"http://{host}:80/v1") for host in REFUSED_HOSTS}
    assert [host for host, text in told.items() if not re.search(REASONS, text)] == []
    assert not ProviderKey.objects.exists()


@pytest.mark.parametrize("provider", PROVIDERS)
def test_every_provider_is_checked_alike(cast: Cast, provider: str) -> None:
    assert "ALLOWED_PRIVATE_HOSTS" in complaint_of(cast, provider, "http://[64:ff9b::7f00:1]/v1")


def test_no_webhook_is_kept_with_an_address_inside(cast: Cast) -> None:
    told = {}
    for host in REFUSED_HOSTS:
        with pytest.raises(Invalid) as refused:
            actions.add_webhook(cast.owner, url=f"http://{host}:80/hook", events=["run.failed"])
        told[host] = refused.value.fields["url"]
    assert [host for host, text in told.items() if not re.search(REASONS, text)] == []
    assert not Webhook.objects.exists()


def test_under_make_up_models_may_be_local_and_nothing_else_may(cast: Cast, settings: Any) -> None:
    settings.ALLOW_LOCAL_PROVIDERS = True
    for number, host in enumerate(("localhost", "127.0.0.1", "192.168.1.9", "[::1]")):
        assert add_provider(
            cast.owner, provider="ollama", name=f"n{number}", api_key="", base_url=f"http://{host}:11434"
        )
    for provider in ("mcp", "serper"):
        assert "not a public" in complaint_of(cast, provider, "http://localhost:9000/")
    assert "not a public" in complaint_of(cast, "openai", "http://169.254.169.254/v1")
    assert (provider_reach().local, reach().local) == (True, False)


def test_a_name_in_the_operators_list_may_be_kept(cast: Cast, settings: Any) -> None:
    settings.ALLOWED_PRIVATE_HOSTS = frozenset({"llm.internal", "ollama", "10.1.2.3"})
    for number, host in enumerate(("llm.internal", "ollama", "10.1.2.3", "OLLAMA.")):
        add_provider(cast.owner, provider="openai", name=f"n{number}", api_key="k", base_url=f"http://{host}:80/v1")
    actions.add_webhook(cast.owner, url="http://ollama/hook", events=["run.failed"])


def test_too_long_an_address_is_told_at_its_field(cast: Cast) -> None:
    assert "500" in complaint_of(cast, "openai", f"https://example.com/{'x' * 500}")


def test_a_webhook_that_leads_inside_by_now_is_not_delivered(cast: Cast) -> None:
    with listening() as listener:
        for host in ("localhost", "127.0.0.1", "[::127.0.0.1]", "[::ffff:0:127.0.0.1]"):
            webhook = Webhook.objects.create(
                team=cast.team, url=f"http://{host}:{listener.port}/", secret=_secret(cast), events=["run.failed"]
            )
            actions.send_test(cast.owner, webhook)
        due = deliveries.take_due()
        tried = asyncio.run(deliveries.send_all(due))
    assert len(tried) == 4
    assert all("ALLOWED_PRIVATE_HOSTS" in one.error and not one.response and one.status is None for one in tried)
    assert listener.connections == 0


def _secret(cast: Cast) -> bytes:
    webhook, _ = actions.add_webhook(cast.owner, url="https://example.com/", events=["run.failed"])
    secret = webhook.secret
    webhook.delete()
    return secret
