"""What somebody orders who launches a crew, what is wrong with the order, and which kind of run it asks for."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from decimal import Decimal
from typing import Any

from agents_app.models import CrewVersion
from engine.catalogue.model_ids import is_simulated
from engine.record.limits import RunLimits
from engine.spec.crew_spec import CrewSpec
from engine.spec.lookalikes import lookalikes
from engine.spec.named_models import llms_of, models_of
from engine.spec.placeholders import missing_inputs, unused_inputs
from engine.spec.size import filling_fault
from runs.bounds import run_caps
from runs.bounds.budgets import MAX_BUDGET_USD
from runs.bounds.run_caps import MAX_BOUND, RAISE
from runs.bounds.unpriced import budgets_over
from runs.ledger.prices import TeamPrices
from runs.models import Run
from runs.money import dollars, to_nusd, to_usd
from runs.states import Priority
from teams.access import Principal
from teams.credentials import TeamCredentials
from teams.models import AtLimit, Team
from teams.refusals import Invalid

MAX_INPUT_CHARS = 1_000_000
MAX_METADATA_CHARS = 10_000
MOST_NAMED = 5
"""Models in one sentence."""


@dataclass(frozen=True, slots=True)
class LaunchOrder:
    """What a person asks for."""

    inputs: Mapping[str, str] = field(default_factory=dict)
    version: CrewVersion | None = None  # None: the draft, which is then cut as a version
    budget_usd: Decimal | None = None
    limits: RunLimits = RunLimits()
    priority: str = Priority.NORMAL
    metadata: Mapping[str, Any] = field(default_factory=dict)
    simulated: bool | None = None  # None: simulated if the team has no provider key at all
    draft_revisions: frozenset[str] | None = None  # the draft is launched only at one of these; None: at any
    at_limit: str | None = None  # what the run does when a budget does not cover its next call; None: the team's way
    accept_unpriced: bool = False  # budgets need not hold back the calls of models whose price nobody knows

    @property
    def bounds(self) -> dict[str, int | None]:
        """The limits besides money, by their names on a run."""
        seconds = self.limits.max_seconds
        return {
            "max_calls": self.limits.max_calls,
            "max_tokens": self.limits.max_tokens,
            "max_seconds": None if seconds is None else round(seconds),
        }

    @property
    def request_hash(self) -> str:
        """Tells one order from another under the same idempotency key."""
        parts = [
            dict(self.inputs),
            self.version and self.version.pk,
            str(self.budget_usd),
            list(self.bounds.values()),
            self.priority,
            dict(self.metadata),
            self.simulated,
        ]
        if self.at_limit is not None:  # orders from before there was a choice keep their hash
            parts.append(self.at_limit)
        if self.accept_unpriced:
            parts.append("accept_unpriced")
        return hashlib.sha256(json.dumps(parts, sort_keys=True).encode()).hexdigest()


def order_again(team: Team, earlier: Run) -> LaunchOrder:
    """The same once more: its version, inputs, priority, labels and kind, and its bounds within what the team gives a
    run now. Raises ``Invalid`` if the inputs were removed as too old."""
    if earlier.texts_removed_at is not None:
        raise Invalid("The inputs of this run were removed as too old. Launch its crew with inputs of its own.")
    budget_nusd = _least(earlier.budget_nusd, team.run_budget_nusd)
    names = ("max_calls", "max_tokens", "max_seconds")
    calls, tokens, seconds = (_least(getattr(earlier, name), run_caps.cap_of(team, name)) for name in names)
    return LaunchOrder(
        inputs=earlier.inputs,
        version=earlier.version,
        budget_usd=None if budget_nusd is None else to_usd(budget_nusd),
        limits=RunLimits(calls, tokens, seconds),
        priority=earlier.priority,
        metadata=earlier.metadata,
        simulated=earlier.simulated,
        at_limit=earlier.at_limit,
        accept_unpriced=earlier.accepts_unpriced,
    )


def _least(bound: int | None, most: int | None) -> int | None:
    """Null is no bound."""
    return min((one for one in (bound, most) if one is not None), default=None)


def order_complaints(spec: CrewSpec, order: LaunchOrder) -> dict[str, str]:
    """What is wrong with the order by itself, by field."""
    fields = _input_complaints(spec, order.inputs)
    if order.budget_usd is not None and not 0 < order.budget_usd <= MAX_BUDGET_USD:
        fields["budget_usd"] = f"Give a budget above $0 and up to ${MAX_BUDGET_USD:,}, or none."
    elif order.budget_usd is not None and to_usd(to_nusd(order.budget_usd)) != order.budget_usd:
        fields["budget_usd"] = "Give at most nine decimals."
    for name, bound in order.bounds.items():
        if bound is not None and not 0 < bound <= MAX_BOUND:
            fields[name] = f"Give a number from 1 to {MAX_BOUND:,}, or none."
    if order.priority not in Priority.values:
        fields["priority"] = f"Choose one of {', '.join(Priority.values)}."
    if len(json.dumps(dict(order.metadata))) > MAX_METADATA_CHARS:
        fields["metadata"] = f"At most {MAX_METADATA_CHARS:,} characters of JSON."
    return fields


def _input_complaints(spec: CrewSpec, inputs: Mapping[str, str]) -> dict[str, str]:
    fields = {
        f"inputs.{name}": "This input is missing." for name in missing_inputs(spec, dict(spec.inputs) | dict(inputs))
    }
    for name, value in inputs.items():
        if len(value) > MAX_INPUT_CHARS:
            fields[f"inputs.{name}"] = f"At most {MAX_INPUT_CHARS:,} characters."
    if not fields and (fault := filling_fault(spec, inputs)):
        fields["inputs"] = fault
    return fields


def input_warnings(spec: CrewSpec, inputs: Mapping[str, str]) -> list[str]:
    """What may surprise about the inputs, though the crew can be launched with them."""
    unused = [f"No text of the crew uses the input {name}." for name in unused_inputs(spec, inputs)]
    return unused + [f"{field}: {message}" for field, message in lookalikes(spec)]


def limit_complaints(team: Team, order: LaunchOrder) -> dict[str, str]:
    """What the team's own limits say against the order, by field."""
    fields = {}
    most = team.run_budget_nusd
    if most is not None and order.budget_usd is not None and order.budget_usd > to_usd(most):
        fields["budget_usd"] = f"Your team gives a run at most {dollars(most)}. {RAISE}."
    for name, bound in order.bounds.items():
        if complaint := run_caps.complaint(team, name, bound):
            fields[name] = complaint
    if order.at_limit is not None and order.at_limit not in AtLimit.values:
        fields["at_limit"] = f"Choose one of {', '.join(AtLimit.values)}."
    return fields


def key_complaints(spec: CrewSpec, credentials: TeamCredentials, *, simulated: bool | None) -> dict[str, str]:
    """Models that the team has no key for, each at the field of its agent; none if the run would be simulated."""
    if is_simulated_run(spec, credentials, wanted=simulated):
        return {}
    if any(is_simulated(model) for model in models_of(spec)):
        return {"agents": "Some agents use simulated models and some do not. Use one kind for the whole crew."}
    return {
        field: f"{missing} Or launch the crew simulated."
        for field, llm in llms_of(spec).items()
        if (missing := credentials.missing(llm))
    }


@dataclass(frozen=True, slots=True)
class Unbounded:
    """Models whose price nobody knows, and what budgets are called that cannot hold their calls back."""

    models: Sequence[str]
    budgets: Sequence[str]

    @property
    def in_words(self) -> str:
        more = len(self.models) - MOST_NAMED
        models = ", ".join(self.models[:MOST_NAMED]) + (f" and {more} more" if more > 0 else "")
        budgets = " and ".join(title[0].lower() + title[1:] for title in self.budgets)
        return f"No price is known for {models}. Without one, {budgets} cannot hold calls back."


def unbounded_by_money(who: Principal, spec: CrewSpec, budget_usd: Decimal | None) -> Unbounded | None:
    """What of a real run no budget would bound; None if each of its models has a price, or if it has no budget."""
    budget_nusd = who.team.run_budget_nusd if budget_usd is None else to_nusd(budget_usd)
    models = sorted(models_of(spec))
    prices = TeamPrices(who.team, models)
    unpriced = [model for model in models if prices.quote(model) is None]
    budgets = budgets_over(who.team, who.user.pk, budget_nusd) if unpriced else []
    return Unbounded(unpriced, budgets) if budgets else None


def price_complaints(who: Principal, spec: CrewSpec, order: LaunchOrder) -> dict[str, str]:
    """Why a real run is not launched under budgets that do not bound it, with what may be done instead."""
    if order.accept_unpriced or order.bounds["max_tokens"] is not None:
        return {}
    unbounded = unbounded_by_money(who, spec, order.budget_usd)
    if unbounded is None:
        return {}
    choice = "Set a price on the page Prices, bound the run by its tokens, or accept such calls."
    return {"accept_unpriced": f"{unbounded.in_words} {choice}"}


def key_doubts(spec: CrewSpec, credentials: TeamCredentials) -> list[str]:
    """Why keys that there are may not do for the crew's models, as their last tests told."""
    return list(dict.fromkeys(filter(None, map(credentials.doubt, llms_of(spec).values()))))


def is_simulated_run(spec: CrewSpec, credentials: TeamCredentials, *, wanted: bool | None) -> bool:
    """``wanted`` is the order's ``simulated``. A crew that names simulated models alone is always simulated."""
    if wanted or all(is_simulated(model) for model in models_of(spec)):
        return True
    return wanted is None and not credentials.any_model_key
