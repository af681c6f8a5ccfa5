"""Inputs that are kept as a data set, for whatever launches batches of them."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from uuid import UUID

from django.db import connection
from django.db.models import QuerySet
from django.http import Http404

from engine.spec.crew_spec import CrewSpec
from engine.spec.placeholders import placeholders
from runs.batches.mapping import MappedTable, mapped, unfilled
from runs.batches.order import MOST_FAULTS, NOT_LAUNCHED, BadRows, RowFault
from runs.batches.table import InputTable
from runs.models import DataSet, DataSetRow, DataSetVersion
from teams.access import Principal, fetch, visible_to
from teams.refusals import Invalid

READ_AT_ONCE = 1_000
MOST_OFFERED = 200
MOST_SAID = 5
"""Columns that do not fit are named up to so many."""
VERSION_MARK = "@"


def named_version(
    who: Principal, named: str, *, field: str = "dataset", not_done: str = NOT_LAUNCHED
) -> DataSetVersion:
    """Of ``leads@3`` the third version, of ``leads`` the newest. ``Invalid`` at the field for what there is not, and
    for a set that is archived; ``not_done`` says what then is not done."""
    name, _, number = named.partition(VERSION_MARK)
    found = visible_to(who, DataSetVersion).filter(data_set__name=name, data_set__archived_at=None)
    if VERSION_MARK in named:
        found = found.filter(number=int(number)) if _is_number(number) else found.none()
    version = found.select_related("data_set").order_by("-number").first()
    if version is None:
        raise Invalid(not_done, fields={field: f"There is no data set {named[:80]}, or it is archived."})
    return version


def names_of_sets(who: Principal) -> list[str]:
    """Of the newest sets that are not archived, to be offered where one is named."""
    found = visible_to(who, DataSet).filter(archived_at=None).order_by("-pk")
    return list(found.values_list("name", flat=True)[:MOST_OFFERED])


def newest_version(data_set: DataSet) -> DataSetVersion:
    """``Http404`` where somebody has deleted the set meanwhile."""
    version = data_set.versions.select_related("data_set").order_by("-number").first()
    if version is None:
        raise Http404("No such data set.")
    return version


def hold(data_set_id: UUID, *, not_done: str = NOT_LAUNCHED) -> None:
    """Keeps the set from being deleted until the transaction ends. ``Invalid`` where it was."""
    with connection.cursor() as cursor:
        cursor.execute("SELECT FROM runs_dataset WHERE id = %s FOR KEY SHARE", [data_set_id])
        if cursor.rowcount == 0:
            raise Invalid(not_done, fields={"dataset": "Somebody has deleted this data set."})


def version_of(who: Principal, data_set: DataSet, number: int | None) -> DataSetVersion:
    """The newest one where no number is given. ``Http404`` if there is none of that number."""
    if number is None:
        return newest_version(data_set)
    if number > 2**31 - 1:
        raise Http404("No such version of the data set.")
    return fetch(DataSetVersion, who, data_set=data_set, number=number, related=("data_set",))


def rows_of(version: DataSetVersion, *, after: int = 0) -> Iterator[DataSetRow]:
    """Its rows in their order, behind the one at ``after``, read some at a time. ``Http404`` where somebody deletes the
    set meanwhile, so that no part of them is taken for all."""
    while after < version.row_count:
        found = rows_behind(version, after)[:READ_AT_ONCE]
        if not (rows := list(found)):
            raise Http404("No such data set.")
        yield from rows
        after = rows[-1].position


def rows_behind(version: DataSetVersion, after: int) -> QuerySet[DataSetRow]:
    rows = DataSetRow.objects.filter(data_set=version.data_set_id, block=version.block)
    return rows.filter(position__gt=after, position__lte=version.row_count).order_by("position")


def table_of(version: DataSetVersion) -> InputTable:
    """As if it had just been read; a row's line is its number."""
    return InputTable(version.columns, [(row.position, row.cells) for row in rows_of(version)])


def misfit(spec: CrewSpec, version: DataSetVersion, chosen: Mapping[str, str]) -> str:
    """Why columns of these names cannot fill the crew's inputs; "" if they can. ``chosen``: of an input its column, ""
    for the crew's own value; of others the column that is called as they are. No row is read."""
    inputs = placeholders(spec)
    said = []
    for name, column in chosen.items():
        if column and name not in inputs:
            said.append(f"The crew takes no input {name}, which the column “{column}” is to fill.")
        elif column and column not in version.columns:
            said.append(f"{version} has no column “{column}”, which is to fill the crew’s {name}.")
    if not said and (missing := unfilled(spec, version.columns, chosen)):
        names = ", ".join(missing)
        said.append(f"No column of {version} fills the crew’s {names}, and the crew has no value of its own.")
    return " ".join(said[:MOST_SAID])


def mapped_rows(spec: CrewSpec, version: DataSetVersion, chosen: Mapping[str, str] | None = None) -> MappedTable:
    """The rows as inputs of a crew, by the columns that are chosen, else by those that are called as its inputs.
    ``Invalid`` at ``dataset`` as ``misfit`` says, ``BadRows`` for wrong cells."""
    if said := misfit(spec, version, chosen or {}):
        raise Invalid(NOT_LAUNCHED, fields={"dataset": said})
    result = mapped(spec, table_of(version), chosen or {})
    if result.faults:
        faults = [RowFault(fault.row, fault.column, fault.message) for fault in result.faults[:MOST_FAULTS]]
        raise BadRows(NOT_LAUNCHED, faults)
    return result


def _is_number(text: str) -> bool:
    return text.isascii() and text.isdigit() and len(text) <= 9
