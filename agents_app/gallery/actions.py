"""The verbs on templates: copy one, and bring a team's built-in ones up to date."""

from __future__ import annotations

from django.db import transaction
from django.utils import timezone

from agents_app.actions import create_crew, cut_version
from agents_app.gallery import builtin
from agents_app.models import Crew, CrewVersion
from agents_app.snapshot import write_spec
from engine.spec.crew_spec import CrewSpec
from teams.access import Principal
from teams.models import Team
from teams.refusals import Invalid


@transaction.atomic
def copy_template(who: Principal, version: CrewVersion) -> Crew:
    """A new draft with the content of a shared version."""
    if version.shared_at is None:
        raise Invalid("That version is not shared as a template.")
    crew = create_crew(who, name=version.title or version.crew.name, spec=CrewSpec.from_json(version.spec))
    crew.copied_from = version
    crew.save(update_fields=["copied_from"])
    return crew


@transaction.atomic
def load_builtin(team: Team) -> int:
    """Brings the team's built-in templates up to date; returns how many versions were added."""
    added = 0
    for template in builtin.templates():
        crew, _ = Crew.objects.get_or_create(
            team=team, builtin_key=template.key, defaults={"slug": f"builtin-{template.key}", "name": template.title}
        )
        latest = crew.versions.order_by("-number").first()
        if latest is not None and latest.content_hash == template.spec.content_hash:
            continue
        write_spec(crew, template.spec)
        version = cut_version(crew, by=None)
        CrewVersion.objects.filter(pk=version.pk).update(
            shared_at=timezone.now(), title=template.title, summary=template.summary
        )
        added += 1
    return added
