"""People's verbs on crews: create, copy, edit, cut a version. Each edit names the revision it started from.

The caller decides through ``teams.access`` who may; ``engine.spec.validate`` decides whether a spec can run. Each edit
is in the team's log, with the names of what it changed and none of its texts.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable
from typing import TypeVar

from django.db import IntegrityError, transaction
from django.db.models import Max
from django.utils import timezone
from django.utils.text import slugify

from agents_app.changed_parts import changed_parts
from agents_app.models import Crew, CrewVersion, LibraryLink
from agents_app.snapshot import spec_of, write_crew_fields, write_spec
from engine.spec.crew_spec import MAX_NAME_CHARS, AgentSpec, CrewSpec, TaskSpec
from engine.spec.size import excesses, growth
from engine.spec.validate import Complaint, validate
from engine.text import is_storable, latin
from teams.access import Principal
from teams.audit.record import record
from teams.models import User
from teams.refusals import Conflict, Invalid

MAX_SLUG_TRIES = 20
MAX_SHOWN_FAULTS = 10
RESERVED_SLUGS = {"new", "import"}
"""No crew gets these slugs, because /crews/new/ and /crews/import/ are forms."""
Keyed = TypeVar("Keyed", AgentSpec, TaskSpec)


@transaction.atomic
def create_crew(who: Principal, *, name: str, spec: CrewSpec | None = None, copy_of: str = "") -> Crew:
    """A new draft, empty or from a spec. Its slug comes from the name, and no other crew of the team has it.

    ``copy_of``: what it is a copy of, for the log. Raises ``Invalid`` for a spec that no draft can hold.
    """
    name = name.strip() or (spec.name if spec else "")
    if not name:
        raise Invalid("Give the crew a name.", fields={"name": "Give the crew a name."})
    if not is_storable(name):  # it may come out of a form's field that no form reads
        why = "The name holds a NUL or half a character, which no text here can have."
        raise Invalid(f"The crew was not made. {why}", fields={"name": why})
    spec = (spec or CrewSpec(name=name[:MAX_NAME_CHARS])).model_copy(update={"name": name[:MAX_NAME_CHARS]})
    _refuse_growth(spec)
    _refuse_doubled_keys(spec)
    crew = _with_free_slug(Crew(team=who.team, name=spec.name, created_by=who.user))
    write_spec(crew, spec)
    record(who, "crew.made", crew, **({"copy_of": copy_of} if copy_of else {}))
    return crew


@transaction.atomic
def save_crew(who: Principal, crew: Crew, *, expected_revision: int, changes: CrewSpec) -> Crew:
    """Sets the crew's own fields (name, process, settings, inputs) from ``changes``; its agents and tasks stay."""
    crew = _locked(crew, expected_revision)
    _refuse_growth(changes, crew)
    before = spec_of(crew)
    write_crew_fields(crew, changes)
    crew.save()
    _record_edit(who, crew, before, changes.model_copy(update={"agents": before.agents, "tasks": before.tasks}))
    return crew


def replace_spec(who: Principal, crew: Crew, *, expected_revision: int, spec: CrewSpec) -> Crew:
    """Replaces the whole draft by a spec. Raises ``Invalid`` for one that no draft can hold.

    Agents whose key is still there keep their link with the library.
    """
    return _replace(who, crew, expected_revision, spec)


def save_agent(who: Principal, crew: Crew, *, expected_revision: int, key: str | None, spec: AgentSpec) -> Crew:
    """Adds an agent (``key`` None) or replaces the one with that key. Its tasks follow if its key changes."""
    draft = spec_of(crew)
    agents = _placed(draft.agents, key, spec)
    tasks = tuple(
        task.model_copy(update={"agent": spec.key}) if key is not None and task.agent == key else task
        for task in draft.tasks
    )
    manager = spec.key if key is not None and draft.manager_agent == key else draft.manager_agent
    changed = draft.model_copy(update={"agents": agents, "tasks": tasks, "manager_agent": manager})
    renamed = None if key is None else (key, spec.key)
    return _replace(who, crew, expected_revision, changed, renamed)


def delete_agent(who: Principal, crew: Crew, *, expected_revision: int, key: str) -> Crew:
    """Removes an agent. Its tasks stay, without an agent, and validation complains about them."""
    draft = spec_of(crew)
    agents = tuple(agent for agent in draft.agents if agent.key != key)
    tasks = tuple(task.model_copy(update={"agent": None}) if task.agent == key else task for task in draft.tasks)
    changed = draft.model_copy(update={"agents": agents, "tasks": tasks})
    return replace_spec(who, crew, expected_revision=expected_revision, spec=changed)


def save_task(who: Principal, crew: Crew, *, expected_revision: int, key: str | None, spec: TaskSpec) -> Crew:
    """Adds a task at the end (``key`` None) or replaces the one with that key. Contexts follow if its key changes."""
    draft = spec_of(crew)
    tasks = _placed(draft.tasks, key, spec)
    if key is not None and key != spec.key:
        tasks = tuple(_renamed_context(task, key, spec.key) for task in tasks)
    changed = draft.model_copy(update={"tasks": tasks})
    return replace_spec(who, crew, expected_revision=expected_revision, spec=changed)


def delete_task(who: Principal, crew: Crew, *, expected_revision: int, key: str) -> Crew:
    """Removes a task, also from the contexts that name it."""
    draft = spec_of(crew)
    tasks = tuple(_without_context(task, key) for task in draft.tasks if task.key != key)
    changed = draft.model_copy(update={"tasks": tasks})
    return replace_spec(who, crew, expected_revision=expected_revision, spec=changed)


def move_task(who: Principal, crew: Crew, *, expected_revision: int, key: str, offset: int) -> Crew:
    """Moves a task up (negative ``offset``) or down the list, at most to its end."""
    draft = spec_of(crew)
    tasks = list(draft.tasks)
    place = next((index for index, task in enumerate(tasks) if task.key == key), None)
    if place is None:
        raise Conflict("That task is no longer in this crew. Reload the page to see what changed.")
    tasks.insert(max(0, place + offset), tasks.pop(place))
    changed = draft.model_copy(update={"tasks": tuple(tasks)})
    return replace_spec(who, crew, expected_revision=expected_revision, spec=changed)


@transaction.atomic
def archive_crew(who: Principal, crew: Crew) -> Crew:
    """Takes a crew out of all lists; its runs and bills stay."""
    crew.archived_at = timezone.now()
    crew.save(update_fields=["archived_at", "updated_at"])
    record(who, "crew.archived", crew)
    return crew


@transaction.atomic
def cut_version(crew: Crew, *, by: User | None, note: str = "") -> CrewVersion:
    """Freezes the draft as a version; for an unchanged draft, returns the latest version.

    Raises ``Invalid`` with all complaints if the draft cannot run.
    """
    crew = Crew.objects.select_for_update().get(pk=crew.pk)
    spec = spec_of(crew)
    refuse_complaints(validate(spec))
    latest = crew.versions.order_by("-number").first()
    if latest is not None and latest.content_hash == spec.content_hash:
        return latest
    number = (crew.versions.aggregate(top=Max("number"))["top"] or 0) + 1
    return CrewVersion.objects.create(
        crew=crew, number=number, spec=spec.to_json(), content_hash=spec.content_hash, note=note, created_by=by
    )


@transaction.atomic
def copy_crew(who: Principal, crew: Crew) -> Crew:
    """A new draft with the same content, to try something without touching the original. What comes from the library
    does so there too."""
    copy = create_crew(who, name=f"{crew.name[:190]} copy", spec=spec_of(crew), copy_of=crew.name)
    links = LibraryLink.objects.filter(crew=crew)
    LibraryLink.objects.bulk_create(LibraryLink(crew=copy, key=link.key, base_id=link.base_id) for link in links)
    return copy


def refuse_complaints(complaints: Iterable[Complaint]) -> None:
    """Raises ``Invalid`` with every complaint at its field, if one of them is an error."""
    errors = [complaint for complaint in complaints if complaint.level == "error"]
    if not errors:
        return
    count = "one thing" if len(errors) == 1 else f"{len(errors)} things"
    fields: defaultdict[str, list[str]] = defaultdict(list)
    for complaint in errors:
        fields[complaint.field].append(complaint.message)
    by_field = {field: " ".join(messages) for field, messages in fields.items()}
    raise Invalid(f"This crew cannot run yet: {count} to mend.", fields=by_field, code="invalid_crew")


@transaction.atomic
def _replace(
    who: Principal, crew: Crew, expected_revision: int, spec: CrewSpec, renamed: tuple[str, str] | None = None
) -> Crew:
    """``renamed``: the key that an agent had, and the one that it has now."""
    crew = _locked(crew, expected_revision)
    _refuse_growth(spec, crew)
    _refuse_doubled_keys(spec)
    before = spec_of(crew)
    write_spec(crew, spec)
    _keep_links(crew, spec, renamed)
    _record_edit(who, crew, before, spec)
    return crew


def _record_edit(who: Principal, crew: Crew, before: CrewSpec, after: CrewSpec) -> None:
    if changed := changed_parts(before, after):
        record(who, "crew.changed", crew, revision=crew.revision, **changed)


def _keep_links(crew: Crew, spec: CrewSpec, renamed: tuple[str, str] | None) -> None:
    """Those of agents that are still there, under the key that an agent has now; others end."""
    links = LibraryLink.objects.filter(crew=crew)
    if renamed and renamed[0] != renamed[1]:
        links.filter(key=renamed[0]).update(key=renamed[1])
    links.exclude(key__in=[agent.key for agent in spec.agents]).delete()


def _refuse_growth(spec: CrewSpec, saved: Crew | None = None) -> None:
    """``Invalid`` if the spec is above a limit of ``engine.spec.size``, unless the saved draft is as far above it."""
    over = excesses(spec)
    if over and saved is not None:
        over = growth(over, spec_of(saved))
    if over:
        fields = {excess.field: excess.message for excess in over[:MAX_SHOWN_FAULTS]}
        where = "; ".join(f"{field}: {message.rstrip('.')}" for field, message in fields.items())
        raise Invalid(f"This crew was not saved. {where}.", fields=fields, code=over[0].code)


def _refuse_doubled_keys(spec: CrewSpec) -> None:
    """``Invalid`` if two agents or two tasks share a key. A draft may be half finished, but its rows have keys."""
    fields: dict[str, str] = {}
    parts: tuple[tuple[str, tuple[AgentSpec | TaskSpec, ...]], ...] = (("agents", spec.agents), ("tasks", spec.tasks))
    for kind, items in parts:
        keys: set[str] = set()
        for place, item in enumerate(items):
            if item.key in keys:
                fields[f"{kind}.{place}.key"] = f"The key {item.key!r} is given twice."
            keys.add(item.key)
    if fields:
        raise Invalid(f"The crew was not saved: {next(iter(fields.values()))}", fields=fields)


def _locked(crew: Crew, expected_revision: int) -> Crew:
    """The crew's row, locked, with its next revision. Raises ``Conflict`` if somebody edited it meanwhile."""
    locked = Crew.objects.select_for_update().get(pk=crew.pk)
    if locked.revision != expected_revision:
        raise Conflict(
            "Somebody changed this crew since you opened it. What you typed is still here; reload to see theirs."
        )
    locked.revision += 1
    return locked


def _with_free_slug(crew: Crew) -> Crew:
    stem = slugify(latin(crew.name))[:70].strip("-") or "crew"
    stem = f"{stem}-crew" if stem in RESERVED_SLUGS else stem
    for number in range(1, MAX_SLUG_TRIES + 1):
        taken = Crew.objects.filter(team=crew.team, slug__startswith=stem).count() if number > 1 else 0
        crew.slug = stem if number == 1 else f"{stem}-{taken + number - 1}"
        try:
            with transaction.atomic():
                crew.save(force_insert=True)
        except IntegrityError:
            crew.pk = None
        else:
            return crew
    raise Conflict("Too many crews of this name are being made at once. Try again, or choose another name.")


def _placed(items: tuple[Keyed, ...], key: str | None, item: Keyed) -> tuple[Keyed, ...]:
    """The items with one more (``key`` None), or with the item in the place of the one that has the key."""
    if any(other.key == item.key and other.key != key for other in items):
        raise Invalid(f"There is already one with the key {item.key!r}.", fields={"key": "This key is taken."})
    if key is None:
        return items + (item,)  # noqa: RUF005 - unpacking loses the type
    if all(other.key != key for other in items):
        raise Conflict("It was removed from this crew meanwhile. Reload the page to see what changed.")
    return tuple(item if other.key == key else other for other in items)


def _renamed_context(task: TaskSpec, old: str, new: str) -> TaskSpec:
    context = None if task.context is None else tuple(new if key == old else key for key in task.context)
    condition = task.condition
    if condition is not None and condition.task == old:
        condition = condition.model_copy(update={"task": new})
    return task.model_copy(update={"context": context, "condition": condition})


def _without_context(task: TaskSpec, gone: str) -> TaskSpec:
    context = None if task.context is None else tuple(key for key in task.context if key != gone)
    return task.model_copy(update={"context": context})
