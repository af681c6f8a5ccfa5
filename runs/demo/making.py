"""Makes a team with a history: its people, crews and versions row by row, its runs in bulk by COPY.

Everything follows from the seed and the hour of the end, ids of runs and calls included. All runs are simulated, so no
bill is touched.
"""

from __future__ import annotations

import hashlib
from bisect import bisect_right
from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from datetime import datetime, timedelta
from random import Random

from django.db import connection, transaction
from django.utils import timezone

from agents_app.actions import create_crew, cut_version, replace_spec
from agents_app.library.actions import change
from agents_app.library.in_crews.actions import keep_from_crew, link
from agents_app.models import Crew, CrewVersion, LibraryAgent, LibraryVersion
from agents_app.snapshot import spec_of as draft_of
from engine.spec.crew_spec import AgentSpec
from runs.demo import story
from runs.demo.inventing import SECOND, MadeRun, invent
from runs.demo.lines import EPOCH, Lines, joined
from runs.demo.recipe import Ids, Recipe, recipe
from runs.demo.rhythm import HOUR, NIGHT_HOUR, Hour, hours
from runs.demo.statements import ANALYZE, COPY_CALLS, COPY_RATINGS, COPY_RUNS, COPY_TASKS, TASK_IDS
from runs.ledger import rollups
from teams.access import Principal
from teams.actions import FIRST_CAPS
from teams.models import ApiToken, Membership, Scope, Team, User
from teams.secrets import digest, new_secret

BATCH_RUNS = 500
"""About so many runs are written at once: few enough that a web process's open transaction is never idle for long."""
LARGE_RUNS = 1000
"""From so many runs on the planner is told: on a new database it takes the tables for empty, and plans badly."""
SETTLED = timedelta(minutes=15)
"""The last run was launched so long ago that it has ended."""
MICROSECOND = timedelta(microseconds=1)
SCHEDULE = timedelta(minutes=15)
"""How long after the night's hour the scheduler begins."""
SEEDS_APART = 1 << 40
MAIL_DOMAIN = "invalid"
"""Nobody's (RFC 2606): no mail to a made-up person is delivered."""


@dataclass(frozen=True, slots=True)
class Order:
    """What history to make: so many ``runs`` in the ``days`` before ``until``, a whole hour."""

    runs: int
    days: int
    until: datetime
    seed: int = 1
    texts: bool = True  # messages, replies and outputs; else the figures alone


@dataclass(frozen=True, slots=True)
class Made:
    """A version that the history's runs are of, from a moment on."""

    since: datetime
    recipe: Recipe


def last_hour() -> datetime:
    """The latest end that a history may have."""
    return (timezone.now() - SETTLED).replace(minute=0, second=0, microsecond=0)


@transaction.atomic
def begin_team(slug: str, order: Order) -> tuple[Team, list[list[Made]]]:
    """The team with its people, crews and versions, and for each crew of the story its versions in order."""
    began = order.until - timedelta(days=order.days)
    team = Team.objects.create(slug=slug, name=story.TEAM_NAME, is_demo=True, **FIRST_CAPS)
    Team.objects.filter(pk=team.pk).update(created_at=began)
    people = {person.key: _join(team, person) for person in story.PEOPLE}
    token = _scheduler(people["ada"])
    made = [_crew(people, crew, order, token) for crew in story.crews()]
    for kept in story.LIBRARY:
        _keep(people[kept.by], kept, order)
    return team, made


def write_runs(
    team: Team, versions: Sequence[Sequence[Made]], order: Order, *, jobs: int, progress: Callable[[int], None]
) -> None:
    """Writes all runs, ``jobs`` batches at once, each in a transaction and, if there are several, a connection of its
    own. ``progress`` hears how many more were written."""
    plan = hours(story.crews(), runs=order.runs, days=order.days, until=order.until, seed=order.seed)
    write = _Writer(team, versions, order)
    batches = list(_batches(plan))
    if jobs == 1:
        for batch in batches:
            progress(write.batch(batch))
        return
    with ThreadPoolExecutor(jobs) as pool:
        try:
            for count in pool.map(write.batch_apart, batches):
                progress(count)
        except BaseException:
            pool.shutdown(cancel_futures=True)
            raise


def finish(team: Team, order: Order) -> None:
    """What is derived from the runs, once all are written."""
    if order.runs >= LARGE_RUNS:
        _analyze()  # without it a first history's calls are looked through once for each run
    rollups.rebuild(team.pk)
    if order.runs >= LARGE_RUNS:
        _analyze()


def _analyze() -> None:
    with connection.cursor() as cursor:
        cursor.execute(ANALYZE)


def _join(team: Team, person: story.Person) -> Principal:
    """A made-up person: without a password, and not active, so that nobody signs in as them."""
    user = User.objects.create_user(address_of(person.key, team.slug), name=person.name, is_active=False)
    Membership.objects.create(team=team, user=user, role=person.role)
    return Principal(user, team, person.role)


def address_of(key: str, slug: str) -> str:
    return f"{key}@{slug}.{MAIL_DOMAIN}"


def _scheduler(who: Principal) -> ApiToken:
    """The token of the nightly runs. Nobody knows its secret."""
    return ApiToken.objects.create(
        team=who.team,
        user=who.user,
        name="Nightly runs",
        prefix="made-up",
        secret_hash=digest(new_secret()),
        scope=Scope.RUN,
    )


def _crew(people: dict[str, Principal], told: story.StoryCrew, order: Order, token: ApiToken) -> list[Made]:
    """A crew with all its versions, as if each had been cut when it came into use."""
    editor = people[told.versions[0].by]
    spec = story.spec_of(told)
    crew, made = None, []
    began = order.until - timedelta(days=order.days)
    launchers = tuple(people[key].user.pk for key in told.launched_by)
    for version in told.versions:
        spec = version.change(spec)
        if crew is None:
            crew = create_crew(editor, name=told.name, spec=spec)
        else:
            crew = replace_spec(editor, crew, expected_revision=crew.revision, spec=spec)
        cut = cut_version(crew, by=people[version.by].user, note=version.note)
        since = max(began, order.until - timedelta(days=version.since_days))
        CrewVersion.objects.filter(pk=cut.pk).update(created_at=since)
        ids = Ids(crew.pk, cut.pk, launchers, token.pk if told.nightly else None)
        made.append(Made(since, recipe(told, version, draft_of(crew), ids)))
    assert crew is not None
    Crew.objects.filter(pk=crew.pk).update(created_at=made[0].since, updated_at=made[-1].since)
    return made


def _keep(who: Principal, told: story.KeptAgent, order: Order) -> None:
    """An agent of the library, which several crews use and are offered what changed in."""
    crews = [Crew.objects.get(team=who.team, name=name) for name in told.crews]
    kept = keep_from_crew(who, crews[0], told.key, name=told.name, note=told.note)
    for crew in crews[1:]:
        link(who, crew, told.key, kept)
    spec = AgentSpec.from_json(kept.spec).model_copy(update={"goal": told.goal})
    change(who, kept, expected_revision=kept.revision, name=kept.name, spec=spec, note=told.changed_note)
    began, changed = (order.until - timedelta(days=days) for days in (told.since_days, told.changed_days))
    LibraryAgent.objects.filter(pk=kept.pk).update(created_at=began, changed_at=changed)
    for number, moment in ((1, began), (2, changed)):
        LibraryVersion.objects.filter(agent=kept, number=number).update(created_at=moment)


def _batches(plan: Sequence[Hour]) -> Iterator[list[Hour]]:
    """The hours in order, as many together as a transaction writes."""
    batch: list[Hour] = []
    for hour in plan:
        batch.append(hour)
        if hour.stop - batch[0].first >= BATCH_RUNS:
            yield batch
            batch = []
    if batch:
        yield batch


class _Writer:
    def __init__(self, team: Team, versions: Sequence[Sequence[Made]], order: Order) -> None:
        self._team, self._versions, self._order = team, versions, order
        self._mask = int.from_bytes(hashlib.sha256(f"{team.slug} {order.seed}".encode()).digest()[:7])

    def batch_apart(self, batch: Sequence[Hour]) -> int:
        """Like ``batch``, in a thread that leaves no connection behind."""
        try:
            return self.batch(batch)
        finally:
            connection.close()

    @transaction.atomic
    def batch(self, batch: Sequence[Hour]) -> int:
        """Writes the runs of these hours; returns how many."""
        lines = Lines(self._team.pk, mask=self._mask, texts=self._order.texts)
        made = [run for hour in batch for run in self._runs(hour)]
        with connection.cursor() as cursor:
            cursor.execute(TASK_IDS, {"count": sum(len(run.tasks) for run in made)})
            task_ids = (row[0] for row in cursor.fetchall())
            for run in made:
                lines.add(run, task_ids)
            written = (
                (COPY_RUNS, lines.runs),
                (COPY_TASKS, lines.tasks),
                (COPY_CALLS, lines.calls),
                (COPY_RATINGS, lines.ratings),
            )
            for copy, rows in written:
                with cursor.copy(copy) as stream:
                    stream.write(joined(rows))
        return len(made)

    def _runs(self, hour: Hour) -> Iterator[MadeRun]:
        night = hour.begins.hour == NIGHT_HOUR
        begins = hour.begins + SCHEDULE if night else hour.begins
        length = (HOUR - SCHEDULE if night else HOUR) // MICROSECOND
        base = (begins - EPOCH) // MICROSECOND
        for number in range(hour.first, hour.stop):
            chance = Random(self._order.seed * SEEDS_APART + number)  # noqa: S311 - the same for the same seed
            late = chance.random() * SECOND if night else chance.random() * length / (hour.stop - hour.first)
            created = base + int(length * (number - hour.first) / (hour.stop - hour.first) + late)
            crew = hour.crews[bisect_right(hour.shares, chance.random(), hi=len(hour.shares) - 1)]
            yield invent(self._in_use(crew, created), created, chance)

    def _in_use(self, crew: int, created: int) -> Recipe:
        """The newest version of the crew that there was at that time."""
        moment = EPOCH + created * MICROSECOND
        versions = self._versions[crew]
        return next((made.recipe for made in reversed(versions) if made.since <= moment), versions[0].recipe)
