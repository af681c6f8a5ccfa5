"""What an address asks to compare: single runs, versions, batches and filters, and what of that cannot be shown, each
in words.

The rest is still shown. Real and simulated runs are never in one group.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, replace
from uuid import UUID

from django.db.models import Count, Q, QuerySet

from agents_app.models import CrewVersion
from runs.compare.reads import queries, whole_groups
from runs.compare.reads.whole_groups import Whole, whole_filter, whole_version
from runs.compare.words import filter_label
from runs.history.fields.words import words_of
from runs.history.filters import RunFilter
from runs.models import Batch, Run
from runs.splits.facts import CallSums, Side, TaskSums, Totals
from runs.splits.stars import mean_sample
from runs.states import RUN_ENDED, RUN_LIVE
from runs.typed_values import uuid_or_none, whole_number_or_none
from teams.access import Principal, visible_to
from teams.refusals import Refusal
from teams.work_bounds import Places, query_time

MAX_SIDES = 6
GROUP_SECONDS = 5.0
GROUP_PLACES = Places(2, "Other groups are being compared. Try again in a moment.")
TOO_WIDE = "This group took the database too long and was given up. Narrow it, for example by since:7d."
LABEL_CHARS = 60


@dataclass(frozen=True, slots=True)
class Asked:
    """An address, taken apart. ``align``: task keys of the baseline to those of other sides."""

    runs: tuple[str, ...] = ()
    versions: tuple[str, ...] = ()
    batches: tuple[str, ...] = ()
    filters: tuple[str, ...] = ()
    baseline: str = ""
    align: Mapping[str, str] | None = None
    simulated: bool | None = None  # which runs of a group; None: the real ones where there are any

    @property
    def is_empty(self) -> bool:
        return not (self.runs or self.versions or self.batches or self.filters)


@dataclass(frozen=True, slots=True)
class Problem:
    """Something that was asked for and is not shown, or not whole."""

    what: str  # as it was written
    why: str


def sides_of(who: Principal, asked: Asked) -> tuple[list[Side], list[Problem]]:
    """The first ``MAX_SIDES`` that can be shown, in the order runs, versions, batches, filters."""
    problems: list[Problem] = []
    runs = _runs(who, asked.runs, problems)
    sides = _of_runs(runs[:MAX_SIDES])
    groups = [
        *_versions(who, asked.versions, problems),
        *_batches(who, asked.batches, problems),
        *_filters(who, asked.filters, problems),
    ]
    for group in groups[: MAX_SIDES - len(sides)]:
        side = _in_time(group, asked.simulated, problems)
        if side is not None:
            sides.append(side)
    left_out = max(0, len(runs) - MAX_SIDES) + len(groups[max(0, MAX_SIDES - min(len(runs), MAX_SIDES)) :])
    if left_out:
        problems.insert(0, Problem(f"{left_out} more", f"At most {MAX_SIDES} are compared at once."))
    return sides, problems


@dataclass(frozen=True, slots=True)
class _Group:
    id: str
    label: str
    runs: QuerySet[Run]
    filter: str
    version: CrewVersion | None = None
    whole: Whole | None = None  # where rollups can tell its runs apart


def _once(texts: Sequence[str], problems: list[Problem]) -> list[str]:
    """Each text once; of one that comes again it is said so."""
    seen: list[str] = []
    for text in (text.strip() for text in texts):
        if text in seen:
            problems.append(Problem(text, "It is named twice, and shown once."))
        elif text:
            seen.append(text)
    return seen


def _runs(who: Principal, texts: Sequence[str], problems: list[Problem]) -> list[Run]:
    """All that are there of the first hundred. One query."""
    ids: dict[UUID, str] = {}
    for text in _once(texts, problems):
        pk = uuid_or_none(text)
        if pk is None:
            problems.append(Problem(text, "This is no run's id."))
        elif pk in ids:
            problems.append(Problem(text, "It is named twice, and shown once."))
        else:
            ids[pk] = text
    wanted = list(ids)
    rows = visible_to(who, Run).filter(pk__in=wanted).select_related("crew", "version__crew")
    found = {run.pk: run for run in rows}
    problems += [Problem(ids[pk], "There is no such run in this team.") for pk in wanted if pk not in found]
    return [found[pk] for pk in wanted if pk in found]


def _of_runs(runs: Sequence[Run]) -> list[Side]:
    """Six queries at most for all of them."""
    if not runs:
        return []
    ids = [run.pk for run in runs]
    totals = queries.totals_of(ids, by_run=True)
    calls, tasks = queries.call_sums(ids, by_run=True), queries.task_sums(ids, by_run=True)
    rated = [pk for pk in ids if totals[pk].rating_count]
    stars = queries.stars_of(rated, by_run=True) if rated else {}
    return [
        Side(
            id=str(run.pk),
            label=f"{short(run.crew.name)} v{run.version.number} · {run.created_at:%d %b %H:%M} UTC",
            simulated=run.simulated,
            totals=totals[run.pk],
            tasks=tasks.get(run.pk, []),
            calls=calls.get(run.pk, []),
            run=run,
            version=run.version,
            stars=mean_sample(stars.get(run.pk, {}), totals[run.pk].rating_count),
            notes=_notes_of_run(run),
        )
        for run in runs
    ]


def _notes_of_run(run: Run) -> tuple[str, ...]:
    if run.state in RUN_LIVE:
        return ("It has not ended: what it cost so far is compared, and its time is not.",)
    if run.started_at is None:
        return ("It never began, so it has no time to compare.",)
    return ()


def _versions(who: Principal, texts: Sequence[str], problems: list[Problem]) -> list[_Group]:
    """Versions written as slug@number. One query."""
    wanted: dict[tuple[str, int], str] = {}
    for text in _once(texts, problems):
        slug, _, number_text = text.rpartition("@")
        number = whole_number_or_none(number_text, max_digits=9)
        if not slug or number is None:
            problems.append(Problem(text, "Write a version as crew@3."))
        else:
            wanted[slug, number] = text
    some = list(wanted)
    condition = Q(pk=None)
    for slug, number in some:
        condition |= Q(crew__slug=slug, number=number)
    rows = visible_to(who, CrewVersion).filter(condition).select_related("crew") if some else []
    found = {(version.crew.slug, version.number): version for version in rows}
    problems += [Problem(wanted[key], "There is no such version in this team.") for key in some if key not in found]
    return [_version_group(who, wanted[key], found[key]) for key in some if key in found]


def _version_group(who: Principal, text: str, version: CrewVersion) -> _Group:
    return _Group(
        id=text,
        label=f"{short(version.crew.name)} v{version.number}",
        # As a range, or PostgreSQL takes the order by version for said: it then reads all newer runs of the team.
        runs=visible_to(who, Run).filter(version__gte=version, version__lte=version),
        filter=f"crew:={version.crew.slug} version:{version.number}",
        version=version,
        whole=whole_version(version),
    )


def _batches(who: Principal, texts: Sequence[str], problems: list[Problem]) -> list[_Group]:
    """All runs of each, those of rows that were run again too. One query."""
    wanted: dict[UUID, str] = {}
    for text in _once(texts, problems):
        pk = uuid_or_none(text)
        if pk is None:
            problems.append(Problem(short(text), "This is no batch's id."))
        elif pk in wanted:
            problems.append(Problem(text, "It is named twice, and shown once."))
        else:
            wanted[pk] = text
    found = visible_to(who, Batch).select_related("version").in_bulk(list(wanted)) if wanted else {}
    problems += [
        Problem(text, "There is no such batch in this team.") for pk, text in wanted.items() if pk not in found
    ]
    return [_batch_group(who, found[pk]) for pk in wanted if pk in found]


def _batch_group(who: Principal, batch: Batch) -> _Group:
    return _Group(
        id=str(batch.pk),
        label=f"{short(batch.name)} v{batch.version.number}",
        runs=visible_to(who, Run).filter(batch=batch),
        filter=f"batch:{batch.pk}",
    )


def _filters(who: Principal, texts: Sequence[str], problems: list[Problem]) -> list[_Group]:
    groups = []
    for text in _once(texts, problems):
        try:
            parsed = RunFilter.parse(text, who)
        except Refusal as refusal:
            problems.append(Problem(short(text), refusal.message))
            continue
        runs, whole = parsed.apply(visible_to(who, Run)), whole_filter(who.team.pk, parsed)
        groups.append(_Group(text, short(filter_label(text)), runs, text, whole=whole))
    return groups


def _in_time(group: _Group, simulated: bool | None, problems: list[Problem]) -> Side | None:
    """The group as a side; None, with a word, if it cannot be read within its time, or others are being read."""
    try:
        with GROUP_PLACES.one(), query_time(GROUP_SECONDS, TOO_WIDE, field="q") as go_on:
            return _of_group(group, simulated, problems, go_on)
    except Refusal as refusal:
        problems.append(Problem(group.label, refusal.message))
        return None


def _of_group(group: _Group, simulated: bool | None, problems: list[Problem], go_on: Callable[[], None]) -> Side | None:
    """Its ended runs of one kind; None, with a word, if there are none. Ten queries at most; ``go_on`` is called
    between them.
    """
    summed = {} if group.whole is None else whole_groups.totals_of(group.whole)
    counts = _counts(group, summed)
    kind = simulated if simulated is not None else not counts["real"]
    count, others = (counts["made_up"], counts["real"]) if kind else (counts["real"], counts["made_up"])
    if not count:
        problems.append(Problem(group.label, _why_empty(counts, kind)))
        return None
    runs = group.runs.filter(simulated=kind, state__in=RUN_ENDED)
    newest = runs.order_by(*_newest_first(group))
    go_on()
    totals, tasks, calls, values = _sums(group, newest, kind, count, summed.get(kind), go_on)
    go_on()
    side = Side(
        id=group.id,
        label=group.label,
        simulated=kind,
        totals=totals,
        tasks=tasks,
        calls=calls,
        version=group.version or _version_of(newest),
        filter=_filter_of(group.filter, kind),
        cost=values.cost,
        time=values.time,
        stars=mean_sample(values.stars, values.rated_runs),
    )
    return replace(side, notes=_notes_of_group(counts["live"], others, kind, count, whole=group.whole is not None))


def _newest_first(group: _Group) -> tuple[str, ...]:
    """Of a period the moments of launches, which an index has in their order; ids that came later need not be read. So
    has another the runs of a version."""
    is_period = group.whole is not None and (group.whole.since or group.whole.until)
    if group.version is not None:
        return "version_id", "-pk"
    return ("-created_at", "-pk") if is_period else ("-pk",)


def _counts(group: _Group, summed: Mapping[bool, Totals]) -> Mapping[str, int]:
    if group.whole is not None:
        ended = {
            name: summed[kind].runs if kind in summed else 0 for name, kind in (("real", False), ("made_up", True))
        }
        return ended | {"live": group.runs.filter(state__in=RUN_LIVE).count()}
    counts: Mapping[str, int] = group.runs.aggregate(
        real=Count("pk", filter=Q(simulated=False, state__in=RUN_ENDED)),
        made_up=Count("pk", filter=Q(simulated=True, state__in=RUN_ENDED)),
        live=Count("pk", filter=Q(state__in=RUN_LIVE)),
    )
    return counts


_Sums = tuple[Totals, list[TaskSums], list[CallSums], queries.Values]


def _sums(
    group: _Group, newest: QuerySet[Run], kind: bool, count: int, summed: Totals | None, go_on: Callable[[], None]
) -> _Sums:
    """Over all its runs where rollups know the group, else over the newest ``MAX_GROUP``; what single runs tell is of
    those."""
    if group.whole is not None and summed is not None:
        tasks = whole_groups.tasks_of(group.whole, simulated=kind)
        calls = whole_groups.calls_of(group.whole, simulated=kind)
        go_on()
        return summed, tasks, calls, whole_groups.values_of(newest, most=queries.MAX_GROUP)
    ids = newest.values("pk")[: queries.MAX_GROUP]
    runs = Run.objects.filter(pk__in=ids) if count > queries.MAX_GROUP else newest.order_by()
    totals = queries.totals_of(runs)[queries.ALL]
    go_on()
    cost, time = queries.spreads_of(runs, totals)
    go_on()
    stars = queries.stars_of(newest[: queries.MAX_GROUP].values("pk")).get(queries.ALL, {}) if totals.rated_runs else {}
    values = queries.Values(cost, time, totals.rated_runs, stars)
    go_on()
    tasks = queries.task_sums(runs).get(queries.ALL, [])
    go_on()
    return totals, tasks, queries.call_sums(runs).get(queries.ALL, []), values


def _filter_of(text: str, kind: bool) -> str:
    """Finds just the group's runs on the page of runs."""
    words = [text]
    fields = {word.name for word in words_of(text)[0] if not word.negated}
    if "simulated" not in fields:
        words.append("simulated:yes" if kind else "simulated:no")
    if "status" not in fields:
        words.append(f"status:{','.join(RUN_ENDED)}")
    return " ".join(words)


def _version_of(newest: QuerySet[Run]) -> CrewVersion | None:
    run = newest.select_related("version", "version__crew").first()
    return None if run is None else run.version


def _why_empty(counts: Mapping[str, int], kind: bool) -> str:
    asked, other = ("simulated", "real") if kind else ("real", "simulated")
    others = counts["real"] if kind else counts["made_up"]
    if others:
        return f"It has no {asked} run that has ended, but {others:,} {other}."
    if counts["live"]:
        return f"{counts['live']:,} of its runs are still under way, and none has ended."
    return "No run fits."


def _notes_of_group(live: int, others: int, kind: bool, count: int, *, whole: bool) -> tuple[str, ...]:
    notes = []
    if others:
        word = "real" if kind else "simulated"
        notes.append(
            f"{others:,} {word} run{'s are' if others != 1 else ' is'} left out: real and simulated never mix."
        )
    if live:
        notes.append(f"{live:,} still under way {'are' if live != 1 else 'is'} left out.")
    if count > queries.MAX_GROUP:
        newest = f"the newest {queries.MAX_GROUP:,}"
        notes.append(
            f"Sums are of all {count:,} runs; medians, spreads and intervals of {newest}."
            if whole
            else f"Of {count:,} runs {newest} are compared."
        )
    return tuple(notes)


def short(text: str, most: int = LABEL_CHARS) -> str:
    return text if len(text) <= most else f"{text[: most - 1]}…"
