"""What people do about the limits of runs: set a team's budgets and quota, and give one run another budget.

Raising a budget lets the runs go on that waited for it. A budget cannot be set below what is spent and held of it.
"""

from __future__ import annotations

import hashlib
from collections.abc import Iterator, Mapping
from dataclasses import astuple, dataclass, field, fields, replace
from decimal import Decimal
from functools import partial

from django.db import transaction
from django.db.models import F

from engine.catalogue.model_ids import provider_of
from engine.spec.crew_spec import LLMSpec
from engine.text import is_storable
from runs.bounds import budgets, runs_at_once
from runs.bounds.budgets import MAX_BUDGET_USD
from runs.bounds.run_caps import MAX_BOUND, RAISE
from runs.bounds.runs_at_once import MAX_AT_ONCE
from runs.ledger import transitions
from runs.ledger.prices import TeamPrices
from runs.ledger.wake_covered import wake_covered
from runs.live.notify import run_changed
from runs.models import Allowance, Bill, Run
from runs.money import dollars, to_nusd, to_usd
from runs.months import this_month
from runs.states import BUDGETS, RUN_BUDGET, RUN_ENDED, RunState
from runs.worker import bell
from teams.access import Principal, require
from teams.audit.record import record
from teams.credentials import TeamCredentials
from teams.models import AtLimit, Membership, Role, Team, User
from teams.refusals import Conflict, Invalid

MAX_QUOTA = 1_000_000
MAX_MODEL_CHARS = 200
MAX_WINDOW_S = 31 * 86_400
MOST_RUNG = 500
"""Runs for which new places are rung at once; sweeps ring for more."""


@dataclass(frozen=True, slots=True)
class TeamLimits:
    """What an owner sets. A budget or a cap that is None is no limit."""

    budget_usd: Decimal | None = None  # of the team, a month
    run_budget_usd: Decimal | None = None  # of each run
    run_max_calls: int | None = None  # model requests of each run
    run_max_seconds: int | None = None  # of each run, without its pauses
    runs_at_once: int | None = None  # of the team, under way
    user_budget_usd: Decimal | None = None  # of each member, a month
    at_limit: str = AtLimit.PAUSE
    fallback_model: str = ""
    launch_quota: int | None = None
    launch_window_s: int = 3600
    members: Mapping[int, Decimal] = field(default_factory=dict)  # own monthly budgets by user id, where they differ

    @property
    def digest(self) -> str:
        """Differs as soon as any of the limits does."""
        parts = [str(part) for part in (*astuple(replace(self, members={})), sorted(self.members.items()))]
        return hashlib.sha256("\n".join(parts).encode()).hexdigest()[:16]


def limits_of(team: Team) -> TeamLimits:
    """The team's limits as they are set."""
    own = Membership.objects.filter(team=team, budget_nusd__isnull=False).values_list("user_id", "budget_nusd")
    return TeamLimits(
        budget_usd=to_usd(team.budget_nusd),
        run_budget_usd=to_usd(team.run_budget_nusd),
        run_max_calls=team.run_max_calls,
        run_max_seconds=team.run_max_seconds,
        runs_at_once=team.runs_at_once,
        user_budget_usd=to_usd(team.user_budget_nusd),
        at_limit=team.at_limit,
        fallback_model=team.fallback_model,
        launch_quota=team.launch_quota,
        launch_window_s=team.launch_window_s,
        members={user: Decimal(to_usd(budget) or 0) for user, budget in own},
    )


@transaction.atomic
def set_limits(who: Principal, limits: TeamLimits, *, seen: str = "") -> Team:
    """Sets the limits from now on, for this month too, and wakes the runs that may then go on.

    ``Invalid`` names every field that cannot be as it is; nothing is changed then. ``seen`` is the digest of the limits
    that the person looked at: ``Conflict`` if somebody else has changed them since.
    """
    require(who, Role.OWNER)
    members = dict(Membership.objects.filter(team=who.team).order_by("user_id").values_list("user_id", "pk"))
    bill, allowances = _locked_sums(who.team, members)
    # no_key: a launch, which refers to the team while it holds its member's row, need not wait for this lock.
    team = Team.objects.select_for_update(no_key=True).get(pk=who.team.pk)
    were = limits_of(team)
    if seen and seen != were.digest:
        raise Conflict(
            "Somebody else has changed the limits since this page was loaded. Save once more to set yours all the "
            "same, or reload the page to see theirs."
        )
    faults = _complaints(limits, members) | _fallback_complaint(team, limits) | _below_spent(limits, bill, allowances)
    if faults:
        raise Invalid("The limits were not changed.", fields=faults)
    team.budget_nusd = to_nusd(limits.budget_usd)
    team.run_budget_nusd = to_nusd(limits.run_budget_usd)
    team.run_max_calls, team.run_max_seconds = limits.run_max_calls, limits.run_max_seconds
    before, team.runs_at_once = team.runs_at_once, limits.runs_at_once
    if before is not None and (team.runs_at_once is None or team.runs_at_once > before):
        transaction.on_commit(partial(fill_places, team.pk))
    team.user_budget_nusd = to_nusd(limits.user_budget_usd)
    team.at_limit, team.fallback_model = limits.at_limit, limits.fallback_model.strip()
    team.launch_quota, team.launch_window_s = limits.launch_quota, limits.launch_window_s
    team.save()
    for user, membership in members.items():
        Membership.objects.filter(pk=membership).update(budget_nusd=to_nusd(limits.members.get(user)))
    Bill.objects.filter(pk=bill.pk).update(budget_nusd=team.budget_nusd)
    for allowance in allowances:
        budget = limits.members.get(allowance.user_id, limits.user_budget_usd)
        Allowance.objects.filter(pk=allowance.pk).update(budget_nusd=to_nusd(budget))
    if changed := dict(_changed(were, limits)):
        record(who, "limits.set", team, **changed)
    transaction.on_commit(wake)
    return team


@transaction.atomic
def resume(who: Principal, run: Run, *, budget_usd: Decimal | None = None) -> Run:
    """Lets a run that waits for a budget go on, after giving it a new budget of its own if one is named.

    Any run that has not ended may be given a new budget. ``Conflict`` if no new one is named and a budget still does
    not cover the next call.
    """
    require(who, Role.RUNNER)
    locked = Run.objects.select_for_update().get(pk=run.pk)
    if locked.state in RUN_ENDED:
        raise Conflict(f"This run has already {locked.state}. Launch it again to run it anew.")
    if budget_usd is not None:
        _set_run_budget(who, locked, budget_usd)
        record(
            who,
            "run.budget_set",
            locked,
            name=locked.called,
            budget_usd=_was_now(to_usd(locked.budget_nusd), budget_usd),
        )
    elif locked.state != RunState.WAITING or locked.waiting_for not in BUDGETS:
        raise Conflict("This run does not wait for a budget.")
    if locked.state == RunState.WAITING and locked.waiting_for in BUDGETS:
        needs_nusd = locked.needs_nusd or 0
        short = [budget for budget in budgets.budgets_of(locked.pk) if budget.closed or not budget.covers(needs_nusd)]
        if short and budget_usd is None:
            raise Conflict(f"{budgets.standing(short[0], needs_nusd)} Raise it first.")
        if short:  # its own budget was raised, and now another one is short
            Run.objects.filter(pk=locked.pk).update(waiting_for=short[0].name)
        elif transitions.queue_again(locked.pk):
            record(who, "run.resumed", locked, name=locked.called)
            transaction.on_commit(partial(bell.ring, locked.pk))
    run_changed(locked.pk)
    run.refresh_from_db()
    return run


def wake() -> None:
    """Lets the runs go on that waited for a budget which now covers their next call."""
    for run_id in wake_covered():
        bell.ring(run_id)


def fill_places(team_id: int) -> None:
    """Rings for the runs for which the team has places now."""
    for run_id in runs_at_once.fitting(team_id, most=MOST_RUNG):
        bell.ring(run_id)


def _changed(were: TeamLimits, now: TeamLimits) -> Iterator[tuple[str, str]]:
    """What was set differently, as it was and as it is."""
    for name in (one.name for one in fields(TeamLimits) if one.name != "members"):
        before, after = getattr(were, name), getattr(now, name)
        if before != after:
            yield name, _was_now(before, after)
    differing = [user for user in {**were.members, **now.members} if were.members.get(user) != now.members.get(user)]
    emails = dict(User.objects.filter(pk__in=differing).values_list("pk", "email"))
    if differing:
        sums = (f"{emails[user]}: {_was_now(were.members.get(user), now.members.get(user))}" for user in differing)
        yield "members", ", ".join(sums)


def _was_now(was: object, now: object) -> str:
    return " → ".join("none" if value in (None, "") else str(value) for value in (was, now))


def _locked_sums(team: Team, members: Mapping[int, int]) -> tuple[Bill, list[Allowance]]:
    """This month's bill and allowances, locked, and begun if need be.

    Otherwise a first call could begin them with the old budgets while new ones are set. Lock order: bill before
    allowances, as where calls are booked.
    """
    month = this_month()
    Bill.objects.bulk_create([Bill(team=team, month=month, budget_nusd=team.budget_nusd)], ignore_conflicts=True)
    bill = Bill.objects.select_for_update().get(team=team, month=month)
    begun = [Allowance(team=team, user_id=user, month=month) for user in members]
    Allowance.objects.bulk_create(begun, ignore_conflicts=True)
    return bill, list(Allowance.objects.select_for_update().filter(team=team, month=month).order_by("user_id"))


def _set_run_budget(who: Principal, run: Run, budget_usd: Decimal) -> None:
    used, most = run.spent_nusd + run.reserved_nusd, who.team.run_budget_nusd
    complaint = ""
    if not 0 < budget_usd <= MAX_BUDGET_USD:
        complaint = f"Give a budget above $0 and up to ${MAX_BUDGET_USD:,}."
    elif to_usd(to_nusd(budget_usd)) != budget_usd:
        complaint = "Give at most nine decimals."
    elif budget_usd < to_usd(used):
        complaint = f"{dollars(used)} of it are spent or held by calls in flight; give at least that."
    elif most is not None and budget_usd > to_usd(most):
        complaint = f"Your team gives a run at most {dollars(most)}. {RAISE}."
    elif run.waiting_for == RUN_BUDGET and to_usd(run.spent_nusd + (run.needs_nusd or 0)) > budget_usd:
        least = dollars(run.spent_nusd + (run.needs_nusd or 0))
        complaint = f"The next call may cost up to {dollars(run.needs_nusd or 0)}, so give at least {least}."
    if complaint:
        raise Invalid("The budget was not changed.", fields={"budget_usd": complaint})
    Run.objects.filter(pk=run.pk).update(budget_nusd=to_nusd(budget_usd), revision=F("revision") + 1)


def _complaints(limits: TeamLimits, members: Mapping[int, int]) -> dict[str, str]:
    fields = {}
    amounts = {name: getattr(limits, name) for name in ("budget_usd", "run_budget_usd", "user_budget_usd")}
    for name, amount in {**amounts, **{f"members.{user}": usd for user, usd in limits.members.items()}}.items():
        if amount is not None and not 0 <= amount <= MAX_BUDGET_USD:
            fields[name] = f"Give an amount from $0 to ${MAX_BUDGET_USD:,}, or none for no limit."
        elif amount is not None and to_usd(to_nusd(amount)) != amount:
            fields[name] = "Give at most nine decimals."
    most = {"run_max_calls": MAX_BOUND, "run_max_seconds": MAX_BOUND, "runs_at_once": MAX_AT_ONCE}
    for name, most_of_it in most.items():
        cap = getattr(limits, name)
        if cap is not None and not 1 <= cap <= most_of_it:
            fields[name] = f"Give a number from 1 to {most_of_it:,}, or none for no limit."
    fields |= {f"members.{user}": "Not a member of this team." for user in limits.members if user not in members}
    if limits.at_limit not in AtLimit.values:
        fields["at_limit"] = f"Choose one of {', '.join(AtLimit.values)}."
    if limits.launch_quota is not None and not 1 <= limits.launch_quota <= MAX_QUOTA:
        fields["launch_quota"] = f"Give a number from 1 to {MAX_QUOTA:,}, or none for no limit."
    if not 1 <= limits.launch_window_s <= MAX_WINDOW_S:
        fields["launch_window_s"] = f"Give a number of seconds from 1 to {MAX_WINDOW_S:,}."
    return fields


def _fallback_complaint(team: Team, limits: TeamLimits) -> dict[str, str]:
    """Why the cheaper model could never be asked. Otherwise that would come to light when a budget is used up."""
    model = limits.fallback_model.strip()
    if len(model) > MAX_MODEL_CHARS or not is_storable(model):
        return {"fallback_model": f"Give the name of a model, of at most {MAX_MODEL_CHARS} characters."}
    if not model or limits.at_limit != AtLimit.FALLBACK:
        return {}
    credentials, provider = TeamCredentials(team), provider_of(model)
    if provider is None or (credentials.any_model_key and credentials.key_for(LLMSpec(model=model)) is None):
        return {"fallback_model": f"The team has no {provider or 'known'} key to ask it with. Add one in the settings."}
    if TeamPrices(team, [model]).price(model) is None:
        return {"fallback_model": "Its price is not known, so nobody could tell that it is cheaper."}
    return {}


def _below_spent(limits: TeamLimits, bill: Bill, allowances: list[Allowance]) -> dict[str, str]:
    """Budgets that are less than what is spent and held already. To stop spending, set a budget to just that."""
    fields = {}
    if complaint := _too_low(limits.budget_usd, bill):
        fields["budget_usd"] = complaint
    for allowance in allowances:
        own = limits.members.get(allowance.user_id)
        if complaint := _too_low(limits.user_budget_usd if own is None else own, allowance):
            fields["user_budget_usd" if own is None else f"members.{allowance.user_id}"] = (
                f"{complaint} ({allowance.user})" if own is None else complaint
            )
    return fields


def _too_low(budget_usd: Decimal | None, sums: Bill | Allowance) -> str:
    used = sums.spent_nusd + sums.reserved_nusd
    if budget_usd is None or budget_usd >= to_usd(used):
        return ""
    return f"{dollars(used)} are spent or held by calls in flight this month; give at least that, which stops more."
