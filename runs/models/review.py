"""What people are asked while a run waits: about a task's answer, a tool call that was lost, or one to be made."""

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
    ``call`` it asks whether that tool call, whose worker was lost, was carried out; with a ``step`` whether the tool
    call of that step may be made. That one is not in the ledger before it is.
    """

    TEAM_PATH = "task_run__run__team"

    task_run = models.ForeignKey(TaskRun, on_delete=models.CASCADE, related_name="reviews")
    # Counts the answers that were shown, from 0; 0 where it is about a call or a request.
    number = models.PositiveSmallIntegerField()
    call = models.OneToOneField(Call, null=True, on_delete=models.CASCADE, related_name="review")
    # The step's branch and number, such as 3.2; "" where it is about an answer or a call.
    step = models.CharField(max_length=60, blank=True, default="", db_default="")
    answer = models.TextField(blank=True)  # the text that was shown: the answer, or the request
    asked_at = models.DateTimeField(db_default=Now())
    approved = models.BooleanField(null=True)  # null: open; about a lost call, whether it was carried out
    comment = models.TextField(blank=True)
    decided_by = models.ForeignKey(settings.AUTH_USER_MODEL, null=True, on_delete=models.SET_NULL, related_name="+")
    decided_at = models.DateTimeField(null=True)

    class Meta:
        ordering = ["task_run", "number"]
        constraints = [
            models.UniqueConstraint(
                fields=["task_run", "number"], condition=Q(call=None, step=""), name="review_once_per_answer"
            ),
            models.UniqueConstraint(fields=["task_run", "step"], condition=~Q(step=""), name="review_once_per_request"),
            models.CheckConstraint(condition=Q(call=None) | Q(step=""), name="review_about_one_thing"),
            models.CheckConstraint(
                condition=Q(approved=None, decided_at=None) | Q(approved__isnull=False, decided_at__isnull=False),
                name="review_decided_at_iff_decided",
            ),
        ]

    def __str__(self) -> str:
        return f"{self.task_run}#{self.number}"

    @property
    def about(self) -> str:
        """``answer``, ``call`` or ``request``."""
        if self.step:
            return "request"
        return "answer" if self.call_id is None else "call"
