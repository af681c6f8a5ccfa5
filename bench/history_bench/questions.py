"""The addresses that are asked of a team with a made-up history, by the names that they have in the table."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import TYPE_CHECKING, Any
from urllib.parse import quote, urlencode
from uuid import UUID

if TYPE_CHECKING:
    from teams.models import Team

WIDE, WIDE_RUN_CALLS = "wide", 500
RARE = "curio"
"""Names the model, the agent and the tool of one run in the middle of the history."""
EQUAL, EQUAL_RUNS = "equal", 10_000
DAYS = 180
TEMPLATES = 200


@dataclass(frozen=True)
class Asked:
    """A team with its history; the cookie is that of somebody who is signed in."""

    slug: str
    equal_slug: str  # a team of the same person whose months have as many runs at every size
    wide_slug: str  # another team of the same person, with one run of many calls
    wide_run: UUID
    cookie: str


def questions(asked: Asked) -> dict[str, dict[str, str]]:
    """Paths by section and name."""
    from runs.models import Run
    from teams.models import Team

    team = Team.objects.get(slug=asked.slug)
    runs = Run.objects.filter(team=team)
    here = f"/t/{asked.slug}"
    last, first = runs.latest("created_at").created_at, runs.earliest("created_at").created_at
    since, until = (last - timedelta(days=20)).date(), (last - timedelta(days=10)).date()
    middle = runs.order_by("-pk").values_list("pk", flat=True)[runs.count() // 2]
    twelve = [str(pk) for pk in runs.filter(state="succeeded").order_by("-pk").values_list("pk", flat=True)[:6]]
    crew, older, newer = most_run_versions(team.pk)
    what_if = f"{here}/scenarios/what-if/"

    def listed(q: str = "", **more: str) -> str:
        return f"{here}/runs/?{urlencode({'q': q, **more})}"

    def month(before: int) -> str:
        begin, end = last - timedelta(days=30 * (before + 1)), last - timedelta(days=30 * before)
        return f"since:{max(begin, first):%Y-%m-%d} until:{end:%Y-%m-%d}"

    return {
        "home": {
            **{f"home, {span}": f"{here}/?span={span}" for span in ("24h", "7d", "30d")},
            "home, ten days of its own": f"{here}/?since={since}&until={until}",
            "home, the whole history": f"{here}/?since={first.date()}&until={last.date()}",
        },
        "list of runs": {
            "first page": listed(),
            "a page in the middle": listed(cursor=str(middle)),
            "the dearest first": listed(sort="cost"),
            "the longest first": listed(sort="duration"),
            "the most tokens first": listed(sort="tokens"),
            "crew:": listed(f"crew:={crew}"),
            "status:failed": listed("status:failed"),
            "cost:>0.05": listed("cost:>0.05"),
            "duration:>60s": listed("duration:>60s"),
            "tokens:>9000": listed("tokens:>9000"),
            "model:": listed("model:gpt-4o-mini"),
            "tool:": listed("tool:search"),
            f"model:{RARE}, of one run in the middle": listed(f"model:{RARE}"),
            f"agent:{RARE}, of one run in the middle": listed(f"agent:{RARE}"),
            f"tool:{RARE}, of one run in the middle": listed(f"tool:{RARE}"),
            "a model that nobody asked": listed("model:zeppelin"),
            "an agent that there is not": listed("agent:zeppelin"),
            "a tool that nobody called": listed("tool:zeppelin"),
            "tokens and model, a later page": listed("tokens:>2000 model:gpt", cursor=str(middle)),
            "version:": listed(f"crew:={crew} version:{newer}"),
            "since:7d": listed("since:7d"),
            "simulated:no, of which there is none": listed("simulated:no"),
            "a word": listed("timeout"),
            "a word that is nowhere": listed("zeppelin"),
            "crew, state, cost and time": listed(f"crew:={crew} status:failed cost:>0.01 since:30d"),
            "crew and time, the dearest first": listed(f"crew:={crew} since:30d", sort="cost"),
        },
        "one run": {
            "of some 12 calls": f"{here}/runs/{twelve[0]}/",
            f"of {WIDE_RUN_CALLS} calls": f"/t/{asked.wide_slug}/runs/{asked.wide_run}/",
        },
        "comparison": {
            "two runs": f"{here}/compare/?runs={','.join(twelve[:2])}",
            "six runs": f"{here}/compare/?runs={','.join(twelve)}",
            "two versions": f"{here}/compare/?versions={crew}@{older},{crew}@{newer}",
            "two months": f"{here}/compare/?q={quote(month(1))}&q={quote(month(0))}",
            "a rare model and a month": f"{here}/compare/?q=model:{RARE}&q={quote(month(0))}",
        },
        "what if": {
            "a month, each agent one tier down": f"{what_if}?month={last:%Y-%m}",
            "a month on another model": f"{what_if}?month={last:%Y-%m}&model=gpt-4o+gpt-4.1-mini",
            "a month at the present list": f"{what_if}?month={last:%Y-%m}&prices=list",
            "a month with caches": f"{what_if}?month={last:%Y-%m}&hit=60",
            "a crew, its whole history": f"{what_if}?crew={crew}&model=gpt-4o+gpt-4.1-mini",
        },
        "versions": {"the versions of a crew": f"{here}/crews/{crew}/versions/"},
        f"{TEMPLATES} templates": {
            "the gallery": f"{here}/templates/",
            "its last page": f"{here}/templates/?from={TEMPLATES - 8}",
            "the cheapest first": f"{here}/templates/?sort=cost",
            "a word": f"{here}/templates/?q=gallery",
            "one template": f"{here}/templates/{a_template(team)}/",
        },
        "bills, months of some 1,700 runs": bills_of(f"/t/{asked.equal_slug}", last),
        "bills, months of a sixth of all runs": bills_of(here, last),
    }


def bills_of(here: str, last: datetime) -> dict[str, str]:
    """Paths of the last whole month before the moment."""
    month = f"{here}/bills/{last.replace(day=1) - timedelta(days=1):%Y-%m}"
    return {
        "the months": f"{here}/bills/",
        "bill of a month": f"{month}/",
        "a pivot": f"{month}/?by=person&and=label:customer",
        "charged to customers": f"{month}/?over=label:customer",
        "the calls of a customer": f"{month}/calls/?label:customer=Alder+Bikes",
        "CSV of a month": f"{month}.csv?lines=all&label:customer=Alder+Bikes",
    }


def a_template(team: Team) -> int:
    """The id of one of ``TEMPLATES`` templates, which are made if they are not there: each is to the letter a version
    of the history, in turn, so that its card has figures."""
    from agents_app.models import Crew, CrewVersion, Template

    run = list(CrewVersion.objects.filter(crew__team=team, crew__builtin_key="").order_by("pk"))
    if not Template.objects.filter(crew__team=team, tags=["bench"]).exists():
        for number in range(TEMPLATES):
            like = run[number % len(run)]
            crew = Crew.objects.create(team=team, slug=f"gallery-{number}", name=f"Gallery {number}")
            made = {"spec": like.spec, "content_hash": like.content_hash, "shared_at": like.created_at}
            version = CrewVersion.objects.create(crew=crew, number=1, **made)
            Template.objects.create(crew=crew, version=version, title=crew.name, tags=["bench"])
    return Template.objects.filter(crew__team=team, tags=["bench"]).earliest("pk").pk


def most_run_versions(team_id: int) -> tuple[str, int, int]:
    """A crew's slug and the numbers of two versions of it, the two that have the most runs at least."""
    from django.db.models import Count

    from agents_app.models import CrewVersion

    counted = CrewVersion.objects.filter(crew__team_id=team_id).annotate(of_it=Count("runs"))
    by_crew: dict[str, list[tuple[int, int]]] = {}
    for slug, number, runs in counted.values_list("crew__slug", "number", "of_it"):
        by_crew.setdefault(slug, []).append((runs, number))
    pairs = {slug: sorted(found)[-2:] for slug, found in by_crew.items() if len(found) > 1}
    slug = max(pairs, key=lambda name: pairs[name][0][0])
    older, newer = sorted(number for _, number in pairs[slug])
    return slug, older, newer


def asked_of(slug: str, runs: int, say: Callable[[str], None]) -> Asked:
    """The team ``slug`` with so many made-up runs over half a year; both are made only if they are not there yet."""
    from django.conf import settings
    from django.test import Client

    from runs.demo.actions import make_history
    from runs.demo.making import Order, last_hour
    from teams.access import Principal
    from teams.models import Membership, Role, Team, User

    wide_slug, wide_run = _run_of_many_calls()
    user = User.objects.get(memberships__team__slug=wide_slug)
    for name, count in ((EQUAL, EQUAL_RUNS), (slug, runs)):
        if not Team.objects.filter(slug=name).exists():
            make_history(name, Order(count, DAYS, last_hour()), owner=user, jobs=2, progress=_progress(count, say))
    team = Team.objects.get(slug=slug)
    Membership.objects.get_or_create(team=team, user=user, defaults={"role": Role.OWNER})
    _run_of_what_is_rare(Principal(user, team, Role.OWNER))
    client = Client()
    client.force_login(user)
    cookie = f"{settings.SESSION_COOKIE_NAME}={client.cookies[settings.SESSION_COOKIE_NAME].value}"
    return Asked(slug, EQUAL, wide_slug, wide_run, cookie)


def _progress(runs: int, say: Callable[[str], None]) -> Callable[[int], None]:
    done = 0

    def tell(more: int) -> None:
        nonlocal done
        before, done = done * 10 // runs, done + more
        if done * 10 // runs > before:
            say(f"{done:,} of {runs:,} runs are made")

    return tell


def _run_of_what_is_rare(who: Any) -> None:
    """One run in the middle of the team's history with a model, an agent and a tool that no other run has."""
    from agents_app.actions import create_crew, cut_version
    from engine.spec.crew_spec import AgentSpec, CrewSpec, TaskSpec
    from runs.ledger import rollups
    from runs.models import Call, Run, TaskRun

    runs = Run.objects.filter(team=who.team)
    if runs.filter(crew__name=RARE).exists():
        return
    agent = AgentSpec(key=RARE, role=RARE)
    task = TaskSpec(key="look", description="Look.", expected_output="What there is", agent=RARE)
    crew = create_crew(who, name=RARE, spec=CrewSpec(name=RARE, agents=(agent,), tasks=(task,)))
    beside = runs.order_by("pk")[runs.count() // 2]
    began, ended = beside.created_at, beside.created_at + timedelta(seconds=9)
    run = Run.objects.create(
        id=UUID(int=beside.pk.int + 1),
        team=who.team,
        crew=crew,
        version=cut_version(crew, by=who.user),
        state="succeeded",
        simulated=True,
        created_at=began,
        started_at=began,
        finished_at=ended,
    )
    asked = TaskRun.objects.create(run=run, key="look", position=0, name="Look", agent=RARE, agent_role=RARE)
    for step, (kind, name) in enumerate((("model", {"model": RARE}), ("tool", {"tool": RARE}))):
        Call.objects.create(
            team=who.team,
            run=run,
            task_run=asked,
            agent=RARE,
            step=step,
            epoch=1,
            **{"kind": kind, "purpose": "work", "state": "ok", "simulated": True, "cost_nusd": 0, **name},
            billed_month=began.date().replace(day=1),
            started_at=began,
            finished_at=ended,
            latency_ms=4_000,
        )
    rollups.add(run.pk)


def _run_of_many_calls() -> tuple[str, UUID]:
    """A team with one run of ``WIDE_RUN_CALLS`` calls, all alike: its slug and the run's id."""
    from django.utils import timezone

    from bench.throughput_bench.teams import new_customer, new_order
    from runs.launch.actions import launch
    from runs.launch.order import LaunchOrder
    from runs.models import Call, Run, TaskRun

    if there := Run.objects.filter(team__slug=WIDE).first():
        return WIDE, there.pk
    customer = new_customer(WIDE, base_url="http://127.0.0.1:1", calls=3)
    run = launch(customer.who, customer.crew, LaunchOrder(inputs={"order": new_order()}, simulated=True))
    now, task = timezone.now(), TaskRun.objects.filter(run=run).first()
    Call.objects.bulk_create(
        Call(
            team=run.team,
            run=run,
            task_run=task,
            agent="analyst",
            step=step,
            epoch=1,
            kind="model",
            purpose="work",
            state="ok",
            simulated=True,
            model="gpt-4o-mini",
            messages=[{"role": "user", "content": "What is known of the market for small batteries? " * 20}],
            reply={"text": "It grows. " * 100},
            prompt_tokens=240,
            completion_tokens=200,
            cost_nusd=156_000,
            billed_month=now.date().replace(day=1),
            started_at=now - timedelta(seconds=WIDE_RUN_CALLS - step),
            finished_at=now - timedelta(seconds=WIDE_RUN_CALLS - step - 1),
        )
        for step in range(WIDE_RUN_CALLS)
    )
    began = now - timedelta(seconds=WIDE_RUN_CALLS)
    Run.objects.filter(pk=run.pk).update(state="succeeded", started_at=began, finished_at=now, created_at=began)
    return WIDE, run.pk
