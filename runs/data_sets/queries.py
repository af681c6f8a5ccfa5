"""Reads of data sets: the list, versions, rows in pages, and where a set is used."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from django.db.models import OuterRef, QuerySet, Subquery
from django.http import Http404

from runs.batches.kept_inputs import rows_behind
from runs.models import Batch, DataSet, DataSetRow, DataSetVersion, Schedule
from runs.paging import Page, cursor_id
from teams.access import Principal, fetch, visible_to
from teams.models import Role
from teams.refusals import Invalid

SHOWN_USES = 20


@dataclass(frozen=True, slots=True)
class DataSetDetail:
    """A set with one of its versions."""

    data_set: DataSet
    version: DataSetVersion


@dataclass(frozen=True, slots=True)
class Uses:
    """The newest batches of a set, and its schedules, up to ``SHOWN_USES`` of each."""

    batches: Sequence[Batch]
    schedules: Sequence[Schedule]


def own_data_set(who: Principal, name: str, role: Role = Role.VIEWER) -> DataSet:
    """Also one that is archived. Raises as ``fetch`` does."""
    return fetch(DataSet, who, role, name=name, related=("team", "created_by"))


def locked_revision(data_set: DataSet) -> int:
    """The set's revision, which nobody changes until the transaction ends. ``Http404`` if it was deleted."""
    found = DataSet.objects.select_for_update(no_key=True).filter(pk=data_set.pk)
    revision = found.values_list("revision", flat=True).first()
    if revision is None:
        raise Http404("No such data set.")
    return revision


def list_data_sets(who: Principal, *, archived: bool = False, cursor: str = "", limit: int = 50) -> Page[DataSetDetail]:
    """The newest first, each with its newest version. Three queries."""
    found = visible_to(who, DataSet).filter(archived_at__isnull=not archived).select_related("team", "created_by")
    if cursor:
        found = found.filter(pk__lt=cursor_id(cursor))
    sets = list(found.order_by("-pk")[: limit + 1])
    shown = sets[:limit]
    newest = {version.data_set_id: version for version in newest_versions(shown)}
    next_cursor = str(shown[-1].pk) if len(sets) > limit else ""
    return Page([DataSetDetail(one, newest[one.pk]) for one in shown if one.pk in newest], next_cursor)


def newest_versions(sets: Sequence[DataSet]) -> QuerySet[DataSetVersion]:
    """Two queries; the first is made at once."""
    last = DataSetVersion.objects.filter(data_set=OuterRef("pk")).order_by("-number").values("pk")[:1]
    ids = DataSet.objects.filter(pk__in=[one.pk for one in sets]).values_list(Subquery(last), flat=True)
    return DataSetVersion.objects.filter(pk__in=list(ids)).select_related("created_by")


def page_of_versions(data_set: DataSet, *, cursor: str = "", limit: int = 20) -> Page[DataSetVersion]:
    """The newest first. The cursor is a version's number."""
    found = DataSetVersion.objects.filter(data_set=data_set).select_related("data_set", "created_by")
    if cursor:
        found = found.filter(number__lt=_number(cursor))
    versions = list(found.order_by("-number")[: limit + 1])
    shown = versions[:limit]
    return Page(shown, str(shown[-1].number) if len(versions) > limit else "")


def page_of_rows(version: DataSetVersion, *, cursor: str = "", limit: int = 100) -> Page[DataSetRow]:
    """In their order. The cursor is a row's number. One query."""
    found = list(rows_behind(version, _number(cursor) if cursor else 0)[: limit + 1])
    shown = found[:limit]
    return Page(shown, str(shown[-1].position) if len(found) > limit else "")


def uses_of(data_set: DataSet) -> Uses:
    """Two queries."""
    batches = Batch.objects.filter(data_set_version__data_set=data_set).select_related("data_set_version", "crew")
    schedules = Schedule.objects.filter(data_set=data_set).select_related("data_set_version", "crew")
    return Uses(list(batches.order_by("-pk")[:SHOWN_USES]), list(schedules.order_by("-pk")[:SHOWN_USES]))


def _number(cursor: str) -> int:
    if not (cursor.isascii() and cursor.isdigit() and len(cursor) <= 9):
        raise Invalid("The cursor is not one of ours.", fields={"cursor": "Start from the first page."})
    return int(cursor)
