"""A data set: rows of inputs under a name, in versions that never change. Triggers refuse to change them."""

from __future__ import annotations

from django.conf import settings
from django.db import models
from django.db.models import Q
from django.db.models.functions import Now

from runs.models.fields import new_id
from teams.models import KeptJSON, Team


class DataSet(models.Model):
    TEAM_PATH = "team"

    id = models.UUIDField(primary_key=True, default=new_id, editable=False)
    team = models.ForeignKey(Team, on_delete=models.PROTECT, related_name="data_sets", db_index=False)
    name = models.CharField(max_length=60, help_text="small letters, digits and hyphens; its address in the API")
    created_by = models.ForeignKey(settings.AUTH_USER_MODEL, null=True, on_delete=models.SET_NULL, related_name="+")
    created_at = models.DateTimeField(db_default=Now())
    archived_at = models.DateTimeField(null=True)
    revision = models.BigIntegerField(
        default=1
    )  # grows with each version, and with its name and whether it is archived

    class Meta:
        constraints = [models.UniqueConstraint(fields=["team", "name"], name="data_set_once_per_name")]
        indexes = [models.Index(fields=["team", "-id"], name="data_set_team_newest")]

    def __str__(self) -> str:
        return self.name


class DataSetVersion(models.Model):
    """The first ``row_count`` rows of its block. Rows that are added make a version of the same block, so that they
    are kept once; another table begins a block, which has its version's number."""

    TEAM_PATH = "data_set__team"

    data_set = models.ForeignKey(DataSet, on_delete=models.PROTECT, related_name="versions", db_index=False)
    number = models.PositiveIntegerField()  # from 1
    block = models.PositiveIntegerField()
    row_count = models.PositiveIntegerField()
    chars = models.PositiveIntegerField()  # of all its cells together
    columns = KeptJSON(default=list)  # their names, in order
    created_by = models.ForeignKey(settings.AUTH_USER_MODEL, null=True, on_delete=models.SET_NULL, related_name="+")
    created_at = models.DateTimeField(db_default=Now())

    class Meta:
        constraints = [
            models.UniqueConstraint(fields=["data_set", "number"], name="data_set_version_once_per_number"),
            models.CheckConstraint(condition=Q(row_count__gte=1), name="data_set_version_has_rows"),
        ]

    def __str__(self) -> str:
        return f"{self.data_set.name}@{self.number}"


class DataSetRow(models.Model):
    TEAM_PATH = "data_set__team"

    data_set = models.ForeignKey(DataSet, on_delete=models.PROTECT, related_name="rows", db_index=False)
    block = models.PositiveIntegerField()
    position = models.PositiveIntegerField()  # from 1
    cells = KeptJSON(default=dict)  # column to text; what a row does not have is not in it

    class Meta:
        constraints = [
            models.UniqueConstraint(fields=["data_set", "block", "position"], name="data_set_row_once_per_position")
        ]

    def __str__(self) -> str:
        return f"{self.data_set_id}/{self.block}/{self.position}"
