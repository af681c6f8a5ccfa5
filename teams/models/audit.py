"""The log of what people and programs did in a team. The database refuses to change it."""

from __future__ import annotations

from dataclasses import dataclass

from django.db import models
from django.db.models.functions import Now

from teams.models.kept_json import KeptJSON
from teams.models.people import Team


class Way(models.TextChoices):
    """How somebody asked for something."""

    PAGE = "page", "on a page"
    TOKEN = "token", "by an API token"
    COMMAND = "command", "by a command on the server"


@dataclass(frozen=True, slots=True)
class Origin:
    """Where a request came from. ``token``: the first characters of the API token's secret."""

    way: Way = Way.COMMAND
    address: str = ""  # an IPv4 address or an IPv6 network
    token: str = ""


class AuditEntry(models.Model):
    """Who did what to what, when and from where. Names are those of then, and no entry refers to what may go."""

    TEAM_PATH = "team"

    team = models.ForeignKey(Team, on_delete=models.CASCADE, related_name="+")
    at = models.DateTimeField(db_default=Now())
    person_id = models.BigIntegerField()
    person = models.CharField(max_length=254)  # their e-mail address
    way = models.CharField(max_length=8, choices=Way.choices)
    address = models.CharField(max_length=64, blank=True)
    token = models.CharField(max_length=12, blank=True)
    action = models.CharField(max_length=40)  # as in "member.removed"
    # Of its object: the action's first word.
    kind = models.GeneratedField(
        expression=models.Func(models.F("action"), models.Value("."), models.Value(1), function="split_part"),
        output_field=models.CharField(max_length=40),
        db_persist=True,
    )
    object_id = models.CharField(max_length=40)
    object = models.CharField(max_length=300)  # what it was called
    detail = KeptJSON(default=dict)  # what it was and what it became; never a secret

    class Meta:
        verbose_name_plural = "audit entries"
        indexes = [
            models.Index(fields=["team", "-id"], name="audit_newest"),
            models.Index(fields=["at"], name="audit_oldest"),
            models.Index(fields=["team", "kind", "-id"], name="audit_of_kind"),
            models.Index(fields=["team", "action", "-id"], name="audit_of_action"),
            models.Index(fields=["team", "way", "-id"], name="audit_of_way"),
            models.Index(fields=["team", "at"], name="audit_of_days"),
        ]

    def __str__(self) -> str:
        return f"{self.action}: {self.object}"
