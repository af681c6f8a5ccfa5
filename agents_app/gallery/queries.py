"""Reads of templates: shared versions with what their cards show."""

from __future__ import annotations

from dataclasses import dataclass

from agents_app.gallery import builtin
from agents_app.models import CrewVersion
from engine.spec.crew_spec import CrewSpec
from engine.spec.placeholders import placeholders
from teams.access import Principal, visible_to


@dataclass(frozen=True, slots=True)
class Template:
    """A shared version with what its card shows."""

    version: CrewVersion
    spec: CrewSpec
    inputs: tuple[str, ...]
    models: tuple[str, ...]
    category: str
    variant: str


def list_templates(who: Principal) -> list[Template]:
    """The newest shared version of each crew: the team's own by title, then the built-in ones in their own order."""
    shared = visible_to(who, CrewVersion).filter(shared_at__isnull=False, crew__archived_at=None)
    newest = shared.order_by("crew_id", "-number").distinct("crew_id").select_related("crew")
    return sorted((as_template(version) for version in newest), key=_gallery_order)


def as_template(version: CrewVersion) -> Template:
    spec = CrewSpec.from_json(version.spec)
    builtin_template = _builtin().get(version.crew.builtin_key)
    return Template(
        version=version,
        spec=spec,
        inputs=placeholders(spec),
        models=tuple(dict.fromkeys(agent.llm.model for agent in spec.agents)),
        category=builtin_template.category if builtin_template else "",
        variant=builtin_template.variant if builtin_template else "",
    )


def _gallery_order(template: Template) -> tuple[int, str]:
    keys = list(_builtin())
    key = template.version.crew.builtin_key
    return (keys.index(key) if key in keys else -1, template.version.title.lower())


def _builtin() -> dict[str, builtin.BuiltinTemplate]:
    return {template.key: template for template in builtin.templates()}
