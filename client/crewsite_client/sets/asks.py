"""The API's operations on data sets and schedules, as data."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import Any, Literal, TypedDict

from crewsite_client.asks import PAGE, Ask, Money
from crewsite_client.sets import answers
from crewsite_client.sets.answers import Overlap


class ScheduleTerms(TypedDict, total=False):
    """What is left out is the usual when a schedule is made, and stays as it is when one is changed. ``dataset``, as
    ``leads`` or ``leads@3``, makes a batch of each launch; ``columns`` says which of its columns fills an input of
    another name, and ``budget_usd`` is of each run then too."""

    name: str
    cron: str
    time_zone: str
    version: int | None
    inputs: Mapping[str, Any]
    dataset: str | None
    columns: Mapping[str, str]
    overlap: Overlap
    catch_up: bool
    simulated: bool | None
    budget_usd: Money | None
    batch_budget_usd: Money | None
    max_concurrency: int | None
    stop_after_failures: int | None
    max_calls: int | None
    max_tokens: int | None
    max_seconds: int | None
    priority: str
    at_limit: str | None
    accept_unpriced: bool
    metadata: Mapping[str, Any]


def data_sets(archived: bool, cursor: str = "", limit: int = PAGE) -> Ask[answers.DataSets]:
    query = {"archived": "true" if archived else "", "cursor": cursor, "limit": limit}
    return Ask("GET", "/datasets", answers.DataSets, query=query)


def data_set(name: str) -> Ask[answers.DataSet]:
    return Ask("GET", "/datasets/{name}", answers.DataSet, {"name": name})


def make_data_set(name: str, inputs: Iterable[Mapping[str, Any]], key: str | None) -> Ask[answers.DataSet]:
    body = {"name": name, "inputs": list(inputs)}
    return Ask("POST", "/datasets", answers.DataSet, body=body, keyed=True, key=key)


def change_data_set(
    name: str, new_name: str | None, archived: bool | None, revision: int | None
) -> Ask[answers.DataSet]:
    body = {"name": new_name, "archived": archived}
    return Ask("PATCH", "/datasets/{name}", answers.DataSet, {"name": name}, body=body, match=revision)


def data_set_versions(name: str, cursor: str = "", limit: int = PAGE) -> Ask[answers.DataSetVersions]:
    query = {"cursor": cursor, "limit": limit}
    return Ask("GET", "/datasets/{name}/versions", answers.DataSetVersions, {"name": name}, query=query)


def data_set_rows(name: str, version: int | None, cursor: str = "", limit: int = PAGE) -> Ask[answers.DataSetRows]:
    query = {"version": version, "cursor": cursor, "limit": limit}
    return Ask("GET", "/datasets/{name}/rows", answers.DataSetRows, {"name": name}, query=query)


def grow_data_set(
    name: str,
    where: Literal["versions", "rows"],
    inputs: Iterable[Mapping[str, Any]],
    key: str | None,
    revision: int | None,
) -> Ask[answers.DataSet]:
    """``versions``: these rows alone are the next version; ``rows``: they come behind those of the newest one."""
    return Ask(
        "POST",
        f"/datasets/{{name}}/{where}",
        answers.DataSet,
        {"name": name},
        body={"inputs": list(inputs)},
        keyed=True,
        key=key,
        match=revision,
    )


def delete_data_set(name: str, revision: int | None) -> Ask[None]:
    return Ask("DELETE", "/datasets/{name}", type(None), {"name": name}, match=revision)


def data_set_columns(name: str, version: int | None) -> Ask[answers.DataSetColumns]:
    return Ask("GET", "/datasets/{name}/columns", answers.DataSetColumns, {"name": name}, query={"version": version})


def preview_data_set(name: str, inputs: Iterable[Mapping[str, Any]]) -> Ask[answers.DataSetPreview]:
    body = {"inputs": list(inputs)}
    return Ask("POST", "/datasets/{name}/preview", answers.DataSetPreview, {"name": name}, body=body)


def next_times(cron: str, time_zone: str) -> Ask[answers.NextTimes]:
    return Ask("GET", "/schedules/times", answers.NextTimes, query={"cron": cron, "time_zone": time_zone})


def schedules(cursor: str = "", limit: int = PAGE) -> Ask[answers.Schedules]:
    return Ask("GET", "/schedules", answers.Schedules, query={"cursor": cursor, "limit": limit})


def schedule(schedule_id: str, cursor: str = "", limit: int = PAGE) -> Ask[answers.ScheduleHistory]:
    query = {"cursor": cursor, "limit": limit}
    return Ask("GET", "/schedules/{schedule_id}", answers.ScheduleHistory, {"schedule_id": schedule_id}, query=query)


def make_schedule(crew: str, terms: ScheduleTerms, on: bool, key: str | None) -> Ask[answers.Schedule]:
    body = {"crew": crew, "on": on, **terms}
    return Ask("POST", "/schedules", answers.Schedule, body=body, keyed=True, key=key)


def change_schedule(schedule_id: str, terms: ScheduleTerms, revision: int | None) -> Ask[answers.Schedule]:
    return Ask(
        "PATCH", "/schedules/{schedule_id}", answers.Schedule, {"schedule_id": schedule_id}, body=terms, match=revision
    )


def turn_schedule(schedule_id: str, where: Literal["pause", "resume"], revision: int | None) -> Ask[answers.Schedule]:
    route = f"/schedules/{{schedule_id}}/{where}"
    return Ask("POST", route, answers.Schedule, {"schedule_id": schedule_id}, match=revision)


def run_schedule(schedule_id: str, key: str | None, revision: int | None) -> Ask[answers.ScheduleTime]:
    return Ask(
        "POST",
        "/schedules/{schedule_id}/run-now",
        answers.ScheduleTime,
        {"schedule_id": schedule_id},
        keyed=True,
        key=key,
        match=revision,
    )


def delete_schedule(schedule_id: str, revision: int | None) -> Ask[None]:
    return Ask("DELETE", "/schedules/{schedule_id}", type(None), {"schedule_id": schedule_id}, match=revision)
