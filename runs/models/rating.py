"""What people, and programs with a token, think: ratings of runs, the run that a crew's others are held against, and
comments on what is in a team."""

from __future__ import annotations

from django.conf import settings
from django.core.validators import MaxValueValidator, MinValueValidator
from django.db import models
from django.db.models import Q
from django.db.models.functions import Now

from agents_app.models import Crew, CrewVersion
from runs.models.fields import one_given
from runs.models.run import Run
from teams.models import ApiToken, Team

LEAST_STARS, MOST_STARS = 1, 5


class Rating(models.Model):
    """How good a run's outcome is. One of each person, and one of each token: a program that judges has its own."""

    TEAM_PATH = "run__team"

    run = models.ForeignKey(Run, on_delete=models.CASCADE, related_name="ratings")
    person = models.ForeignKey(settings.AUTH_USER_MODEL, null=True, on_delete=models.SET_NULL, related_name="+")
    # Null: the person rated it on a page.
    token = models.ForeignKey(ApiToken, null=True, on_delete=models.SET_NULL, related_name="+")
    stars = models.PositiveSmallIntegerField(validators=[MinValueValidator(LEAST_STARS), MaxValueValidator(MOST_STARS)])
    word = models.CharField(max_length=200, blank=True)  # why, in a word
    rated_at = models.DateTimeField(db_default=Now())  # at the last change

    class Meta:
        constraints = [
            models.CheckConstraint(
                condition=Q(stars__gte=LEAST_STARS, stars__lte=MOST_STARS), name="rating_stars_from_1_to_5"
            ),
            models.UniqueConstraint(
                fields=["run", "person"], condition=Q(token=None), name="rating_once_per_run_and_person"
            ),
            models.UniqueConstraint(
                fields=["run", "token"], condition=Q(token__isnull=False), name="rating_once_per_run_and_token"
            ),
        ]

    def __str__(self) -> str:
        return f"{self.stars} of {MOST_STARS} for {self.run_id}"


class Comment(models.Model):
    """A note to a run, a crew, a version or the bill of a month: Markdown, as its author typed it."""

    TEAM_PATH = "team"

    team = models.ForeignKey(Team, on_delete=models.CASCADE, related_name="+", db_index=False)
    run = models.ForeignKey(Run, null=True, on_delete=models.CASCADE, related_name="comments")
    crew = models.ForeignKey(Crew, null=True, on_delete=models.CASCADE, related_name="+")
    version = models.ForeignKey(CrewVersion, null=True, on_delete=models.CASCADE, related_name="+")
    month = models.DateField(null=True, help_text="first day of the bill's month, in UTC")
    author = models.ForeignKey(settings.AUTH_USER_MODEL, null=True, on_delete=models.SET_NULL, related_name="+")
    # Null: it was written on a page.
    token = models.ForeignKey(ApiToken, null=True, on_delete=models.SET_NULL, related_name="+")
    text = models.TextField()
    written_at = models.DateTimeField(db_default=Now())
    edited_at = models.DateTimeField(null=True)  # null: never

    class Meta:
        ordering = ["id"]
        constraints = [
            models.CheckConstraint(
                condition=one_given("run", "crew", "version", "month"), name="comment_is_about_one_thing"
            )
        ]
        indexes = [
            models.Index(fields=["author", "written_at"], name="comment_of_person"),
            models.Index(fields=["team", "month"], name="comment_of_bill", condition=Q(month__isnull=False)),
        ]

    def __str__(self) -> str:
        return self.text[:60]


class PinnedRun(models.Model):
    """A crew's baseline: one among its real runs, and one among its simulated ones, since the two never mix."""

    TEAM_PATH = "crew__team"

    crew = models.ForeignKey(Crew, on_delete=models.CASCADE, related_name="pinned_runs")
    simulated = models.BooleanField()  # the run's own
    run = models.OneToOneField(Run, on_delete=models.CASCADE, related_name="pinned")
    pinned_by = models.ForeignKey(settings.AUTH_USER_MODEL, null=True, on_delete=models.SET_NULL, related_name="+")
    pinned_at = models.DateTimeField(db_default=Now())

    class Meta:
        constraints = [
            models.UniqueConstraint(fields=["crew", "simulated"], name="pinned_run_once_per_crew_and_kind"),
        ]

    def __str__(self) -> str:
        return f"baseline of {self.crew_id}: {self.run_id}"
