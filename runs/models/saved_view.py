"""What somebody wants to see again under a name: a list of runs, or what runs would have cost."""

from __future__ import annotations

from django.conf import settings
from django.db import models
from django.db.models.functions import Lower, Now

from teams.models import KeptJSON, Team


class SavedView(models.Model):
    """A list of runs by filter, order and columns. A person's own within the team, or the team's."""

    TEAM_PATH = "team"

    team = models.ForeignKey(Team, on_delete=models.CASCADE, related_name="saved_views")
    # Null: the team's.
    owner = models.ForeignKey(settings.AUTH_USER_MODEL, null=True, on_delete=models.CASCADE, related_name="+")
    name = models.CharField(max_length=60)
    q = models.CharField(max_length=500, blank=True)  # the typed filter
    sort = models.CharField(max_length=40)
    columns = models.CharField(max_length=200)  # with commas
    changed_by = models.ForeignKey(settings.AUTH_USER_MODEL, null=True, on_delete=models.SET_NULL, related_name="+")
    changed_at = models.DateTimeField(db_default=Now())

    class Meta:
        constraints = [
            models.UniqueConstraint(
                "team", "owner", Lower("name"), nulls_distinct=False, name="saved_view_once_per_name_and_owner"
            ),
        ]

    def __str__(self) -> str:
        return self.name


class Scenario(models.Model):
    """A question of what runs would have cost, under a name, and what was answered when it was saved.

    A person's own within the team, or the team's. Nothing here was spent.
    """

    TEAM_PATH = "team"

    team = models.ForeignKey(Team, on_delete=models.CASCADE, related_name="scenarios")
    # Null: the team's.
    owner = models.ForeignKey(settings.AUTH_USER_MODEL, null=True, on_delete=models.CASCADE, related_name="+")
    name = models.CharField(max_length=60)
    asked = KeptJSON()  # which calls, and what is changed: the fields of ``runs.scenarios.asked``
    calls = models.IntegerField()
    compared_calls = models.IntegerField()  # those whose cost is known on both sides
    real_nusd = models.BigIntegerField()  # what these cost
    changed_nusd = models.BigIntegerField()  # what they would have cost
    answered_at = models.DateTimeField(db_default=Now())
    changed_by = models.ForeignKey(settings.AUTH_USER_MODEL, null=True, on_delete=models.SET_NULL, related_name="+")

    class Meta:
        constraints = [
            models.UniqueConstraint(
                "team", "owner", Lower("name"), nulls_distinct=False, name="scenario_once_per_name_and_owner"
            ),
        ]

    def __str__(self) -> str:
        return self.name
