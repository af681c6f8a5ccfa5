"""Reads of crews, templates and documents, in a fixed number of queries. What last happened to a crew is the runs app's
to say.
"""

from __future__ import annotations

import json
from dataclasses import dataclass

from django.db.models import Count, Max, Q, QuerySet

from agents_app import builtin
from agents_app.models import Crew, CrewVersion, Document
from agents_app.snapshot import spec_of
from engine.placeholders import placeholders
from engine.spec import CrewSpec
from engine.validate import Complaint, validate
from teams.access import Principal, visible_to


@dataclass(frozen=True, slots=True)
class CrewDetail:
    """A draft with everything its page says about it.

    ``inputs`` are (name, default). ``same_as`` is the version that the draft does not differ from, if there is one.
    """

    spec: CrewSpec
    complaints: tuple[Complaint, ...]
    inputs: tuple[tuple[str, str], ...]
    versions: tuple[CrewVersion, ...]
    same_as: CrewVersion | None

    @property
    def errors(self) -> tuple[Complaint, ...]:
        return tuple(complaint for complaint in self.complaints if complaint.level == "error")


@dataclass(frozen=True, slots=True)
class Template:
    """A shared version with what its card shows."""

    version: CrewVersion
    spec: CrewSpec
    inputs: tuple[str, ...]
    models: tuple[str, ...]
    category: str
    variant: str


def list_crews(who: Principal, search: str = "") -> QuerySet[Crew]:
    """The team's own crews, the one edited last in front, with counts and their latest version's number."""
    crews = visible_to(who, Crew).filter(archived_at=None, builtin_key="")
    if search:
        crews = crews.filter(Q(name__icontains=search) | Q(description__icontains=search) | Q(slug__icontains=search))
    return crews.annotate(
        agent_count=Count("agents", distinct=True),
        task_count=Count("tasks", distinct=True),
        latest=Max("versions__number"),
    ).order_by("-updated_at")


def crew_detail(crew: Crew) -> CrewDetail:
    spec = spec_of(crew)
    versions = tuple(crew.versions.defer("spec").select_related("created_by").order_by("-number"))
    same_as = next((version for version in versions if version.content_hash == spec.content_hash), None)
    return CrewDetail(spec, validate(spec), inputs_of(spec), versions, same_as)


def inputs_of(spec: CrewSpec) -> tuple[tuple[str, str], ...]:
    """The placeholders in order of use, each with its default or ""."""
    return tuple((name, spec.inputs.get(name, "")) for name in placeholders(spec))


def preview(spec: CrewSpec) -> dict[str, object]:
    """What the import page says about a spec before it is saved."""
    text = json.dumps(spec.to_json(), ensure_ascii=False)
    return {"spec": spec, "spec_json": text, "inputs": inputs_of(spec), "complaints": validate(spec)}


def list_templates(who: Principal) -> list[Template]:
    """Every version that is shared, the newest of each crew, built-in ones in their own order."""
    shared = visible_to(who, CrewVersion).filter(shared_at__isnull=False, crew__archived_at=None)
    newest = shared.order_by("crew_id", "-number").distinct("crew_id").select_related("crew")
    return sorted((as_template(version) for version in newest), key=_gallery_order)


def as_template(version: CrewVersion) -> Template:
    spec = CrewSpec.from_json(version.spec)
    known = _builtin().get(version.crew.builtin_key)
    return Template(
        version=version,
        spec=spec,
        inputs=placeholders(spec),
        models=tuple(dict.fromkeys(agent.llm.model for agent in spec.agents)),
        category=known.category if known else "",
        variant=known.variant if known else "",
    )


def documents(who: Principal) -> QuerySet[Document]:
    """The team's documents by collection and title, each with its ``passage_count``."""
    counted = visible_to(who, Document).select_related("uploaded_by").annotate(passage_count=Count("passages"))
    return counted.order_by("collection", "title", "pk")  # a grouped query does not take the model's own order


def _gallery_order(template: Template) -> tuple[int, str]:
    keys = list(_builtin())
    key = template.version.crew.builtin_key
    return (keys.index(key) if key in keys else -1, template.version.title.lower())


def _builtin() -> dict[str, builtin.BuiltinTemplate]:
    return {template.key: template for template in builtin.templates()}
