"""The verbs on templates: share a version, withdraw, copy, take over what changed, take one in from a file, and bring a
team's built-in ones up to date."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

from django.db import transaction
from django.utils import timezone

from agents_app.actions import create_crew, cut_version, replace_spec
from agents_app.gallery import builtin, template_file
from agents_app.gallery.merge import decided
from agents_app.gallery.origin import Origin, origin_of
from agents_app.gallery.texts import TemplateTexts, checked
from agents_app.models import Crew, CrewVersion, Template
from agents_app.snapshot import write_spec
from agents_app.versions.actions import MAX_NOTE_CHARS, keep_draft
from engine.spec.crew_spec import CrewSpec
from engine.spec.named_models import models_of
from teams.access import Principal, require_now
from teams.audit.record import record
from teams.models import Role, Team
from teams.refusals import Conflict, Invalid

NOTHING_NEWER = "The original has nothing by now that this crew lacks, or it is not shared any more."


@dataclass(frozen=True, slots=True)
class TakenOver:
    """``taken``: how many fields, agents and tasks came from the original. What the draft was before is in ``kept``, a
    version, or in a ``copy`` if it could not run; in neither if a version held it already."""

    crew: Crew
    taken: int
    kept: CrewVersion | None
    copy: Crew | None


@transaction.atomic
def share(
    who: Principal, version: CrewVersion, texts: TemplateTexts, *, expected_revision: int | None = None
) -> Template:
    """Shares a version as the template of its crew. If there is one it shows this version from now on, with these
    texts; versions that were shared before stay listed.

    ``expected_revision``: of the template that the caller saw, 0 for none; without it the last one wins. Raises
    ``Invalid`` for texts that do not do, ``Conflict`` if somebody shared meanwhile.
    """
    crew = Crew.objects.select_for_update().get(pk=version.crew_id)
    if crew.builtin_key:
        raise Invalid("A built-in template stays as it is. Copy it, and share a version of the copy.")
    if crew.archived_at is not None:
        raise Invalid("An archived crew shares nothing. Copy it, and share a version of the copy.")
    spec = CrewSpec.from_json(version.spec)
    texts = checked(texts, spec)
    template = Template.objects.filter(crew=crew).first() or Template(crew=crew, revision=0)
    if expected_revision is not None and expected_revision != template.revision:
        raise Conflict("Somebody shared this crew, or withdrew it, since you opened this. Look at it again.")
    template = _saved(template, version, spec, texts, by=who)
    record(who, "template.shared", template, version=version.number, crew=crew.slug)
    return template


@transaction.atomic
def withdraw(who: Principal, template: Template, *, expected_revision: int | None = None) -> None:
    """Its address is dead at once, and shared anew it has another one. Copies stay, and so do versions and runs."""
    crew = Crew.objects.select_for_update().get(pk=template.crew_id)
    if crew.builtin_key:
        raise Invalid("A built-in template cannot be withdrawn: it comes with Crewsite.")
    now = Template.objects.filter(pk=template.pk).first()
    if now is None or (expected_revision is not None and now.revision != expected_revision):
        raise Conflict("Somebody withdrew this template, or shared another version, since you opened this.")
    record(who, "template.withdrawn", now, crew=crew.slug)
    crew.versions.filter(shared_at__isnull=False).update(shared_at=None)
    now.delete()


@transaction.atomic
def copy_template(who: Principal, template: Template, version: CrewVersion | None = None) -> Crew:
    """A new draft that is the shared version to the letter, its name included, and remembers where it came from.
    ``version``: one that was shared before, instead of the present one. Raises ``Conflict`` if the template was
    withdrawn meanwhile, ``Invalid`` for a version that is not shared."""
    template = _present(template)
    chosen = template.version_id if version is None else version.pk
    version = template.crew.versions.filter(pk=chosen, shared_at__isnull=False).first()
    if version is None:
        raise Invalid("That version is not shared as a template.")
    spec = CrewSpec.from_json(version.spec)
    crew = create_crew(who, name=spec.name, spec=spec)
    crew.copied_from = version
    crew.save(update_fields=["copied_from"])
    record(who, "template.copied", template, version=version.number, crew=crew.slug)
    return crew


@transaction.atomic
def take_over(
    who: Principal, crew: Crew, *, expected_revision: int, version: CrewVersion | None, choices: Mapping[str, str]
) -> TakenOver:
    """Brings into a copy's draft what its original shares by now. What both changed is decided by ``choices``: "mine"
    or "theirs" by path. What the draft was before is kept.

    ``version`` is the one that was looked at, if one was. Raises ``Conflict`` if the original shares another one by now
    or the draft is at another revision, ``Invalid`` with a field for each conflict that is not decided.
    """
    crew = Crew.objects.select_for_update().get(pk=crew.pk)
    origin = origin_of(crew)
    if origin is None:
        raise Conflict(NOTHING_NEWER)
    if version is not None and version.pk != origin.newer.pk:
        raise Conflict("The original shares another version by now. Look at what changed again.")
    merged = origin.merged(choices)
    spec = decided(merged, other="the original")
    kept, copy = keep_draft(who, crew, note=f"Before v{origin.newer.number} of the original was taken over")
    crew = replace_spec(who, crew, expected_revision=expected_revision, spec=spec)
    _remember(crew, origin)
    record(who, "crew.original_taken_over", crew, version=origin.newer.number, original=origin.template.crew.slug)
    return TakenOver(crew, merged.taken, kept, copy)


@transaction.atomic
def take_in(who: Principal, text: str) -> Template:
    """A crew of the team, with its first version shared, from the text of a template's file. Raises ``Invalid``."""
    texts, spec = template_file.read(text)
    crew = create_crew(who, name=spec.name, spec=spec)
    version = cut_version(crew, by=who.user, note="Taken in from a template’s file")
    return share(who, version, texts)


@transaction.atomic
def give(who: Principal, template: Template, receiver: Principal) -> Template:
    """Shares a template in another team, as a crew of that team. Given again, that crew's template shows the present
    version, and what its draft was is kept. Nothing that one team does changes the other's rows after that.

    ``receiver`` is the same person in the other team; they own both, also by the time that the rows are locked. Raises
    ``PermissionDenied``, ``Invalid`` for the template's own team and for a made-up one, ``Conflict`` if the template
    was withdrawn meanwhile.
    """
    if receiver.team.pk == who.team.pk or receiver.user.pk != who.user.pk:
        raise Invalid("Choose another team that you own.", fields={"to": "Choose another team that you own."})
    if receiver.team.is_demo:
        raise Invalid("A made-up team is given nothing: it goes with all that is in it.")
    for principal in sorted((who, receiver), key=lambda each: each.team.pk):
        require_now(principal, Role.OWNER)
    template = _present(template)
    spec = CrewSpec.from_json(template.version.spec)
    given = Template.objects.filter(crew__team=receiver.team, crew__archived_at=None, given_from=template.pk).first()
    if given is None:
        crew = create_crew(receiver, name=spec.name, spec=spec)
    else:
        crew = Crew.objects.select_for_update().get(pk=given.crew_id)
        keep_draft(
            receiver, crew, note=f"Before v{template.version.number} was given by {who.team.name}"[:MAX_NOTE_CHARS]
        )
        crew = replace_spec(receiver, crew, expected_revision=crew.revision, spec=spec)
    version = cut_version(crew, by=receiver.user, note=f"Given by {who.team.name}"[:MAX_NOTE_CHARS])
    shared = share(receiver, version, _texts_of(template))
    Template.objects.filter(pk=shared.pk).update(given_from=template.pk)
    record(who, "template.given", template, version=template.version.number, team=receiver.team.slug)
    return shared


@transaction.atomic
def load_builtin(team: Team) -> int:
    """Brings the team's built-in templates up to date; returns how many versions were added."""
    added = 0
    for template in builtin.templates():
        crew, _ = Crew.objects.get_or_create(
            team=team, builtin_key=template.key, defaults={"slug": f"builtin-{template.key}", "name": template.title}
        )
        version = crew.versions.order_by("-number").first()
        is_new = version is None or version.content_hash != template.spec.content_hash
        if is_new:
            write_spec(crew, template.spec)
            version = cut_version(crew, by=None)
            added += 1
        texts = TemplateTexts(template.title, template.summary, (template.category.lower(), template.variant))
        row = Template.objects.filter(crew=crew).first()
        if version and (is_new or row is None or _texts_of(row) != texts):
            _saved(row or Template(crew=crew, revision=0), version, template.spec, texts, by=None)
    return added


def _present(template: Template) -> Template:
    """As it is now, and until the transaction ends: whoever shares or withdraws takes its crew's row first."""
    Crew.objects.select_for_update(no_key=True).get(pk=template.crew_id)
    found = Template.objects.select_related("crew", "version").filter(pk=template.pk).first()
    if found is None:
        raise Conflict("Somebody withdrew this template since you opened this.")
    return found


def _texts_of(template: Template) -> TemplateTexts:
    return TemplateTexts(template.title, template.description, tuple(template.tags), template.examples)


def _saved(
    template: Template, version: CrewVersion, spec: CrewSpec, texts: TemplateTexts, *, by: Principal | None
) -> Template:
    now = timezone.now()
    if template.version_id != version.pk or version.shared_at is None:
        version.shared_at = template.shared_at = now
        version.save(update_fields=["shared_at"])
        template.version, template.shared_by = version, by.user if by else None
    template.title, template.description = texts.title, texts.description
    template.tags, template.examples = list(texts.tags), dict(texts.examples)
    template.model_ids = sorted(models_of(spec))
    template.revision += 1
    template.save()
    return template


def _remember(crew: Crew, origin: Origin) -> None:
    crew.copied_from = origin.newer
    crew.save(update_fields=["copied_from"])
