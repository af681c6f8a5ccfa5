"""What people are asked while a run waits: about a task's answer, or about a tool call that was lost."""

from __future__ import annotations

from django.conf import settings
from django.db import models
from django.db.models import Q
from django.db.models.functions import Now

from runs.models.call import Call
from runs.models.run import TaskRun


class Review(models.Model):
    """A question to a person without whose word the task does not go on.

    Without a ``call`` it is about the task's answer; an answer that is sent back leads to the next question. With a
    ``call`` it asks whether that tool call, whose worker was lost, was carried out.
    """

    TEAM_PATH = "task_run__run__team"

    task_run = models.ForeignKey(TaskRun, on_delete=models.CASCADE, related_name="reviews")
    # Counts the answers that were shown, from 0; 0 where it is about a call.
    number = models.PositiveSmallIntegerField()
    call = models.OneToOneField(Call, null=True, on_delete=models.CASCADE, related_name="review")
    answer = models.TextField(blank=True)  # the text that was shown
    asked_at = models.DateTimeField(db_default=Now())
    approved = models.BooleanField(null=True)  # null: open; about a call, whether it was carried out
    comment = models.TextField(blank=True)
    decided_by = models.ForeignKey(settings.AUTH_USER_MODEL, null=True, on_delete=models.SET_NULL, related_name="+")
    decided_at = models.DateTimeField(null=True)

    class Meta:
        ordering = ["task_run", "number"]
        constraints = [
            models.UniqueConstraint(
                fields=["task_run", "number"], condition=Q(call=None), name="review_once_per_answer"
            ),
            models.CheckConstraint(
                condition=Q(approved=None, decided_at=None) | Q(approved__isnull=False, decided_at__isnull=False),
                name="review_decided_at_iff_decided",
            ),
        ]

    def __str__(self) -> str:
        return f"{self.task_run}#{self.number}"

    @property
    def about(self) -> str:
        """``answer`` or ``call``."""
        return "answer" if self.call_id is None else "call"
