"""Brings the default price list up to date: adds dated quotes, and never touches those that there are.

A list is taken as a whole or not at all. It may not begin in the past, because calls since then are priced, nor before
a price that stands in the list already.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from itertools import chain

from django.db import connection, transaction

from engine.catalogue import price_list
from engine.catalogue.pricing import Price
from runs.ledger.prices import as_price, fees_of, fields_of
from runs.models import PriceQuote, PriceTier
from runs.months import now as database_now
from runs.prices.doubts import doubts_about
from runs.prices.figures import TITLES
from runs.prices.price_files import Fault, ListedPrice, PriceFile, bundled

LOCK = "SELECT pg_advisory_xact_lock(hashtext('default price list'))"
MAX_SOURCE_CHARS = 80
BUNDLED = "litellm "
"""How the source of a quote begins that came with LiteLLM."""


@dataclass(frozen=True, slots=True)
class Change:
    """A price that the list does not have yet. ``before``: what it says now; None: the model is new to it."""

    listed: ListedPrice
    before: Price | None
    begins_at: datetime


@dataclass(frozen=True, slots=True)
class Plan:
    """What a file would change. With ``faults`` it is not carried out."""

    changes: Sequence[Change]
    unchanged: int
    faults: Sequence[Fault]
    doubts: Sequence[Fault] = ()  # figures that look like another unit


@transaction.atomic
def update(
    file: PriceFile, *, source: str, begins_at: datetime | None = None, sure: bool = False, dry_run: bool = False
) -> Plan:
    """Adds what is new or changed, and says what that is. Nothing is added where something is wrong or doubtful.

    ``begins_at``: for prices that say no time of their own; None: now.
    """
    with connection.cursor() as cursor:
        cursor.execute(LOCK)
    plan = _plan(file, begins_at)
    if not dry_run and not plan.faults and (sure or not plan.doubts):
        _add(plan.changes, source)
    return plan


@transaction.atomic
def load_default_prices() -> tuple[int, Sequence[Fault]]:
    """Adds what is new or changed in the bundled list; returns how many prices that are.

    What a file said of a model stays in force until LiteLLM says something else of it than before. Those that look like
    another unit are left out and returned: an installation starts without a person who could look at them, and a model
    without a price is better than one at a thousand times its price.
    """
    with connection.cursor() as cursor:
        cursor.execute(LOCK)
    plan = _plan(bundled(), None)
    told = _latest(source__startswith=BUNDLED)
    new = [change for change in plan.changes if told.get(change.listed.model, (None,))[0] != change.listed.price]
    sure = [change for change in new if not _doubts(change)]
    _add(sure, price_list.source())
    return len(sure), list(chain.from_iterable(map(_doubts, new)))


def _plan(file: PriceFile, begins_at: datetime | None) -> Plan:
    now = database_now()
    latest = _latest()
    faults, changes, unchanged = list(file.faults), [], 0
    for one in sorted(file.prices, key=lambda one: (one.begins_at or begins_at or now, one.line)):
        begins = one.begins_at or begins_at or now
        price, since = latest.get(one.model, (None, None))
        if complaint := _complaint(begins, now, since):
            faults.append(Fault(one.line, f"{one.model}: {complaint}"))
        elif price == one.price:
            unchanged += 1
        else:
            changes.append(Change(one, price, begins))
            latest[one.model] = (one.price, begins)
    doubts = chain.from_iterable(map(_doubts, changes))
    return Plan(
        sorted(changes, key=lambda change: (change.listed.line, change.listed.model)),
        unchanged,
        sorted(faults, key=lambda fault: fault.line),
        sorted(doubts, key=lambda fault: fault.line),
    )


def _complaint(begins: datetime, now: datetime, since: datetime | None) -> str:
    if begins < now:
        return f"It cannot begin on {begins:%Y-%m-%d}, in the past: calls since then are priced. Leave it out for now."
    if since is not None and begins <= since:
        return f"It overlaps: the list has a price from {since:%Y-%m-%d %H:%M} UTC on. Give a later time."
    return ""


def _doubts(change: Change) -> list[Fault]:
    """Of a known model against what the list says now; of a new one by what any model costs."""
    one = change.listed
    found = list(doubts_about(fields_of(one.price) | fees_of(one.price), change.before).items())
    for tier in one.price.tiers:
        found += doubts_about(fields_of(tier), change.before).items()
    return [Fault(one.line, f"{one.model}, {TITLES[name]}: {doubt}") for name, doubt in found]


def _latest(**which: str) -> dict[str, tuple[Price | None, datetime | None]]:
    """The default list's newest price of each model, whether it has begun or not, and since when."""
    quotes = PriceQuote.objects.filter(team=None, **which)
    newest = quotes.order_by("model", "-begins_at").distinct("model").prefetch_related("tiers")
    return {quote.model: (as_price(quote), quote.begins_at) for quote in newest}


def _add(changes: Iterable[Change], source: str) -> None:
    quotes = [
        (
            PriceQuote(
                model=change.listed.model,
                source=source[:MAX_SOURCE_CHARS],
                begins_at=change.begins_at,
                **fields_of(change.listed.price),
                **fees_of(change.listed.price),
            ),
            change.listed.price,
        )
        for change in changes
    ]
    PriceQuote.objects.bulk_create([quote for quote, _ in quotes], batch_size=500)
    PriceTier.objects.bulk_create(
        [tier for quote, price in quotes for tier in tiers_of(quote, price)],
        batch_size=500,
    )


def tiers_of(quote: PriceQuote, price: Price) -> list[PriceTier]:
    """The rows of the price's tiers, not yet stored."""
    return [PriceTier(quote=quote, above_tokens=tier.above_tokens, **fields_of(tier)) for tier in price.tiers]


def differences(before: Price | None, after: Price) -> Mapping[str, tuple[object, object]]:
    """The figures that differ, by their names for people, as (before, after)."""
    old = {} if before is None else fields_of(before) | fees_of(before)
    new = fields_of(after) | fees_of(after)
    found = {
        TITLES[name]: (old.get(name), amount) for name, amount in new.items() if before is None or old[name] != amount
    }
    told = {title: pair for title, pair in found.items() if pair != (None, None)}
    if before is not None and before.tiers != after.tiers:
        told["prices of long prompts"] = (_lengths(before), _lengths(after))
    return told


def _lengths(price: Price) -> str:
    """The tiers in short: from which length on, and what prompt and answer cost there."""
    return (
        ", ".join(
            f"above {tier.above_tokens:,}: {tier.input_usd_per_mtok.normalize():f} and "
            f"{tier.output_usd_per_mtok.normalize():f}"
            for tier in price.tiers
        )
        or "none"
    )
