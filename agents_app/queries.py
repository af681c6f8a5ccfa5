"""Reads of crews, in a fixed number of queries. Their last runs are read by the runs app."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

from django.db.models import Aggregate, Count, Max, Model, OuterRef, Q, QuerySet, Subquery
from django.db.models.functions import Coalesce

from agents_app.models import Agent, Crew, CrewVersion, Task
from agents_app.snapshot import spec_of
from engine.catalogue.model_ids import is_simulated
from engine.providers.fallbacks import models_in_turn
from engine.spec.crew_spec import CrewSpec
from engine.spec.named_models import llms_of
from engine.spec.placeholders import placeholders
from engine.spec.validate import Complaint, validate
from teams.access import Principal, fetch, visible_to
from teams.credentials import TeamCredentials
from teams.models import Role
from teams.refusals import Invalid
from teams.work_bounds import query_time

SHOWN_VERSIONS = 30
MAX_SEARCH_CHARS = 100
SEARCH_SECONDS = 2.0
TOO_LONG = "This search took the database too long and was given up. Search for a longer part of the name."


@dataclass(frozen=True, slots=True)
class CrewDetail:
    """A draft with everything that its page says about it.

    ``inputs`` are (name, default). ``versions`` are the newest ``SHOWN_VERSIONS``; ``same_as`` is the newest version
    that equals the draft, if there is one.
    """

    spec: CrewSpec
    complaints: tuple[Complaint, ...]
    inputs: tuple[tuple[str, str], ...]
    versions: tuple[CrewVersion, ...]
    same_as: CrewVersion | None

    @property
    def errors(self) -> tuple[Complaint, ...]:
        return tuple(complaint for complaint in self.complaints if complaint.level == "error")


OWN: dict[str, Any] = {"archived_at": None, "builtin_key": ""}


def own_crews(who: Principal) -> QuerySet[Crew]:
    """The crews that a team works on and launches: neither archived nor built-in templates, which are only copied."""
    return visible_to(who, Crew).filter(**OWN)


def own_crew(who: Principal, slug: str, role: Role = Role.VIEWER) -> Crew:
    """One of ``own_crews``, for whatever reads, changes or launches it, by page or API. Raises as ``fetch`` does."""
    return fetch(Crew, who, role, slug=slug, **OWN)


def version_of(who: Principal, slug: str, number: int) -> CrewVersion:
    """One frozen version to look at: also of an archived crew, which runs still show, and of a built-in template."""
    return fetch(CrewVersion, who, crew__slug=slug, number=number)


def list_crews(who: Principal, search: str = "") -> list[Crew]:
    """The team's own crews, the last edited one first.

    Each has its ``agent_count``, its ``task_count`` and the number of its ``latest`` version. Raises ``Invalid`` for a
    search that is too long or takes too long.
    """
    crews = with_counts(own_crews(who)).order_by("-updated_at")
    if not search:
        return list(crews)
    if len(search) > MAX_SEARCH_CHARS:
        message = f"Search for at most {MAX_SEARCH_CHARS} characters."
        raise Invalid(message, fields={"q": message})
    found = crews.filter(Q(name__icontains=search) | Q(description__icontains=search) | Q(slug__icontains=search))
    with query_time(SEARCH_SECONDS, TOO_LONG, field="q"):
        return list(found)


def with_counts(crews: QuerySet[Crew]) -> QuerySet[Crew]:
    """The crews with ``agent_count``, ``task_count`` and ``latest``. Each is looked up by itself: a join of all would
    multiply their rows."""
    return crews.annotate(
        agent_count=_of_crew(Agent, Count("pk")),
        task_count=_of_crew(Task, Count("pk")),
        latest=_of_crew(CrewVersion, Max("number"), default=None),
    )


def _of_crew(model: type[Model], aggregate: Aggregate, *, default: int | None = 0) -> Coalesce | Subquery:
    rows = model._default_manager.filter(crew=OuterRef("pk")).order_by().values("crew")
    figure = Subquery(rows.annotate(figure=aggregate).values("figure"))
    return figure if default is None else Coalesce(figure, default)


def crew_detail(crew: Crew) -> CrewDetail:
    spec = spec_of(crew)
    versions = crew.versions.defer("spec").select_related("created_by").order_by("-number")
    same_as = versions.filter(content_hash=spec.content_hash).first()
    complaints = (*validate(spec), *key_complaints(spec, TeamCredentials(crew.team)))
    return CrewDetail(spec, complaints, inputs_of(spec), tuple(versions[:SHOWN_VERSIONS]), same_as)


def key_complaints(spec: CrewSpec, credentials: TeamCredentials) -> Iterator[Complaint]:
    """What keeps the crew's models from answering in a real run, as warnings: a simulated run needs no key.

    A team without any key runs everything simulated, and is told nothing.
    """
    if not credentials.any_model_key:
        return
    for field, llm in llms_of(spec).items():
        for model in models_in_turn(llm):
            if is_simulated(model.model):
                continue
            if missing := credentials.missing(model):
                yield Complaint(field, missing, "no_key", "warning")
            elif doubt := credentials.doubt(model):
                yield Complaint(field, doubt, "key_doubt", "warning")


def locked_revision(crew: Crew) -> int:
    """The draft's revision, which nobody changes until the transaction ends."""
    return Crew.objects.select_for_update().values_list("revision", flat=True).get(pk=crew.pk)


def inputs_of(spec: CrewSpec) -> tuple[tuple[str, str], ...]:
    """The placeholders in the order of their use, each with its default or ""."""
    return tuple((name, spec.inputs.get(name, "")) for name in placeholders(spec))
