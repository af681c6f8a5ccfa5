"""The API's operations on the library of agents. The rules are those of the pages."""

from django.http import HttpResponse
from ninja import Router, Status

from agents_app.library import actions, queries
from agents_app.library.schemas import (
    LibraryAgentIn,
    LibraryAgentList,
    LibraryAgentOut,
    LibraryDiffOut,
    LibraryVersionList,
    LibraryVersionOut,
    UsesOut,
)
from agents_app.models import LibraryAgent
from teams.api.bearer import ApiRequest, Bearer
from teams.api.error_body import ERRORS
from teams.api.idempotency import once
from teams.api.if_match import ERRORS_OF_WRITES, IF_MATCH, tagged, unchanged
from teams.models import Role
from teams.refusals import Invalid

router = Router(tags=["agents"])

MAX_CURSOR_DIGITS = 9


@router.get("", response={200: LibraryAgentList, **ERRORS}, auth=Bearer(Role.VIEWER))
def list_agents(request: ApiRequest, q: str = "", cursor: str = "", limit: int = 50) -> LibraryAgentList:
    """The team's library by name. ``q``: words, each in name, role, model or tools."""
    limit = max(1, min(limit, queries.AGENTS_A_PAGE))
    page = queries.agents(request.auth, q, offset=_number(cursor), limit=limit)
    items = [LibraryAgentOut.of(agent, agent.uses) for agent in page.items]  # type: ignore[attr-defined]
    return LibraryAgentList(items=items, next=None if page.next is None else str(page.next))


@router.post("", response={201: LibraryAgentOut, **ERRORS}, auth=Bearer(Role.EDITOR))
def post_agent(request: ApiRequest, response: HttpResponse, body: LibraryAgentIn) -> Status[LibraryAgentOut]:
    """Keeps an agent in the library. One of a crew is kept by that crew's `library/{key}/keep`."""
    made = once(request, lambda: {"id": actions.keep(request.auth, name=body.name, spec=body.spec, note=body.note).pk})
    return Status(201, _out(response, queries.agent_of(request.auth, made["id"])))


@router.get("/{int:agent_id}", response={200: LibraryAgentOut, **ERRORS}, auth=Bearer(Role.VIEWER))
def get_agent(request: ApiRequest, response: HttpResponse, agent_id: int) -> LibraryAgentOut:
    """One agent of the library."""
    return _out(response, queries.agent_of(request.auth, agent_id))


@router.put(
    "/{int:agent_id}",
    response={200: LibraryAgentOut, **ERRORS_OF_WRITES},
    auth=Bearer(Role.EDITOR),
    openapi_extra=IF_MATCH,
)
def put_agent(request: ApiRequest, response: HttpResponse, agent_id: int, body: LibraryAgentIn) -> LibraryAgentOut:
    """Changes what an agent of the library says, or its name. Crews that use it are offered that, and not changed."""
    agent = queries.agent_of(request.auth, agent_id, Role.EDITOR)
    with unchanged(request, lambda: actions.locked(agent).revision):
        agent = actions.change(
            request.auth,
            agent,
            expected_revision=agent.revision,
            name=body.name,
            spec=body.spec,
            note=body.note,
        )
    return _out(response, agent)


@router.delete(
    "/{int:agent_id}", response={204: None, **ERRORS_OF_WRITES}, auth=Bearer(Role.EDITOR), openapi_extra=IF_MATCH
)
def withdraw_agent(request: ApiRequest, agent_id: int) -> Status[None]:
    """Takes an agent out of the library. Crews keep what they have, and are offered nothing any more."""
    agent = queries.agent_of(request.auth, agent_id, Role.EDITOR)
    with unchanged(request, lambda: actions.locked(agent).revision):
        actions.withdraw(request.auth, agent)
    return Status(204, None)


@router.get("/{int:agent_id}/crews", response={200: UsesOut, **ERRORS}, auth=Bearer(Role.VIEWER))
def list_agent_crews(request: ApiRequest, agent_id: int) -> UsesOut:
    """The crews that use an agent of the library, what is their own, and which of them are offered something."""
    return UsesOut.of(queries.uses_of(queries.agent_of(request.auth, agent_id)))


@router.get("/{int:agent_id}/versions", response={200: LibraryVersionList, **ERRORS}, auth=Bearer(Role.VIEWER))
def list_agent_versions(request: ApiRequest, agent_id: int, cursor: str = "", limit: int = 20) -> LibraryVersionList:
    """What an agent of the library said, newest first."""
    agent = queries.agent_of(request.auth, agent_id)
    limit = max(1, min(limit, queries.VERSIONS_A_PAGE))
    page = queries.versions_of(agent, below=_number(cursor) or None, limit=limit)
    return LibraryVersionList(
        items=list(map(LibraryVersionOut.of, page.items)), next=None if page.next is None else str(page.next)
    )


@router.get(
    "/{int:agent_id}/versions/{int:number}", response={200: LibraryVersionOut, **ERRORS}, auth=Bearer(Role.VIEWER)
)
def get_agent_version(request: ApiRequest, agent_id: int, number: int) -> LibraryVersionOut:
    """What an agent of the library said in one of its versions."""
    return LibraryVersionOut.of(queries.version_of(request.auth, queries.agent_of(request.auth, agent_id), number))


@router.post(
    "/{int:agent_id}/versions/{int:number}/restore",
    response={200: LibraryAgentOut, **ERRORS_OF_WRITES},
    auth=Bearer(Role.EDITOR),
    openapi_extra=IF_MATCH,
)
def restore_agent_version(request: ApiRequest, response: HttpResponse, agent_id: int, number: int) -> LibraryAgentOut:
    """Lets an agent of the library say again what an older version said, as a new version."""
    agent = queries.agent_of(request.auth, agent_id, Role.EDITOR)
    version = queries.version_of(request.auth, agent, number)
    with unchanged(request, lambda: actions.locked(agent).revision):
        agent = actions.restore(request.auth, agent, version, expected_revision=agent.revision)
    return _out(response, agent)


@router.get(
    "/{int:agent_id}/versions/{int:old}/diff/{int:new}",
    response={200: LibraryDiffOut, **ERRORS},
    auth=Bearer(Role.VIEWER),
)
def diff_agent_versions(request: ApiRequest, agent_id: int, old: int, new: int) -> LibraryDiffOut:
    """What changed from one version to another: the fields that differ, their texts by word."""
    agent = queries.agent_of(request.auth, agent_id)
    return LibraryDiffOut.of(*(queries.version_of(request.auth, agent, number) for number in (old, new)))


def _out(response: HttpResponse, agent: LibraryAgent) -> LibraryAgentOut:
    tagged(response, agent.revision)
    return LibraryAgentOut.of(agent, queries.links_to(agent).count())


def _number(cursor: str) -> int:
    if not cursor:
        return 0
    if not (cursor.isascii() and cursor.isdecimal()) or len(cursor) > MAX_CURSOR_DIGITS:
        raise Invalid("This cursor is not one of ours.", fields={"cursor": "Pass on what `next` was."})
    return int(cursor)
