"""What people do with data sets: make one, give it another version, add rows, rename, archive, delete. Rows never
change."""

from __future__ import annotations

import re
from dataclasses import replace

from django.db import IntegrityError, transaction
from django.db.models import CharField, OuterRef, Subquery, Value
from django.db.models.functions import Cast, Concat, Now
from django.http import Http404

from runs.batches import queries as batch_queries
from runs.batches.kept_inputs import newest_version
from runs.data_sets.rows import NewRows, checked
from runs.models import Batch, DataSet, DataSetRow, DataSetVersion
from teams.access import Principal, require
from teams.audit.record import record
from teams.models import Role
from teams.refusals import Conflict, Invalid

MAX_DATA_SETS = 500
MAX_VERSIONS = 1_000
MAX_NAME_CHARS = 60
ROWS_AT_ONCE = 1_000
MOST_NAMED = 5
NAME = re.compile(r"[a-z0-9]+(?:-[a-z0-9]+)*")
RESERVED = frozenset({"new"})
"""Names that an address of a page has already."""
NAME_RULE = f"Give small letters, digits and hyphens between them, at most {MAX_NAME_CHARS} characters, and not “new”."


@transaction.atomic
def make_data_set(who: Principal, name: str, new: NewRows) -> DataSet:
    """With its first version. ``Invalid`` if the name is taken, also by a set that is archived."""
    require(who, Role.RUNNER)
    _refuse_name(name)
    if DataSet.objects.filter(team=who.team).count() >= MAX_DATA_SETS:
        raise Invalid(f"A team has at most {MAX_DATA_SETS} data sets. Give one that there is another version.")
    data_set = DataSet(team=who.team, name=name, created_by=who.user)
    _save(data_set)
    _keep_version(who, data_set, 1, 1, new)
    _insert(data_set, 1, new, first=1)
    record(who, "dataset.made", data_set, rows=len(new.rows))
    data_set.refresh_from_db()
    return data_set


@transaction.atomic
def add_version(who: Principal, data_set: DataSet, new: NewRows, *, after: int | None = None) -> DataSetVersion:
    """The next version has these rows alone; those before stay as they are. ``Conflict`` if it is archived, or if its
    newest version is another than ``after``, where that is given."""
    data_set = _locked(who, data_set)
    number = _next_number(data_set, after)
    version = _keep_version(who, data_set, number, number, new)
    _insert(data_set, number, new, first=1)
    record(who, "dataset.versioned", data_set, version=number, rows=version.row_count)
    _changed(data_set)
    return version


@transaction.atomic
def add_rows(who: Principal, data_set: DataSet, new: NewRows, *, after: int | None = None) -> DataSetVersion:
    """The next version has the newest one's rows and these behind them. ``Conflict`` as of ``add_version``."""
    data_set = _locked(who, data_set)
    number = _next_number(data_set, after)
    last = newest_version(data_set)
    checked(new.rows, last.columns, before=last.row_count, chars_before=last.chars)
    columns = list(dict.fromkeys([*last.columns, *new.columns]))
    whole = replace(new, columns=columns, chars=last.chars + new.chars)
    version = _keep_version(who, data_set, number, last.block, whole, before=last.row_count)
    _insert(data_set, last.block, new, first=last.row_count + 1)
    record(who, "dataset.extended", data_set, version=number, rows=len(new.rows))
    _changed(data_set)
    return version


def keep_inputs(who: Principal, batch: Batch, name: str) -> DataSet:
    """The inputs of a batch under a name. ``Invalid`` if those of a row were removed as too old."""
    require(who, Role.RUNNER)
    if batch.texts_removed_at is not None or batch.rows.filter(run__texts_removed_at__isnull=False).exists():
        raise Invalid("Inputs of this batch were removed as too old, so that they cannot be kept any more.")
    return make_data_set(who, name, checked([row.inputs for row in batch_queries.all_rows(batch)]))


@transaction.atomic
def change(who: Principal, data_set: DataSet, *, name: str | None = None, archived: bool | None = None) -> DataSet:
    """Renames it, and archives it or takes it back, as far as either is named. ``Invalid`` if the name is taken.

    Batches and schedules that use it go on under its new name. An archived set is offered no more, and schedules that
    use it go off; its versions stay, and so do batches of it.
    """
    data_set = _locked(who, data_set, archived=True)
    if name is not None and name != data_set.name:
        _refuse_name(name)
        before, data_set.name = data_set.name, name
        _save(data_set)
        record(who, "dataset.renamed", data_set, before=before)
    if archived is True and data_set.archived_at is None:
        data_set.archived_at = Now()
        record(who, "dataset.archived", data_set)
    elif archived is False and data_set.archived_at is not None:
        data_set.archived_at = None
        record(who, "dataset.restored", data_set)
    return _changed(data_set)


@transaction.atomic
def delete(who: Principal, data_set: DataSet, *, revision: int | None = None) -> None:
    """With all its versions and rows, for good. Batches of it keep their rows, and say what it was called.

    ``Conflict`` with the names of the schedules that use it, on or off, and where it has changed since it was at
    ``revision``, if one is given."""
    require(who, Role.RUNNER)
    locked = DataSet.objects.select_for_update(of=("self",)).select_related("team").filter(pk=data_set.pk).first()
    if locked is None:
        raise Http404("No such data set.")
    if revision is not None and revision != locked.revision:
        raise Conflict("This data set was changed meanwhile. Look at it, then delete it if that is still right.")
    _refuse_used(locked)
    number = DataSetVersion.objects.filter(pk=OuterRef("data_set_version")).values("number")
    was = Concat(Value(f"{locked.name}@"), Cast(Subquery(number), CharField()))
    batches = Batch.objects.filter(data_set_version__data_set=locked)
    kept = batches.update(data_set_was=was, data_set_version=None)
    versions = list(locked.versions.values_list("block", flat=True))
    for block in sorted(set(versions)):  # so that no statement deletes more rows than a version can have
        DataSetRow.objects.filter(data_set=locked, block=block).delete()
    locked.versions.all().delete()
    record(who, "dataset.deleted", locked, versions=len(versions), batches=kept)
    locked.delete()


def _refuse_used(data_set: DataSet) -> None:
    names = list(data_set.schedules.order_by("pk").values_list("name", flat=True))
    if names:
        named = ", ".join(f"“{name}”" for name in names[:MOST_NAMED])
        more = f" and {len(names) - MOST_NAMED} more" if len(names) > MOST_NAMED else ""
        which, them = ("schedule uses", "it") if len(names) == 1 else ("schedules use", "them")
        raise Conflict(f"{len(names)} {which} it: {named}{more}. Give {them} another data set or remove {them} first.")


def _refuse_name(name: str) -> None:
    if not NAME.fullmatch(name) or len(name) > MAX_NAME_CHARS or name in RESERVED:
        raise Invalid("The data set was not saved.", fields={"name": NAME_RULE})


def _locked(who: Principal, data_set: DataSet, *, archived: bool = False) -> DataSet:
    require(who, Role.RUNNER)
    found = DataSet.objects.select_for_update(no_key=True, of=("self",)).select_related("team")
    locked = found.filter(pk=data_set.pk).first()
    if locked is None:
        raise Http404("No such data set.")
    if locked.archived_at is not None and not archived:
        raise Conflict("This data set is archived. Restore it first.")
    return locked


def _next_number(data_set: DataSet, after: int | None) -> int:
    newest = newest_version(data_set).number
    if after is not None and after != newest:
        raise Conflict(f"Version {newest} was made meanwhile. Look at it, and add your rows if they are not in it.")
    number = newest + 1
    if number > MAX_VERSIONS:
        raise Invalid(f"A data set has at most {MAX_VERSIONS:,} versions. Make another one.")
    return number


def _keep_version(
    who: Principal, data_set: DataSet, number: int, block: int, new: NewRows, *, before: int = 0
) -> DataSetVersion:
    return DataSetVersion.objects.create(
        data_set=data_set,
        number=number,
        block=block,
        row_count=before + len(new.rows),
        chars=new.chars,
        columns=list(new.columns),
        created_by=who.user,
    )


def _insert(data_set: DataSet, block: int, new: NewRows, *, first: int) -> None:
    DataSetRow.objects.bulk_create(
        (
            DataSetRow(data_set=data_set, block=block, position=at, cells=dict(row))
            for at, row in enumerate(new.rows, first)
        ),
        batch_size=ROWS_AT_ONCE,
    )


def _save(data_set: DataSet) -> None:
    try:
        with transaction.atomic():
            data_set.save()
    except IntegrityError as taken:
        said = f"There is a data set {data_set.name} already, perhaps an archived one. Choose another name."
        raise Invalid("The data set was not saved.", fields={"name": said}) from taken


def _changed(data_set: DataSet) -> DataSet:
    data_set.revision += 1
    data_set.save()
    data_set.refresh_from_db()
    return data_set
