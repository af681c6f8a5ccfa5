"""What bounds how many rows of a batch gain from being under way at once, beside the batch's own bound; and how many
rows the budgets cover."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from datetime import timedelta
from decimal import Decimal
from statistics import fmean

from django.db.models import Sum
from django.db.models.functions import Now

from engine.text import counted
from runs.batches.estimate.needs import Asked, Needs
from runs.bounds import quotas
from runs.bounds.standings import standings
from runs.feeding.batch_bounds import lower
from runs.models import Lane, WorkerSeen
from runs.money import dollars, to_nusd
from teams.access import Principal
from teams.models import ProviderKey, Team
from teams.texts.times import span

WORKER_SEEN = timedelta(seconds=30)
"""A worker that has not reported itself for so long is not reckoned with."""


@dataclass(frozen=True, slots=True)
class Pace:
    """So many rows at once are as fast as this allows; below one, rows wait for each other."""

    at_once: float
    code: str  # of what bounds it
    why: str


@dataclass(frozen=True, slots=True)
class Limit:
    """What a batch runs into, as a code for programs and in words."""

    code: str
    words: str


@dataclass(frozen=True, slots=True)
class Purse:
    """The budget of a batch, in 1e-9 USD. Each row keeps its own back while it is under way; None where rows share:
    then one needs as much as the dearest has cost, as ``runs.feeding.batch_bounds`` has it."""

    budget_nusd: int
    each_nusd: int | None

    def kept(self, dearest_nusd: float) -> int:
        """What has to be left for a row to start."""
        return round(dearest_nusd) if self.each_nusd is None else self.each_nusd

    def why(self, dearest_nusd: float) -> str:
        kept = dollars(self.kept(dearest_nusd))
        if self.each_nusd is None:
            return f"a row starts with no less than the {kept} that the dearest cost"
        return f"each row keeps back its own budget of {kept}"

    def rows(self, cost_nusd: float, dearest_nusd: float = 0) -> int:
        """How many rows it covers that cost so much each, and the dearest of them so much."""
        kept = self.kept(dearest_nusd)
        if kept > self.budget_nusd:
            return 0
        return int((self.budget_nusd - kept) / cost_nusd) + (1 if kept else 0)


def purse_of(team: Team, whole_usd: Decimal | None, each_usd: Decimal | None) -> Purse | None:
    """Of the budgets of a batch and of each of its runs, as they are ordered. None where the whole has none."""
    if whole_usd is None:
        return None
    return Purse(to_nusd(whole_usd), None if each_usd is None else lower(to_nusd(each_usd), team.run_budget_nusd))


def slowest(who: Principal, needs: Needs, *, rows: int, purse: Purse | None) -> Pace | None:
    """What bounds rows most; None if nothing does. At most six queries."""
    found = [*_of_team(who), *_of_workers(), *_of_purse(purse, max(needs.cost_nusd, default=0))]
    if any(needs.took_ms):  # of what takes no time a rate bounds none at once
        found += [*_of_quota(who, needs, rows), *_of_keys(who, needs)]
    return min(found, key=lambda pace: pace.at_once, default=None)


def _of_team(who: Principal) -> Iterator[Pace]:
    if (most := who.team.runs_at_once) is not None:
        yield Pace(most, "runs_at_once", f"your team has at most {counted(most, 'run')} under way at once")


def _of_purse(purse: Purse | None, dearest_nusd: float) -> Iterator[Pace]:
    if purse is not None and (kept := purse.kept(dearest_nusd)):
        at_once = max(1, purse.budget_nusd // kept)
        yield Pace(at_once, "batch_budget", f"of the batch's {dollars(purse.budget_nusd)} {purse.why(dearest_nusd)}")


def _of_workers() -> Iterator[Pace]:
    """Where none runs now, there may be some by then."""
    seen = WorkerSeen.objects.filter(seen_at__gt=Now() - WORKER_SEEN, stopping=False)
    if capacity := seen.aggregate(Sum("capacity"))["capacity__sum"]:
        yield Pace(capacity, "workers", f"the workers that are there hold {counted(capacity, 'run')}")


def _of_quota(who: Principal, needs: Needs, rows: int) -> Iterator[Pace]:
    """A quota bounds a batch only from where it is used up."""
    quota, window_s = who.team.launch_quota, who.team.launch_window_s
    if quota is not None and rows > quota - quotas.used(who):
        why = f"your team lets each member launch {counted(quota, 'run')} in {span(window_s)}"
        yield Pace(quota / window_s * fmean(needs.took_ms) / 1000, "launch_quota", why)


def _of_keys(who: Principal, needs: Needs) -> Iterator[Pace]:
    if not needs.asked:
        return
    keys = {str(key): key for key in ProviderKey.objects.filter(team=who.team)}
    lanes = Lane.objects.filter(team=who.team, window__isnull=False)
    windows = {(lane.credential, lane.model): lane.window for lane in lanes}
    run_ms = fmean(needs.took_ms)
    for asked in needs.asked:
        if (key := keys.get(asked.credential)) is not None:
            yield from _of_lane(asked, key, run_ms)
        window = windows.get((asked.credential, asked.model))
        if window is not None and asked.busy_ms:
            why = f"{asked.credential} has lately refused more than {window:.0f} requests for {asked.model} at once"
            yield Pace(window * run_ms / asked.busy_ms, "provider", why)


def _of_lane(asked: Asked, key: ProviderKey, run_ms: float) -> Iterator[Pace]:
    minutes = run_ms / 60_000
    limits: Mapping[str, tuple[int | None, float]] = {
        "requests": (key.rpm, asked.requests),
        "tokens": (key.tpm, asked.tokens),
    }
    for what, (most, each) in limits.items():
        if most is not None and each:
            need = f"{each:,.0f}" if each >= 10 else f"{each:,.1f}".removesuffix(".0")
            why = (
                f"the key {key} is asked for at most {most:,} {what} of {asked.model} a minute, and a row needs {need}"
            )
            yield Pace(most / each * minutes, f"{what}_a_minute", why)


def covered(who: Principal, needs: Needs, *, rows: int, simulated: bool, purse: Purse | None) -> Limit | None:
    """Which budget covers the fewest of the rows, and how many; None if all cover all, or the cost is not known."""
    if not needs.cost_nusd or not (each := fmean(needs.cost_nusd)):
        return None
    dearest = max(needs.cost_nusd)
    left: dict[tuple[str, str], int | None] = {}
    if not simulated:
        month = standings(who)
        left["team_budget", "What is left of the team's budget of this month"] = month.team.left_nusd
        own = next((one.standing.left_nusd for one in month.members if one.user == who.user), None)
        left["user_budget", "What is left of your budget of this month"] = own
    rows_of = {budget: int(nusd / each) for budget, nusd in left.items() if nusd is not None}
    if purse is not None:
        rows_of["batch_budget", "The batch's budget"] = purse.rows(each, dearest)
    fewest = min(rows_of, key=lambda one: rows_of[one], default=None)
    if fewest is None or rows_of[fewest] >= rows:
        return None
    code, words = fewest
    is_whole = purse is not None and code == "batch_budget" and (purse.each_nusd or dearest > each)
    why = f", since {purse.why(dearest)}" if purse is not None and is_whole else ""
    return Limit(code, f"{words} covers about {rows_of[fewest]:,} of {counted(rows, 'row')}{why}.")
