"""The API's operations on what a crew has from the library. ``If-Match`` is about the crew's draft everywhere."""

from collections.abc import Callable
from typing import Any

from django.http import Http404, HttpResponse
from ninja import Router, Schema, Status

from agents_app.library import queries
from agents_app.library.in_crews import actions
from agents_app.library.schemas import (
    AddAgentIn,
    AgentTakenOut,
    CrewLinkDetail,
    CrewLinkList,
    CrewLinkOut,
    GiveBackIn,
    KeepIn,
    LibraryAgentOut,
    LinkAgentIn,
    SeenVersionIn,
    TakeOverAgentIn,
)
from agents_app.models import Crew
from agents_app.queries import locked_revision, own_crew
from agents_app.snapshot import agents_of
from teams.api.bearer import ApiRequest, Bearer
from teams.api.error_body import ERRORS
from teams.api.idempotency import once
from teams.api.if_match import ERRORS_OF_WRITES, IF_MATCH, tagged, unchanged
from teams.models import Role

router = Router(tags=["agents"])


@router.get("/{slug:slug}/library", response={200: CrewLinkList, **ERRORS}, auth=Bearer(Role.VIEWER))
def list_crew_library(request: ApiRequest, response: HttpResponse, slug: str) -> CrewLinkList:
    """The crew's agents that come from the library, in the crew's order."""
    crew = own_crew(request.auth, slug)
    tagged(response, crew.revision)
    return CrewLinkList(items=[CrewLinkOut.of(slug, linked) for linked in queries.links_of(crew).values()])


@router.post(
    "/{slug:slug}/library",
    response={201: CrewLinkOut, **ERRORS_OF_WRITES},
    auth=Bearer(Role.EDITOR),
    openapi_extra=IF_MATCH,
)
def add_crew_agent(request: ApiRequest, slug: str, body: AddAgentIn) -> Status[CrewLinkOut]:
    """Adds an agent of the library to the crew's draft, as it is kept."""
    crew = own_crew(request.auth, slug, Role.EDITOR)
    kept = queries.agent_of(request.auth, body.agent)

    def added() -> CrewLinkOut:
        seen, wanted = crew.revision, body.key or ""
        changed, key = actions.add_to_crew(request.auth, crew, kept, expected_revision=seen, key=wanted)
        return CrewLinkOut.of(slug, queries.link_of(changed, key))

    return Status(201, CrewLinkOut(**_once(request, crew, added)))


@router.get("/{slug:slug}/library/{str:key}", response={200: CrewLinkDetail, **ERRORS}, auth=Bearer(Role.VIEWER))
def get_crew_link(request: ApiRequest, response: HttpResponse, slug: str, key: str) -> CrewLinkDetail:
    """What comes from the library: what the crew says differently, what is offered, and what both changed."""
    crew = own_crew(request.auth, slug)
    tagged(response, crew.revision)
    return CrewLinkDetail.of_link(slug, queries.link_of(crew, key))


@router.put(
    "/{slug:slug}/library/{str:key}",
    response={200: CrewLinkOut, **ERRORS_OF_WRITES},
    auth=Bearer(Role.EDITOR),
    openapi_extra=IF_MATCH,
)
def link_crew_agent(request: ApiRequest, slug: str, key: str, body: LinkAgentIn) -> CrewLinkOut:
    """Says that an agent of the crew comes from one of the library. What it says differently is the crew's own."""
    crew = _crew_with(request, slug, key)
    kept = queries.agent_of(request.auth, body.agent)
    with unchanged(request, lambda: locked_revision(crew)):
        return CrewLinkOut.of(slug, actions.link(request.auth, crew, key, kept))


@router.delete(
    "/{slug:slug}/library/{str:key}",
    response={204: None, **ERRORS_OF_WRITES},
    auth=Bearer(Role.EDITOR),
    openapi_extra=IF_MATCH,
)
def unlink_crew_agent(request: ApiRequest, slug: str, key: str) -> Status[None]:
    """Ends an agent's link with the library. The crew keeps its agent."""
    crew = _linked(request, slug, key)
    with unchanged(request, lambda: locked_revision(crew)):
        actions.unlink(request.auth, crew, key)
    return Status(204, None)


@router.post(
    "/{slug:slug}/library/{str:key}/keep",
    response={201: LibraryAgentOut, **ERRORS_OF_WRITES},
    auth=Bearer(Role.EDITOR),
    openapi_extra=IF_MATCH,
)
def keep_crew_agent(request: ApiRequest, slug: str, key: str, body: KeepIn) -> Status[LibraryAgentOut]:
    """Keeps an agent of the crew as a new one of the library, with which it is linked from then on."""
    crew = _crew_with(request, slug, key)

    def kept() -> LibraryAgentOut:
        made = actions.keep_from_crew(request.auth, crew, key, name=body.name, note=body.note)
        return LibraryAgentOut.of(queries.agent_of(request.auth, made.pk), uses=1)

    return Status(201, LibraryAgentOut(**_once(request, crew, kept)))


@router.post(
    "/{slug:slug}/library/{str:key}/take-over",
    response={200: AgentTakenOut, **ERRORS_OF_WRITES},
    auth=Bearer(Role.EDITOR),
    openapi_extra=IF_MATCH,
)
def take_over_agent(request: ApiRequest, slug: str, key: str, body: TakeOverAgentIn) -> AgentTakenOut:
    """Brings into the crew's draft what changed in the library's agent. What only the crew changed stays."""
    crew = _linked(request, slug, key)

    def taken() -> AgentTakenOut:
        order = {"expected_revision": crew.revision, "number": body.version}
        return _taken(key, actions.take_over(request.auth, crew, key, **order, choices=body.choices))

    return AgentTakenOut(**_once(request, crew, taken))


@router.post(
    "/{slug:slug}/library/{str:key}/reset",
    response={200: AgentTakenOut, **ERRORS_OF_WRITES},
    auth=Bearer(Role.EDITOR),
    openapi_extra=IF_MATCH,
)
def reset_agent(request: ApiRequest, slug: str, key: str, body: SeenVersionIn) -> AgentTakenOut:
    """Puts the library's agent in the place of the crew's, which loses what it says differently."""
    crew = _linked(request, slug, key)
    order = {"expected_revision": crew.revision, "number": body.version}
    done = _once(request, crew, lambda: _taken(key, actions.use_as_kept(request.auth, crew, key, **order)))
    return AgentTakenOut(**done)


@router.post(
    "/{slug:slug}/library/{str:key}/keep-own",
    response={200: CrewLinkOut, **ERRORS_OF_WRITES},
    auth=Bearer(Role.EDITOR),
    openapi_extra=IF_MATCH,
)
def keep_own_agent(request: ApiRequest, slug: str, key: str, body: SeenVersionIn) -> CrewLinkOut:
    """Declines what the library offers: the crew's agent stays as it is, and only later changes are offered again."""
    crew = _linked(request, slug, key)

    def kept() -> CrewLinkOut:
        return CrewLinkOut.of(slug, actions.keep_own(request.auth, crew, key, number=body.version))

    return CrewLinkOut(**_once(request, crew, kept))


@router.post(
    "/{slug:slug}/library/{str:key}/give-back",
    response={200: CrewLinkOut, **ERRORS_OF_WRITES},
    auth=Bearer(Role.EDITOR),
    openapi_extra=IF_MATCH,
)
def give_back_agent(request: ApiRequest, slug: str, key: str, body: GiveBackIn) -> CrewLinkOut:
    """Makes what the crew says the next version of the library's agent, which other crews are offered."""
    crew = _linked(request, slug, key)

    def given() -> CrewLinkOut:
        actions.give_back(request.auth, crew, key, number=body.version, note=body.note)
        return CrewLinkOut.of(slug, queries.link_of(crew, key))

    return CrewLinkOut(**_once(request, crew, given))


def _once(request: ApiRequest, crew: Crew, work: Callable[[], Schema]) -> dict[str, Any]:
    """What the work answers, at the draft that the caller named, if one was; a repeated request gets it again."""

    def done() -> dict[str, Any]:
        with unchanged(request, lambda: locked_revision(crew)):
            return work().model_dump()

    return once(request, done)


def _crew_with(request: ApiRequest, slug: str, key: str) -> Crew:
    """The crew, which has this agent. Raises ``Http404``."""
    crew = own_crew(request.auth, slug, Role.EDITOR)
    if all(agent.key != key for agent in agents_of(crew)):
        raise Http404("No such agent.")
    return crew


def _linked(request: ApiRequest, slug: str, key: str) -> Crew:
    """The crew, whose agent of this key comes from the library. Raises ``Http404``."""
    crew = own_crew(request.auth, slug, Role.EDITOR)
    queries.link_of(crew, key)
    return crew


def _taken(key: str, done: actions.Taken) -> AgentTakenOut:
    return AgentTakenOut(
        crew=done.crew.slug, key=key, revision=done.crew.revision, version=done.number, taken=done.fields
    )
