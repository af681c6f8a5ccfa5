"""What a provider key was used for: its newest call and what its calls of the month cost, as the ledger has them."""

from __future__ import annotations

from datetime import timedelta
from typing import Any

import pytest
from django.utils import timezone

from agents_app.models import Crew
from runs.key_use.queries import key_use
from runs.models import Call
from runs.states import RunState
from teams.actions import add_provider, issue_token
from teams.providers.actions import change_provider
from tests.cast import Cast
from tests.ledger import make_call, make_run
from tests.pages import html, signed_in

pytestmark = pytest.mark.django_db


def test_each_key_has_its_last_use_and_its_spend(cast: Cast, crew: Crew, django_assert_num_queries: Any) -> None:
    owner = cast.owner
    one, two = (add_provider(owner, provider="openai", name=name, api_key="sk-x") for name in ("default", "two"))
    add_provider(owner, provider="mistral", api_key="k")
    foreign = make_run(cast.stranger, crew)
    Call.objects.filter(pk=make_call(foreign, credential="openai/default").pk).update(team=cast.stranger.team)
    busy = make_run(owner, crew, state=RunState.RUNNING, simulated=False)
    first = make_call(busy, credential=str(one))
    newest = make_call(busy, step=1, credential=str(one), model="gpt-4o-mini", cost_nusd=None, **UNPRICED)
    make_call(busy, step=2, credential=str(two), simulated=True)
    with django_assert_num_queries(5):
        uses = {str(use.key): use for use in key_use(owner)}
    assert list(uses) == ["mistral/default", "openai/default", "openai/two"]
    used = uses["openai/default"]
    assert used.last_used_at == max(first.started_at, newest.started_at)
    assert (used.now.calls, used.now.spent_nusd, used.now.unpriced_calls) == (2, first.cost_nusd, 1)
    assert (used.before.calls, used.on_old_secret) == (0, 0)
    assert uses["mistral/default"].last_used_at is None
    assert uses["openai/two"].now.calls == 0, "simulated calls cost nothing"


UNPRICED = {"input_usd_per_mtok": None, "output_usd_per_mtok": None}


def test_runs_under_way_when_a_secret_was_replaced_are_counted(cast: Cast, crew: Crew) -> None:
    key = add_provider(cast.owner, provider="openai", api_key="sk-old")
    make_run(cast.owner, crew, state=RunState.RUNNING, simulated=False, started_at=timezone.now() - timedelta(hours=1))
    make_run(cast.owner, crew, simulated=False)
    make_run(cast.owner, crew, state=RunState.RUNNING, simulated=True)
    assert [use.on_old_secret for use in key_use(cast.owner)] == [0]
    change_provider(cast.owner, key, api_key="sk-new")
    assert [use.on_old_secret for use in key_use(cast.owner)] == [1]
    page = html(signed_in(cast.viewer).get("/t/acme/settings/providers/use/"))
    assert "1 run under way may still use the secret" in page
    assert 'hx-get="/t/acme/settings/providers/use/"' in html(signed_in(cast.viewer).get("/t/acme/settings/providers/"))
    secret = issue_token(cast.viewer, scope="read")[1]
    (told,) = (
        signed_in(cast.viewer)
        .get("/api/v1/providers/use", headers={"Authorization": f"Bearer {secret}"})
        .json()["items"]
    )
    assert (told["runs_on_old_secret"], told["last_used_at"], told["spent_usd"]) == (1, None, "0")
