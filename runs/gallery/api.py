"""The API's operations on templates. The rules and the figures are those of the pages."""

from typing import Annotated, Literal

from django.http import HttpResponse
from ninja import Router, Status
from pydantic import Field

from agents_app.crews.api import CrewOut, crew_json
from agents_app.gallery import actions, queries, template_file
from agents_app.gallery.origin import origin_of
from agents_app.gallery.texts import TemplateTexts
from agents_app.models import Crew, CrewVersion, Template
from agents_app.queries import locked_revision, own_crew
from runs.gallery.asked import MAX_OFFSET_DIGITS, asked
from runs.gallery.figures import figures_of_contents
from runs.gallery.page import card, gallery, template_page
from runs.gallery.saving import saving_of
from runs.gallery.schemas import (
    CopyIn,
    CopyOut,
    OriginOut,
    SharedVersionOut,
    ShareIn,
    TakeInIn,
    TakenOverOut,
    TakeOverIn,
    TemplateDetail,
    TemplateList,
    TemplateOut,
)
from teams.access import fetch
from teams.api.bearer import ApiRequest, Bearer
from teams.api.error_body import ERRORS
from teams.api.idempotency import once
from teams.api.if_match import ERRORS_OF_WRITES, IF_MATCH, tagged, unchanged
from teams.models import Role
from teams.refusals import Conflict, Invalid

router = Router(tags=["templates"])
crew_router = Router(tags=["templates"])

MAX_TEMPLATES_A_PAGE = 50
Usd = Annotated[str, Field(max_length=30)]


@router.get("", response={200: TemplateList, **ERRORS}, auth=Bearer(Role.VIEWER))
def list_templates(
    request: ApiRequest,
    q: str = "",
    tag: str = "",
    model: str = "",
    cost: Usd = "",
    sort: Literal["title", "cost", "newest"] = "title",
    cursor: str = "",
    limit: int = 24,
) -> TemplateList:
    """The team's own templates and the built-in ones. ``cost``: the median in dollars at most, of real runs, and of
    simulated ones where there are none."""
    limit = max(1, min(limit, MAX_TEMPLATES_A_PAGE))
    if cursor and not (cursor.isascii() and cursor.isdecimal() and len(cursor) <= MAX_OFFSET_DIGITS):
        raise Invalid("This cursor is not one of ours.", fields={"cursor": "Pass on what `next` was."})
    narrowed = asked({"q": q, "tag": tag, "model": model, "cost": cost, "sort": sort, "from": cursor})
    if narrowed.wrong:
        raise Invalid(narrowed.wrong, fields={"cost": narrowed.wrong})
    page = gallery(request.auth, narrowed, limit=limit)
    end = narrowed.offset + limit
    return TemplateList(items=list(map(TemplateOut.of, page.cards)), next=str(end) if end < page.found else None)


@router.post("", response={201: TemplateOut, **ERRORS_OF_WRITES}, auth=Bearer(Role.EDITOR), openapi_extra=IF_MATCH)
def share_version(request: ApiRequest, response: HttpResponse, body: ShareIn) -> Status[TemplateOut]:
    """Shares a version as the template of its crew. A crew has one: shared again it shows this version and these texts.

    ``If-Match`` is about that template; `"0"` stands for none."""
    crew = own_crew(request.auth, body.crew, Role.EDITOR)
    version = fetch(CrewVersion, request.auth, Role.EDITOR, crew=crew, number=body.version)
    texts = TemplateTexts(body.title, body.description, tuple(body.tags), body.examples)

    def shared() -> dict[str, int]:
        with unchanged(request, lambda: _revision_of(crew)):
            return {"id": actions.share(request.auth, version, texts).pk}

    template = queries.template_of(request.auth, once(request, shared)["id"])
    tagged(response, template.revision)
    return Status(201, _out(request, template))


@router.post("/import", response={201: TemplateOut, **ERRORS}, auth=Bearer(Role.EDITOR))
def take_in_template(request: ApiRequest, body: TakeInIn) -> Status[TemplateOut]:
    """Makes a crew of a template's file and shares its first version. Nothing is fetched."""
    made = once(request, lambda: {"id": actions.take_in(request.auth, body.source).pk})
    return Status(201, _out(request, queries.template_of(request.auth, made["id"])))


@router.get("/{int:template_id}", response={200: TemplateDetail, **ERRORS}, auth=Bearer(Role.VIEWER))
def get_template(request: ApiRequest, response: HttpResponse, template_id: int) -> TemplateDetail:
    """One template, with the versions that were shared and the tree of its copies."""
    page = template_page(request.auth, queries.template_of(request.auth, template_id))
    tagged(response, page.card.template.revision)
    return TemplateDetail(
        **TemplateOut.of(page.card).model_dump(),
        versions=[SharedVersionOut.of(shared) for shared in page.versions],
        lineage=[CopyOut.of(node) for node in page.lineage.nodes],
    )


@router.get("/{int:template_id}/file", auth=Bearer(Role.VIEWER), response={200: None, **ERRORS})
def get_template_file(request: ApiRequest, template_id: int) -> HttpResponse:
    """A template as a file, to be taken in elsewhere."""
    template = queries.template_of(request.auth, template_id)
    return HttpResponse(template_file.written(template, template.version), content_type="application/json")


@router.post("/{int:template_id}/copy", response={201: CrewOut, **ERRORS}, auth=Bearer(Role.EDITOR))
def copy_template(request: ApiRequest, template_id: int, body: CopyIn) -> Status[dict[str, object]]:
    """A new crew that is the shared version to the letter, and remembers where it came from."""
    template = queries.template_of(request.auth, template_id, Role.EDITOR)
    version = None
    if body.version is not None:
        version = fetch(CrewVersion, request.auth, crew=template.crew, number=body.version, shared_at__isnull=False)
    return Status(201, once(request, lambda: crew_json(actions.copy_template(request.auth, template, version))))


@router.delete(
    "/{int:template_id}", response={204: None, **ERRORS_OF_WRITES}, auth=Bearer(Role.EDITOR), openapi_extra=IF_MATCH
)
def withdraw_template(request: ApiRequest, template_id: int) -> Status[None]:
    """Withdraws a template: its address is dead at once. Copies, versions and runs stay."""
    template = queries.template_of(request.auth, template_id, Role.EDITOR)
    with unchanged(request, lambda: _revision_of(template.crew)):
        actions.withdraw(request.auth, template)
    return Status(204, None)


@crew_router.get("/{slug:slug}/original", response={200: OriginOut, **ERRORS}, auth=Bearer(Role.VIEWER))
def get_original(request: ApiRequest, response: HttpResponse, slug: str) -> OriginOut:
    """Where a copy comes from, and what its original shares by now: whether that costs less, and what both changed.

    The ``ETag`` is the crew's."""
    crew = own_crew(request.auth, slug)
    origin = origin_of(crew)
    tagged(response, crew.revision)
    saving = saving_of(request.auth, origin) if origin else None
    return OriginOut.of(queries.template_copied(crew), crew.copied_from, origin, saving)


@crew_router.post(
    "/{slug:slug}/original",
    response={200: TakenOverOut, **ERRORS_OF_WRITES},
    auth=Bearer(Role.EDITOR),
    openapi_extra=IF_MATCH,
)
def take_over_original(request: ApiRequest, slug: str, body: TakeOverIn) -> TakenOverOut:
    """Brings into a copy's draft what its original changed. ``If-Match`` is about the draft."""
    crew = own_crew(request.auth, slug, Role.EDITOR)
    template = queries.template_copied(crew)
    if template is None:
        raise Conflict(actions.NOTHING_NEWER)
    version = fetch(CrewVersion, request.auth, crew=template.crew, number=body.version)

    def taken() -> dict[str, object]:
        with unchanged(request, lambda: locked_revision(crew)):
            done = actions.take_over(
                request.auth, crew, expected_revision=crew.revision, version=version, choices=body.choices
            )
        return TakenOverOut(
            crew=done.crew.slug,
            revision=done.crew.revision,
            version=version.number,
            taken=done.taken,
            kept_version=done.kept.number if done.kept else None,
            kept_crew=done.copy.slug if done.copy else None,
        ).model_dump()

    return TakenOverOut(**once(request, taken))


def _out(request: ApiRequest, template: Template) -> TemplateOut:
    return TemplateOut.of(card(template, figures_of_contents(request.auth, [template.version.content_hash])))


def _revision_of(crew: Crew) -> int:
    """Of the crew's template, which nobody changes until the transaction ends; 0 for none."""
    Crew.objects.select_for_update().get(pk=crew.pk)
    return Template.objects.filter(crew=crew).values_list("revision", flat=True).first() or 0
