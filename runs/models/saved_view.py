"""What somebody wants to see of the runs again: a filter, an order and columns under a name."""

from __future__ import annotations

from django.conf import settings
from django.db import models
from django.db.models.functions import Lower, Now

from teams.models import Team


class SavedView(models.Model):
    """A person's own within the team, or the team's."""

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
