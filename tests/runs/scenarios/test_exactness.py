"""What is re-priced is what the engine would have booked, to the last digit, call by call and from sums."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import replace
from datetime import timedelta
from decimal import ROUND_HALF_UP, Decimal

import pytest
from django.utils import timezone

from agents_app.models import Crew
from engine.catalogue.pricing import Price, charge_of
from runs.ledger import rollups
from runs.ledger.invariants.check import look
from runs.models import Call, PriceQuote, UsageSum
from runs.money import to_nusd
from runs.prices.month import month_by_list
from runs.scenarios.answer import Sums, answer
from runs.scenarios.asked import Asked, ModelRule
from runs.scenarios.targets import Group
from tests.cast import Cast
from tests.ledger import make_call
from tests.runs.scenarios.priced_calls import (
    PRICES,
    WHOLE,
    is_as_booked,
    is_untimed,
    list_quotes,
    own_cost,
    repriced,
    some_calls,
    this_month,
    usage_of,
)

pytestmark = pytest.mark.django_db
SEEDS = (1, 2, 3, 4)


def by_run(run_id: object, **changed: object) -> Asked:
    return Asked(q=f"id:{run_id}", **changed)  # type: ignore[arg-type]


def key_of(of: Call | Group) -> tuple[str, str]:
    return of.agent, of.model


def by_agent_and_model(calls: Iterable[Call]) -> dict[tuple[str, str], list[Call]]:
    found: dict[tuple[str, str], list[Call]] = {}
    for call in calls:
        found.setdefault(key_of(call), []).append(call)
    return found


@pytest.mark.parametrize("seed", SEEDS)
def test_with_its_own_models_and_prices_a_run_costs_what_it_cost(cast: Cast, crew: Crew, seed: int) -> None:
    run = some_calls(cast, crew, seed)
    calls = list(Call.objects.filter(run=run, kind="model"))
    due = {key: sum(own_cost(call) or 0 for call in some) for key, some in by_agent_and_model(calls).items()}
    for asked in (by_run(run.pk), Asked(month=this_month()), Asked(crew=crew.slug)):
        found = answer(cast.owner, asked)
        assert (found.total.calls, found.total.cost_nusd) == (len(calls), sum(due.values()))
        for one in ("cost_nusd", "compared_nusd", "new_nusd"):
            assert {key_of(line.target.group): getattr(line.sums, one) for line in found.lines} == due, one
        assert found.tolerance_nusd == 0
        assert found.total.unpriced_calls == sum(call.cost_nusd is None for call in calls)


def test_the_cost_of_a_call_is_reckoned_anew_and_not_read(cast: Cast, crew: Crew) -> None:
    run = some_calls(cast, crew, 1)
    wrong = Call.objects.filter(run=run, state="ok", model="gpt-4o", provider_is_booked=False, cost_nusd__gt=0)[0]
    nothing = dict.fromkeys(f"{part}_nusd" for part in ("prompt", "cached", "cache_write", "completion"))
    Call.objects.filter(pk=wrong.pk).update(cost_nusd=(wrong.cost_nusd or 0) + 7, **nothing)
    assert answer(cast.owner, by_run(run.pk)).total.difference_nusd == -7


@pytest.mark.parametrize("to", PRICES)
def test_another_model_costs_what_the_engine_would_book(cast: Cast, crew: Crew, to: str) -> None:
    list_quotes()
    run = some_calls(cast, crew, 5)
    calls = list(Call.objects.filter(run=run).exclude(model=to))
    rules = tuple(ModelRule(model, to) for model in [*PRICES, "acme-7b"] if model != to)
    before, after = repriced(calls, PRICES[to])
    one_by_one = answer(cast.owner, by_run(run.pk, models=rules))
    moved = [line.sums for line in one_by_one.lines if line.target.is_other]
    assert sum(sums.compared_nusd for sums in moved) == before
    assert sum(sums.new_nusd for sums in moved) == after
    assert one_by_one.tolerance_nusd == 0
    summed = answer(cast.owner, Asked(month=this_month(), models=rules))
    difference = abs(summed.total.new_nusd - one_by_one.total.new_nusd)
    assert difference <= summed.tolerance_nusd
    assert summed.total.compared_nusd == one_by_one.total.compared_nusd
    if to in ("gpt-4o", "gpt-4.1-mini", "xai/tiered"):
        assert summed.tolerance_nusd == 0


def test_calls_of_unknown_time_have_no_price_by_the_second(cast: Cast, crew: Crew) -> None:
    list_quotes()
    run = some_calls(cast, crew, 15)
    Call.objects.filter(run=run, kind="model", model__in=("gpt-4o", "gemini/odd")).update(took_ms=0)
    rollups.rebuild(run.team_id)
    calls = list(Call.objects.filter(run=run, kind="model").exclude(model="own/by-second"))
    rules = tuple(ModelRule(model, "own/by-second") for model in [*PRICES, "acme-7b"] if model != "own/by-second")
    untimed = sum(is_untimed(call, PRICES["own/by-second"]) for call in calls)
    assert untimed > 3
    for asked in (by_run(run.pk, models=rules), Asked(month=this_month(), models=rules)):
        found = answer(cast.owner, asked)
        moved = sum((line.sums for line in found.lines if line.target.is_other), Sums())
        assert (moved.compared_nusd, moved.new_nusd) == repriced(calls, PRICES["own/by-second"])
        assert (moved.untimed_calls, moved.newly_unlisted, found.tolerance_nusd) == (untimed, 0, 0)


def test_the_present_list_changes_only_what_is_priced_otherwise_in_it(cast: Cast, crew: Crew) -> None:
    run = some_calls(cast, crew, 6, count=80)
    dearer = replace(PRICES["xai/tiered"], output_usd_per_mtok=Decimal("16.0000000003"))
    list_quotes({**PRICES, "xai/tiered": dearer})
    calls = list(Call.objects.filter(run=run, model="xai/tiered"))
    fits = [call for call in calls if call.prompt_tokens <= 128_000 or is_as_booked(call)]
    ordinary = [call for call in fits if not call.provider_is_booked]
    found = answer(cast.owner, by_run(run.pk, prices="list"))
    for line in found.lines:
        if line.target.group.model not in ("xai/tiered", "acme-7b"):
            assert line.sums.difference_nusd == 0, line
    before, after = repriced(ordinary, dearer)
    changed = sum(line.sums.new_nusd for line in found.lines if line.target.group.model == "xai/tiered")
    longer = [call for call in calls if call not in ordinary and call.cost_nusd is not None]
    assert changed == after + sum(call.cost_nusd or 0 for call in longer)
    assert before != after


def test_a_month_by_the_list_is_the_same_figure_on_both_pages(cast: Cast, crew: Crew) -> None:
    some_calls(cast, crew, 16, count=80)
    other = {name: replace(price, output_usd_per_mtok=Decimal("3.1"), tiers=()) for name, price in PRICES.items()}
    list_quotes(other)
    stated = Call.objects.filter(team=cast.team, provider_is_booked=True).count()
    assert stated
    found, by_list = answer(cast.owner, Asked(month=this_month(), prices="list")).total, month_by_list(cast.owner).total
    assert (found.compared_nusd, found.new_nusd) == (by_list.booked_nusd, by_list.listed_nusd)
    assert by_list.more_nusd != 0
    assert (found.kept_stated_calls, found.stated_calls) == (stated, 0)


def test_a_list_as_of_a_day_is_that_days(cast: Cast, crew: Crew) -> None:
    run = some_calls(cast, crew, 7, count=80)
    now = timezone.now()
    list_quotes({"gpt-4o": replace(WHOLE, input_usd_per_mtok=Decimal(9))}, begins_at=now - timedelta(days=9))
    list_quotes({"gpt-4o": WHOLE}, begins_at=now - timedelta(days=3))
    list_quotes({"gpt-4o": replace(WHOLE, input_usd_per_mtok=Decimal(1))}, team=cast.team, source="")

    def difference(**changed: object) -> int:
        return answer(cast.owner, by_run(run.pk, **changed)).total.difference_nusd

    assert difference(prices="list") == 0
    assert difference(prices="list", at=(now - timedelta(days=5)).date()) > 0
    assert difference(prices="team", at=(now - timedelta(days=1)).date()) == 0
    assert difference(prices="team") < 0


@pytest.mark.parametrize("hit", [0, 37, 100])
def test_cached_prompts_cost_what_the_engine_would_book(cast: Cast, crew: Crew, hit: int) -> None:
    run = some_calls(cast, crew, 9, count=80)
    calls = Call.objects.filter(run=run, kind="model", cached_usd_per_mtok__isnull=False, prompt_tokens__gte=1_024)
    for fee in ("request_usd", "second_usd"):
        assert calls.filter(**{f"{fee}__gt": 0}).exists()  # fees beside a cache
    due = 0
    for call in Call.objects.filter(run=run, kind="model", cost_nusd__isnull=False):
        due += _with_cache(call, Decimal(hit) / 100)
    found = answer(cast.owner, by_run(run.pk, hit_percent=hit))
    assert found.total.new_nusd == due
    stated = Call.objects.filter(run=run, provider_is_booked=True, prompt_tokens__gte=1_024)
    assert stated.filter(cached_usd_per_mtok__isnull=False).exists()
    assert found.total.kept_stated_calls == Call.objects.filter(run=run, provider_is_booked=True).count()
    summed = answer(cast.owner, Asked(month=this_month(), hit_percent=hit))
    assert abs(summed.total.new_nusd - due) <= summed.tolerance_nusd < 100


def _with_cache(call: Call, hit: Decimal) -> int:
    """The cost by the call's own prices with so much of its prompt read from the cache, and the rest written to it."""
    cached_usd, write_usd = call.cached_usd_per_mtok, call.cache_write_usd_per_mtok
    if is_as_booked(call) or call.provider_is_booked or call.input_usd_per_mtok is None:
        return call.cost_nusd or 0
    if call.prompt_tokens < 1_024 or cached_usd is None:
        return call.cost_nusd or 0
    price = Price(
        call.input_usd_per_mtok,
        call.output_usd_per_mtok or Decimal(0),
        reasoning_usd_per_mtok=call.reasoning_usd_per_mtok,
        request_usd=call.request_usd,
        search_usd=call.search_usd,
        citation_usd_per_mtok=call.citation_usd_per_mtok,
        second_usd=call.second_usd,
    )
    no_prompt = replace(usage_of(call), prompt_tokens=0, cached_prompt_tokens=0, cache_write_tokens=0)
    rest = _exact(no_prompt, price)
    other_usd = call.input_usd_per_mtok if write_usd is None else write_usd
    prompt = 1000 * call.prompt_tokens * (hit * cached_usd + (1 - hit) * other_usd)
    return int((rest + prompt).to_integral_value(ROUND_HALF_UP)) + (call.beyond_ours_nusd or 0)


def _exact(usage: object, price: Price) -> Decimal:
    from engine.catalogue.pricing import _exact_nusd

    return sum(_exact_nusd(usage, price).values(), Decimal(0))  # type: ignore[arg-type]


def test_what_still_runs_is_counted_and_the_other_kind_is_not(cast: Cast, crew: Crew) -> None:
    some_calls(cast, crew, 9, count=5)
    live = some_calls(cast, crew, 10, count=5, state="running")
    made_up = some_calls(cast, crew, 11, count=5, simulated=True)
    make_call(live, step=99, state="intent", finished_at=None, cost_nusd=None, billed_month=this_month())
    for simulated in (None, True):
        found = answer(cast.owner, Asked(month=this_month(), simulated=simulated))
        calls = Call.objects.filter(team=cast.team, kind="model", simulated=bool(simulated)).exclude(state="intent")
        assert (found.simulated, found.other_kind) == (bool(simulated), True)
        assert found.total.cost_nusd == sum(call.cost_nusd or 0 for call in calls)
        assert found.total.calls == calls.count()
    assert made_up.simulated
    assert answer(cast.stranger, Asked(month=this_month())).lines == ()


def test_a_tier_that_sums_do_not_tell_apart_is_read_call_by_call(cast: Cast, crew: Crew) -> None:
    some_calls(cast, crew, 12)
    odd = replace(PRICES["xai/tiered"], tiers=(replace(PRICES["xai/tiered"].tiers[0], above_tokens=127_999),))
    list_quotes({"odd-tiers": odd})
    rules = tuple(ModelRule(model, "odd-tiers") for model in [*PRICES, "acme-7b"])
    found = answer(cast.owner, Asked(month=this_month(), models=rules))
    _, after = repriced(Call.objects.filter(team=cast.team), odd)
    assert (found.total.new_nusd, found.tolerance_nusd) == (after, 0)


def test_sums_of_usage_are_those_of_the_calls(cast: Cast, crew: Crew) -> None:
    some_calls(cast, crew, 13)
    assert UsageSum.objects.filter(team=cast.team).count() > 10
    assert "usagesum" not in {finding.name for finding in look(["usagesum"]) if finding.count}
    UsageSum.objects.filter(calls__gt=0).update(searches=99)
    assert "usagesum" in {finding.name for finding in look(["usagesum"]) if finding.count}


def test_each_cost_is_what_the_engine_charges(cast: Cast, crew: Crew) -> None:
    """The calls that these tests stand on are priced by the engine's own rule."""
    run = some_calls(cast, crew, 14)
    for call in Call.objects.filter(run=run, provider_is_booked=False, state__in=("ok", "late"), cache_hit=False):
        if call.kind == "model" and call.cost_nusd is not None:
            assert call.cost_nusd == to_nusd(charge_of(usage_of(call), PRICES[call.model]).cost_usd)
    assert PriceQuote.objects.count() == 0
