"""Streams end with the right to see them: sessions and API tokens, whatever takes the right away."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Callable
from contextlib import aclosing
from dataclasses import dataclass
from datetime import timedelta
from typing import Any

import httpx
import pytest
from asgiref.sync import sync_to_async
from django.contrib.sessions.models import Session
from django.db import DatabaseError, connections
from django.test import AsyncClient
from django.utils import timezone

from runs.live import watchman
from runs.live.notify import run_changed
from runs.models import Run
from runs.states import RunState
from teams.actions import issue_token
from teams.models import ApiToken, Membership, Role, Scope, User
from teams.rights import Right, still_held
from tests.cast import Cast, make_cast, make_crew, make_person
from tests.ledger import make_run
from tests.web_server import web_server

pytestmark = pytest.mark.django_db(transaction=True)
PATIENCE_S = 10


@dataclass
class Scene:
    cast: Cast
    run: Run

    @property
    def page(self) -> str:
        return f"/t/acme/runs/{self.run.pk}/events/"

    @property
    def api(self) -> str:
        return f"/api/v1/runs/{self.run.pk}/events"


@pytest.fixture
def scene() -> Scene:
    cast = make_cast()
    return Scene(cast, make_run(cast.owner, make_crew(cast.owner), state=RunState.RUNNING))


@pytest.fixture(autouse=True)
async def no_connection_left() -> AsyncIterator[None]:
    yield
    await sync_to_async(connections.close_all)()


@pytest.fixture
def often(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(watchman, "LOOK_EVERY_S", 0.1)


def runner_of(cast: Cast) -> Any:
    return User.objects.filter(pk=cast.runner.user.pk)


def membership_of(cast: Cast) -> Any:
    return Membership.objects.filter(user=cast.runner.user)


LOSSES: dict[str, Callable[[Cast], object]] = {
    "removed from the team": lambda cast: membership_of(cast).delete(),
    "a smaller role": lambda cast: membership_of(cast).update(role=Role.VIEWER),
    "account closed": lambda cast: runner_of(cast).update(is_active=False),
    "account deleted": lambda cast: runner_of(cast).delete(),
}
OF_SESSIONS = LOSSES | {
    "signed out": lambda cast: Session.objects.all().delete(),
    "session ended": lambda cast: Session.objects.update(expire_date=timezone.now() - timedelta(seconds=1)),
    "new password": lambda cast: runner_of(cast).update(password="!another"),
}
OF_TOKENS = LOSSES | {
    "token revoked": lambda cast: ApiToken.objects.update(revoked_at=timezone.now()),
    "token expired": lambda cast: ApiToken.objects.update(expires_at=timezone.now() - timedelta(seconds=1)),
    "token deleted": lambda cast: ApiToken.objects.all().delete(),
}


async def opened(client: AsyncClient, path: str, **headers: str) -> Any:
    response: Any = await client.get(path, headers=headers)
    assert response["Content-Type"] == "text/event-stream"
    return response.streaming_content


async def assert_ends_unless_nothing_is_lost(stream: Any, scene: Scene, lose: Callable[[Cast], object]) -> None:
    async with aclosing(stream) as chunks:
        await asyncio.wait_for(anext(chunks), PATIENCE_S)
        await asyncio.sleep(0.5)
        await sync_to_async(run_changed)(scene.run.pk)  # the right is looked at several times and goes on to hold
        await sync_to_async(lose)(scene.cast)
        while True:
            try:
                await asyncio.wait_for(anext(chunks), PATIENCE_S)
            except StopAsyncIteration:
                return


@pytest.mark.parametrize("loss", OF_SESSIONS)
async def test_a_page_stops_hearing_of_a_run(scene: Scene, often: None, loss: str) -> None:
    client = AsyncClient()
    await client.aforce_login(scene.cast.runner.user)
    await assert_ends_unless_nothing_is_lost(await opened(client, scene.page), scene, OF_SESSIONS[loss])


@pytest.mark.parametrize("loss", OF_TOKENS)
async def test_an_api_token_stops_hearing_of_a_run(scene: Scene, often: None, loss: str) -> None:
    _, secret = await sync_to_async(issue_token)(scene.cast.runner, scope=Scope.RUN)
    stream = await opened(AsyncClient(), scene.api, Authorization=f"Bearer {secret}")
    await assert_ends_unless_nothing_is_lost(stream, scene, OF_TOKENS[loss])


async def test_others_go_on_hearing_of_it(scene: Scene, often: None) -> None:
    client = AsyncClient()
    await client.aforce_login(scene.cast.viewer.user)
    async with aclosing(await opened(client, scene.page)) as chunks:
        for _ in range(8):
            await asyncio.wait_for(anext(chunks), PATIENCE_S)
        await sync_to_async(LOSSES["removed from the team"])(scene.cast)
        await asyncio.sleep(1)
        await sync_to_async(Run.objects.filter(pk=scene.run.pk).update)(error="news", revision=99)
        await sync_to_async(run_changed)(scene.run.pk)
        assert b"event:" in await asyncio.wait_for(anext(chunks), PATIENCE_S)


async def test_a_right_that_cannot_be_looked_at_ends_too(
    scene: Scene, often: None, monkeypatch: pytest.MonkeyPatch
) -> None:
    def fails(rights: object) -> set[Right]:
        raise DatabaseError("The database is away.")

    monkeypatch.setattr(watchman, "GOOD_FOR_S", 1.0)
    monkeypatch.setattr(watchman, "still_held", fails)
    client = AsyncClient()
    await client.aforce_login(scene.cast.viewer.user)
    async with aclosing(await opened(client, scene.page)) as chunks:
        await asyncio.wait_for(anext(chunks), PATIENCE_S)
        await asyncio.sleep(1.5)
        await sync_to_async(Run.objects.filter(pk=scene.run.pk).update)(error="secret news", revision=99)
        await sync_to_async(run_changed)(scene.run.pk)
        rest = b"".join([chunk async for chunk in chunks])
    assert b"secret news" not in rest


def test_a_hundred_rights_are_looked_at_by_three_queries(scene: Scene, django_assert_num_queries: Any) -> None:
    people = [make_person(scene.cast.team, Role.VIEWER, email=f"{number}@example.com") for number in range(50)]
    tokens = [issue_token(who, scope=Scope.READ)[0] for who in people]
    rights = {
        Right(who.user.pk, who.team.pk, who.role, token_id=token.pk) for who, token in zip(people, tokens, strict=True)
    }
    sessions = {Right(who.user.pk, who.team.pk, who.role, session_key=f"none-{who.user.pk}") for who in people}
    with django_assert_num_queries(3):
        assert still_held(rights | sessions) == rights


def test_a_token_that_gives_less_than_its_persons_role_holds_in_that(scene: Scene) -> None:
    who = scene.cast.owner
    token, _ = issue_token(who, scope=Scope.READ)
    assert still_held([Right(who.user.pk, who.team.pk, Role.VIEWER, token_id=token.pk)])
    assert not still_held([Right(who.user.pk, who.team.pk, Role.OWNER, token_id=token.pk)])
    assert not still_held([Right(who.user.pk, scene.cast.stranger.team.pk, Role.VIEWER, token_id=token.pk)])
    assert not still_held([Right(who.user.pk, who.team.pk, who.role)])


def test_a_real_process_ends_the_stream_of_a_revoked_token_within_fifteen_seconds(scene: Scene) -> None:
    token, secret = issue_token(scene.cast.runner, scope=Scope.RUN)
    headers = {"Authorization": f"Bearer {secret}"}
    with web_server() as url, httpx.stream("GET", f"{url}{scene.api}", headers=headers, timeout=40) as stream:
        lines = stream.iter_lines()
        assert next(lines).startswith("id: ")
        ApiToken.objects.filter(pk=token.pk).update(revoked_at=timezone.now())
        for _ in lines:  # ends, or the time-out of a read ends the test
            pass
