"""What people are told by themselves: alerts about budgets, with whether each was mailed and put away; reports of
a week or a month, with who wants them and whether they were mailed; and each person's inbox of a team."""

from __future__ import annotations

from django.conf import settings
from django.db import models
from django.db.models import Q
from django.db.models.functions import Now

from runs.models.fields import not_negative, one_given, one_of
from teams.models import KeptJSON, Team

THRESHOLDS = (50, 80, 100)


class AlertKind(models.TextChoices):
    """Whose budget of the month it is about."""

    TEAM = "team"
    MEMBER = "member"


class Alert(models.Model):
    """A month's budget crossed a threshold. Told once per figure of the budget; the figures are those of that moment.

    100 % is also told of a budget that is 80 % spent and has kept a run from its next call: no call is opened that
    could go beyond a budget, so the last of it may never be spent.
    """

    TEAM_PATH = "team"

    team = models.ForeignKey(Team, on_delete=models.CASCADE, related_name="alerts")
    kind = models.CharField(max_length=6, choices=AlertKind.choices)
    # The member whose budget it is; null: the team's.
    user = models.ForeignKey(settings.AUTH_USER_MODEL, null=True, on_delete=models.CASCADE, related_name="+")
    month = models.DateField(help_text="first day of the month, in UTC")
    threshold = models.PositiveSmallIntegerField(help_text="percent")
    budget_nusd = models.BigIntegerField()
    spent_nusd = models.BigIntegerField()
    reserved_nusd = models.BigIntegerField()
    # Real calls of the month that no price is known of, so that no sum has them; counted up to a thousand.
    unpriced_calls = models.IntegerField(default=0, db_default=0)
    made_at = models.DateTimeField(db_default=Now())

    class Meta:
        constraints = [
            models.UniqueConstraint(
                fields=["team", "kind", "user", "month", "threshold", "budget_nusd"],
                nulls_distinct=False,
                name="alert_once_per_budget_figure",
            ),
            one_of("alert", "kind", AlertKind),
            models.CheckConstraint(condition=Q(threshold__in=THRESHOLDS), name="alert_threshold_known"),
            models.CheckConstraint(
                condition=Q(kind=AlertKind.TEAM, user=None) | Q(kind=AlertKind.MEMBER, user__isnull=False),
                name="alert_of_member_names_one",
            ),
            *not_negative("alert", "budget_nusd", "spent_nusd", "reserved_nusd"),
        ]
        indexes = [models.Index(fields=["team", "-made_at"], name="alert_newest")]

    def __str__(self) -> str:
        return f"{self.threshold} % of {self.kind} in {self.month:%Y-%m}"


class MailState(models.TextChoices):
    """``none``: nothing is to be mailed."""

    NONE = "none"
    DUE = "due"
    SENT = "sent"
    FAILED = "failed"


def _mailed(model: str, due: str) -> list[models.BaseConstraint]:
    """Of rows that are mailed. ``model`` begins the first constraint's name, ``due`` is the second's."""
    is_due = Q(mail=MailState.DUE, next_try_at__isnull=False) | (~Q(mail=MailState.DUE) & Q(next_try_at=None))
    return [one_of(model, "mail", MailState), models.CheckConstraint(condition=is_due, name=due)]


class Notice(models.Model):
    """One alert to one person: whether it was mailed to them, and when they put it away."""

    TEAM_PATH = "alert__team"

    alert = models.ForeignKey(Alert, on_delete=models.CASCADE, related_name="notices")
    user = models.ForeignKey(settings.AUTH_USER_MODEL, on_delete=models.CASCADE, related_name="+")
    dismissed_at = models.DateTimeField(null=True)
    mail = models.CharField(max_length=6, choices=MailState.choices, default=MailState.NONE)
    attempts = models.PositiveSmallIntegerField(default=0)  # to mail it
    next_try_at = models.DateTimeField(null=True)  # set while ``mail`` is ``due``
    error = models.TextField(blank=True)  # of the last attempt

    class Meta:
        constraints = [
            models.UniqueConstraint(fields=["alert", "user"], name="notice_once_per_person"),
            *_mailed("notice", "notice_mailed_again_iff_due"),
        ]
        indexes = [models.Index(fields=["next_try_at"], name="notice_due", condition=Q(mail="due"))]

    def __str__(self) -> str:
        return f"{self.alert_id} to {self.user_id}"


class ReportKind(models.TextChoices):
    """What a report is about: the last whole week, from Monday on, or the last whole month, in UTC."""

    WEEK = "week"
    MONTH = "month"


class ReportWish(models.Model):
    """Which reports one member gets by mail, and since when they want them; null: not."""

    TEAM_PATH = "team"

    team = models.ForeignKey(Team, on_delete=models.CASCADE, related_name="+", db_index=False)
    user = models.ForeignKey(settings.AUTH_USER_MODEL, on_delete=models.CASCADE, related_name="+")
    week_since = models.DateTimeField(null=True)
    month_since = models.DateTimeField(null=True)

    class Meta:
        constraints = [models.UniqueConstraint(fields=["team", "user"], name="report_wish_once_per_member")]

    def __str__(self) -> str:
        return f"reports of {self.team_id} to {self.user_id}"


class Report(models.Model):
    """What a team spent in a week or month, as it was told; made once, whoever wants it by then."""

    TEAM_PATH = "team"

    team = models.ForeignKey(Team, on_delete=models.CASCADE, related_name="+", db_index=False)
    kind = models.CharField(max_length=5, choices=ReportKind.choices)
    begins = models.DateField(help_text="first day of the week or month, in UTC")
    figures = KeptJSON(null=True)  # ``runs.reports.figures.Figures``; null: nothing ran, so nothing was told
    made_at = models.DateTimeField(db_default=Now())

    class Meta:
        constraints = [
            models.UniqueConstraint(fields=["team", "kind", "begins"], name="report_once_per_period"),
            one_of("report", "kind", ReportKind),
        ]

    def __str__(self) -> str:
        return f"{self.kind} of {self.begins} in {self.team_id}"


class ReportMail(models.Model):
    """One report to one person: whether it was mailed. Like ``Notice``."""

    TEAM_PATH = "report__team"

    report = models.ForeignKey(Report, on_delete=models.CASCADE, related_name="mails", db_index=False)
    user = models.ForeignKey(settings.AUTH_USER_MODEL, on_delete=models.CASCADE, related_name="+")
    mail = models.CharField(max_length=6, choices=MailState.choices, default=MailState.DUE)
    attempts = models.PositiveSmallIntegerField(default=0)
    next_try_at = models.DateTimeField(null=True, db_default=Now())  # set while ``mail`` is ``due``
    error = models.TextField(blank=True)  # of the last attempt

    class Meta:
        constraints = [
            models.UniqueConstraint(fields=["report", "user"], name="report_mail_once_per_person"),
            *_mailed("report_mail", "report_mail_tried_again_iff_due"),
        ]
        indexes = [models.Index(fields=["next_try_at"], name="report_mail_due", condition=Q(mail="due"))]

    def __str__(self) -> str:
        return f"{self.report_id} to {self.user_id}"


class InboxWish(models.TextChoices):
    """Of what a member is told. ``mine``: what names them, waits for them, or is about something of theirs."""

    ALL = "all", "Everything that is said in the team"
    MINE = "mine", "What names me, waits for me, or is about something of mine"
    NONE = "none", "Nothing"


class InboxChoice(models.Model):
    """What one member chose; without a row it is ``mine``, also by mail."""

    TEAM_PATH = "team"

    team = models.ForeignKey(Team, on_delete=models.CASCADE, related_name="+", db_index=False)
    user = models.ForeignKey(settings.AUTH_USER_MODEL, on_delete=models.CASCADE, related_name="+")
    wish = models.CharField(max_length=4, choices=InboxWish.choices, default=InboxWish.MINE)
    by_mail = models.BooleanField(default=True)

    class Meta:
        constraints = [
            models.UniqueConstraint(fields=["team", "user"], name="inbox_choice_once_per_member"),
            one_of("inbox_choice", "wish", InboxWish),
        ]

    def __str__(self) -> str:
        return f"{self.wish} of {self.team_id} to {self.user_id}"


class InboxMail(models.Model):
    """One mail with what was new to one member. Like ``Notice``."""

    TEAM_PATH = "team"

    team = models.ForeignKey(Team, on_delete=models.CASCADE, related_name="+", db_index=False)
    user = models.ForeignKey(settings.AUTH_USER_MODEL, on_delete=models.CASCADE, related_name="+", db_index=False)
    made_at = models.DateTimeField(db_default=Now())
    mail = models.CharField(max_length=6, choices=MailState.choices, default=MailState.DUE)
    attempts = models.PositiveSmallIntegerField(default=0)
    next_try_at = models.DateTimeField(null=True, db_default=Now())  # set while ``mail`` is ``due``
    error = models.TextField(blank=True)  # of the last attempt

    class Meta:
        constraints = [
            *_mailed("inbox_mail", "inbox_mail_tried_again_iff_due"),
        ]
        indexes = [
            models.Index(fields=["next_try_at"], name="inbox_mail_due", condition=Q(mail="due")),
            models.Index(fields=["user", "made_at"], name="inbox_mail_last"),
        ]

    def __str__(self) -> str:
        return f"to {self.user_id} of {self.team_id}"


class InboxKind(models.TextChoices):
    """Why a member is told."""

    MENTION = "mention"
    COMMENT = "comment"
    WAITS = "waits"
    ALERT = "alert"
    SCHEDULE = "schedule"


class InboxEntry(models.Model):
    """One thing that one member is told: a comment, a run that waits for a person, an alert, or what became of one of a
    schedule's times."""

    TEAM_PATH = "team"

    team = models.ForeignKey(Team, on_delete=models.CASCADE, related_name="+", db_index=False)
    user = models.ForeignKey(settings.AUTH_USER_MODEL, on_delete=models.CASCADE, related_name="+", db_index=False)
    kind = models.CharField(max_length=8, choices=InboxKind.choices)
    comment = models.ForeignKey("runs.Comment", null=True, on_delete=models.CASCADE, related_name="told")
    run = models.ForeignKey("runs.Run", null=True, on_delete=models.CASCADE, related_name="+")
    alert = models.ForeignKey(Alert, null=True, on_delete=models.CASCADE, related_name="+")
    schedule_time = models.ForeignKey("runs.ScheduleTime", null=True, on_delete=models.CASCADE, related_name="+")
    made_at = models.DateTimeField(db_default=Now())
    read_at = models.DateTimeField(null=True)
    mail_due = models.BooleanField(default=False)  # in the next mail, unless it is read before
    mail = models.ForeignKey(InboxMail, null=True, on_delete=models.SET_NULL, related_name="entries")

    class Meta:
        constraints = [
            one_of("inbox_entry", "kind", InboxKind),
            models.CheckConstraint(
                condition=one_given("comment", "run", "alert", "schedule_time"), name="inbox_entry_tells_one_thing"
            ),
            models.UniqueConstraint(
                fields=["comment", "user"], condition=Q(comment__isnull=False), name="inbox_entry_once_per_comment"
            ),
        ]
        indexes = [
            models.Index(fields=["user", "team", "id"], name="inbox_of_member"),
            models.Index(fields=["user", "team"], name="inbox_unread", condition=Q(read_at=None)),
            models.Index(fields=["user", "made_at"], name="inbox_to_be_mailed", condition=Q(mail_due=True)),
        ]

    def __str__(self) -> str:
        return f"{self.kind} to {self.user_id}"
