"""Who is told of what. Entries of inboxes are written in the transaction of what they tell of."""

from __future__ import annotations

from collections.abc import Collection, Mapping

from django.conf import settings

from runs.models import Alert, Comment, InboxChoice, InboxEntry, InboxKind, InboxWish, Run, ScheduleTime
from runs.telling.mentions import mentioned
from runs.telling.subjects import Subject
from teams.actions import LOCAL_OWNER_EMAIL
from teams.models import Membership, Role, Team, User


def tell_of_comment(comment: Comment, subject: Subject, *, mentions_alone: bool = False) -> None:
    """Members whom it names; and, if they want to be told, those whose thing it is about, who commented it before, or
    who want to be told of all. Its author is not, and nobody is told of one comment twice."""
    members = _members(subject.team)
    kinds = {user.pk: InboxKind.MENTION for user in mentioned(comment.text, members.values())}
    if not mentions_alone:
        for user in _concerned(subject) | _wanting_all(subject.team):
            kinds.setdefault(user, InboxKind.COMMENT)
    kinds.pop(comment.author_id or 0, None)
    entries = _entries(subject.team, members, kinds)
    for entry in entries:
        entry.comment = comment
    InboxEntry.objects.bulk_create(entries, ignore_conflicts=True)


def tell_of_waiting(run: Run) -> None:
    """A run waits for a person: who launched it, and who wants to be told of all, if they may decide."""
    who = _wanting_all(run.team) | {run.created_by_id or 0}
    entries = _entries(run.team, _members(run.team, least=Role.RUNNER), dict.fromkeys(who, InboxKind.WAITS))
    for entry in entries:
        entry.run = run
    InboxEntry.objects.bulk_create(entries)


def tell_of_alert(alert: Alert, concerned: Collection[int]) -> None:
    """The members whom the alert concerns. It is mailed by itself, at once, so it is in no other mail."""
    entries = _entries(alert.team, _members(alert.team), dict.fromkeys(concerned, InboxKind.ALERT))
    for entry in entries:
        entry.alert, entry.mail_due = alert, False
    InboxEntry.objects.bulk_create(entries)


def tell_of_schedule(time: ScheduleTime, *, with_owners: bool = False) -> None:
    """Its owner, if they are still a member; and the team's owners where nobody else may be there to see to it."""
    schedule = time.schedule
    members = _members(schedule.team)
    concerned = {schedule.owner_id or 0}
    if with_owners:
        owners = Membership.objects.filter(team=schedule.team, role=Role.OWNER)
        concerned |= set(owners.values_list("user_id", flat=True))
    entries = _entries(schedule.team, members, dict.fromkeys(concerned, InboxKind.SCHEDULE))
    for entry in entries:
        entry.schedule_time = time
    InboxEntry.objects.bulk_create(entries)


def _members(team: Team, *, least: Role = Role.VIEWER) -> dict[int, User]:
    """Who may be told: programs have no inbox."""
    people = Membership.objects.filter(team=team, user__is_active=True, user__is_program=False)
    members = people.filter(role__gte=least).select_related("user")
    return {member.user_id: member.user for member in members}


def _concerned(subject: Subject) -> set[int]:
    """Ids of those whose thing it is, and of those who said something about it. A bill is the owners'."""
    wrote = set(subject.comments.exclude(author=None).values_list("author_id", flat=True))
    if subject.owner is not None:
        return wrote | {subject.owner.pk}
    if subject.field != "month":
        return wrote
    owners = Membership.objects.filter(team=subject.team, role=Role.OWNER)
    return wrote | set(owners.values_list("user_id", flat=True))


def _wanting_all(team: Team) -> set[int]:
    return set(InboxChoice.objects.filter(team=team, wish=InboxWish.ALL).values_list("user_id", flat=True))


def _entries(team: Team, members: Mapping[int, User], kinds: Mapping[int, InboxKind]) -> list[InboxEntry]:
    """For each of these members who wants to be told anything; by mail too, if they chose that and have an address."""
    choices = {choice.user_id: choice for choice in InboxChoice.objects.filter(team=team, user__in=kinds)}
    entries = []
    for user, kind in kinds.items():
        choice = choices.get(user)
        if user not in members or (choice is not None and choice.wish == InboxWish.NONE):
            continue
        reachable = settings.EMAIL_READY and members[user].email != LOCAL_OWNER_EMAIL
        by_mail = reachable and (choice is None or choice.by_mail)
        entries.append(InboxEntry(team=team, user=members[user], kind=kind, mail_due=by_mail))
    return entries
