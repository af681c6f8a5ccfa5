"""The methods of the client for asyncio."""

from __future__ import annotations

from collections.abc import AsyncIterator, Callable, Iterable, Mapping
from typing import Any, TypeVar, Unpack

from crewsite_client.asks import Ask
from crewsite_client.sets import answers, asks
from crewsite_client.sets.asks import ScheduleTerms

T = TypeVar("T")


class AsyncSetMethods:
    async def send(self, ask: Ask[T]) -> T:
        raise NotImplementedError

    def _pages(
        self, page: Callable[[str], Ask[Any]], items: str = "items", following: str = "next"
    ) -> AsyncIterator[Any]:
        raise NotImplementedError

    def data_sets(self, *, archived: bool = False) -> AsyncIterator[answers.DataSet]:
        """The newest first; with ``archived`` those that are."""
        return self._pages(lambda cursor: asks.data_sets(archived, cursor))

    async def data_set(self, name: str) -> answers.DataSet:
        return await self.send(asks.data_set(name))

    async def make_data_set(
        self, name: str, inputs: Iterable[Mapping[str, Any]], *, key: str | None = None
    ) -> answers.DataSet:
        """Keeps rows of inputs under a name, as its first version."""
        return await self.send(asks.make_data_set(name, inputs, key))

    async def change_data_set(
        self, name: str, *, new_name: str | None = None, archived: bool | None = None, revision: int | None = None
    ) -> answers.DataSet:
        """Renames it, archives it, takes it back. What is None stays."""
        return await self.send(asks.change_data_set(name, new_name, archived, revision))

    def data_set_versions(self, name: str) -> AsyncIterator[answers.DataSetVersion]:
        """The newest first."""
        return self._pages(lambda cursor: asks.data_set_versions(name, cursor))

    def data_set_rows(self, name: str, *, version: int | None = None) -> AsyncIterator[answers.DataSetRow]:
        """Of a version, else of the newest, in their order. Name a version where a newer one may be made meanwhile."""
        return self._pages(lambda cursor: asks.data_set_rows(name, version, cursor))

    async def add_data_set_version(
        self,
        name: str,
        inputs: Iterable[Mapping[str, Any]],
        *,
        key: str | None = None,
        revision: int | None = None,
    ) -> answers.DataSet:
        """Its next version has these rows alone. Those before stay as they are."""
        return await self.send(asks.grow_data_set(name, "versions", inputs, key, revision))

    async def add_data_set_rows(
        self,
        name: str,
        inputs: Iterable[Mapping[str, Any]],
        *,
        key: str | None = None,
        revision: int | None = None,
    ) -> answers.DataSet:
        """Its next version has the rows of the newest one, and these behind them."""
        return await self.send(asks.grow_data_set(name, "rows", inputs, key, revision))

    async def delete_data_set(self, name: str, *, revision: int | None = None) -> None:
        """With all its versions, for good. ``Conflict`` while schedules use it."""
        await self.send(asks.delete_data_set(name, revision))

    async def data_set_columns(self, name: str, *, version: int | None = None) -> answers.DataSetColumns:
        """What the columns of a version hold, else of the newest."""
        return await self.send(asks.data_set_columns(name, version))

    async def preview_data_set(self, name: str, inputs: Iterable[Mapping[str, Any]]) -> answers.DataSetPreview:
        """What these rows would change. Nothing is kept."""
        return await self.send(asks.preview_data_set(name, inputs))

    async def next_times(self, cron: str, *, time_zone: str = "UTC") -> answers.NextTimes:
        """The next five of an expression, before anything is saved."""
        return await self.send(asks.next_times(cron, time_zone))

    def schedules(self) -> AsyncIterator[answers.Schedule]:
        """The newest first, each with its next times and what became of its last one."""
        return self._pages(asks.schedules)

    async def schedule(self, schedule_id: str) -> answers.ScheduleHistory:
        """With the newest of its times. ``schedule_times`` has all."""
        return await self.send(asks.schedule(schedule_id))

    def schedule_times(self, schedule_id: str) -> AsyncIterator[answers.ScheduleTime]:
        """What became of its times, the newest first."""
        return self._pages(lambda cursor: asks.schedule(schedule_id, cursor), "times", "times_next")

    async def make_schedule(
        self, crew: str, *, on: bool = True, key: str | None = None, **terms: Unpack[ScheduleTerms]
    ) -> answers.Schedule:
        """``name`` and ``cron`` are needed; it launches in the name of the token's person."""
        return await self.send(asks.make_schedule(crew, terms, on, key))

    async def change_schedule(
        self, schedule_id: str, *, revision: int | None = None, **terms: Unpack[ScheduleTerms]
    ) -> answers.Schedule:
        """Other terms. Whoever changes it owns it from then on."""
        return await self.send(asks.change_schedule(schedule_id, terms, revision))

    async def pause_schedule(self, schedule_id: str, *, revision: int | None = None) -> answers.Schedule:
        """Turns it off. What it has launched goes on."""
        return await self.send(asks.turn_schedule(schedule_id, "pause", revision))

    async def resume_schedule(self, schedule_id: str, *, revision: int | None = None) -> answers.Schedule:
        """Turns it on, from its next time on."""
        return await self.send(asks.turn_schedule(schedule_id, "resume", revision))

    async def run_schedule(
        self, schedule_id: str, *, key: str | None = None, revision: int | None = None
    ) -> answers.ScheduleTime:
        """Launches it once, now, whether it is on or off."""
        return await self.send(asks.run_schedule(schedule_id, key, revision))

    async def delete_schedule(self, schedule_id: str, *, revision: int | None = None) -> None:
        """Its runs and batches stay."""
        await self.send(asks.delete_schedule(schedule_id, revision))
