"""Writes the log, in the transaction of what it tells of."""

from __future__ import annotations

from django.db import transaction
from django.db.models import Model

from engine.text import storable
from teams.access import Principal
from teams.models import AuditEntry

MAX_OBJECT_CHARS = 300
MAX_DETAIL_CHARS = 300

NAMES = {
    "team.made": "made the team",
    "team.renamed": "renamed the team",
    "team.handed_over": "handed the team over to",
    "team.second_step_wanted": "demanded a second step of everybody in",
    "team.second_step_left": "no longer demands a second step in",
    "member.added": "was made a member by a command:",
    "member.joined": "joined by an invitation:",
    "member.role_changed": "changed the role of",
    "member.removed": "took out of the team",
    "member.left": "left the team:",
    "invitation.made": "invited",
    "invitation.withdrawn": "withdrew the invitation of",
    "program.made": "made the program",
    "program.removed": "removed the program",
    "token.issued": "made the API token",
    "token.revoked": "revoked the API token",
    "key.added": "added the provider key",
    "key.changed": "changed the provider key",
    "key.tested": "tested the provider key",
    "key.removed": "removed the provider key",
    "webhook.added": "added the webhook",
    "webhook.changed": "turned on or off the webhook",
    "webhook.removed": "removed the webhook",
    "webhook.tested": "sent a test to the webhook",
    "delivery.sent_again": "sent again",
    "template.shared": "shared as a template",
    "template.withdrawn": "withdrew the template",
    "template.given": "gave to another team the template",
    "template.copied": "copied the template",
    "crew.original_taken_over": "took over what changed in the original of",
    "agent.kept": "kept in the library the agent",
    "agent.changed": "changed in the library the agent",
    "agent.withdrawn": "withdrew from the library the agent",
    "agent.added": "added to a crew the library's agent",
    "agent.linked": "linked with one of a crew the library's agent",
    "agent.unlinked": "ended a crew's link with the library's agent",
    "agent.taken_over": "took over in a crew what changed in the library's agent",
    "agent.own_kept": "kept what a crew says, against the library's agent",
    "comment.written": "commented",
    "comment.edited": "edited a comment on",
    "comment.removed": "removed a comment on",
    "crew.made": "made the crew",
    "crew.changed": "changed the crew",
    "crew.archived": "archived the crew",
    "version.saved": "saved the version",
    "version.described": "said what this is for:",
    "version.restored": "restored as draft",
    "document.added": "added the document",
    "document.deleted": "deleted the document",
    "run.cancelled": "asked to end the run",
    "run.decided": "answered a question of the run",
    "run.budget_set": "gave another budget to the run",
    "run.resumed": "let go on the run",
    "run.pinned": "made the baseline of its crew the run",
    "run.unpinned": "no longer has as a baseline the run",
    "run.rated_anew": "changed the rating of the run",
    "run.rating_removed": "took back the rating of the run",
    "batch.launched": "launched the batch",
    "batch.paused": "paused the batch",
    "batch.resumed": "let go on the batch",
    "batch.cancelled": "cancelled the batch",
    "batch.retried": "ran failed rows again of the batch",
    "batch.extended": "added rows to the batch",
    "dataset.made": "kept the data set",
    "dataset.versioned": "gave another version to the data set",
    "dataset.extended": "added rows to the data set",
    "dataset.renamed": "renamed the data set",
    "dataset.archived": "archived the data set",
    "dataset.restored": "took back from the archive the data set",
    "dataset.deleted": "deleted the data set",
    "schedule.made": "set the schedule",
    "schedule.changed": "changed the schedule",
    "schedule.paused": "turned off the schedule",
    "schedule.resumed": "turned on the schedule",
    "schedule.launched": "launched by hand the schedule",
    "schedule.removed": "removed the schedule",
    "limits.set": "set the limits of",
    "limits.texts_kept": "set how long texts of runs are kept, of",
    "price.set": "set the price of",
    "price.taken_back": "took back the price of",
    "price.booked": "booked calls that had no price, of",
    "bill.closed": "closed the bill of",
    "check.made": "checked against a provider's export",
    "export.keys_said": "said whose keys are named by",
    "check.removed": "removed the check of",
    "view.saved": "kept the team's view",
    "view.renamed": "renamed the team's view",
    "view.removed": "removed the team's view",
    "scenario.saved": "kept the team's scenario",
    "scenario.renamed": "renamed the team's scenario",
    "scenario.removed": "removed the team's scenario",
    "reports.chosen": "chose reports by mail, for",
}
"""What can be logged, in words that stand before what it was done to."""


def record(who: Principal, action: str, thing: Model, *, name: str = "", **detail: object) -> None:
    """One entry. ``name`` is what the thing is called, where its own words are not enough; ``detail`` what changed, and
    never a secret. Whoever calls it is in a transaction with the change, so that both are kept or neither."""
    if not transaction.get_connection().in_atomic_block:
        raise RuntimeError("An entry is written in the transaction of what it tells of.")
    if action not in NAMES:
        raise ValueError(f"{action!r} has no words")
    AuditEntry.objects.create(
        team=who.team,
        person_id=who.user.pk,
        person=who.user.email,
        way=who.origin.way,
        address=who.origin.address,
        token=who.origin.token,
        action=action,
        object_id=str(thing.pk),
        object=storable(name or str(thing))[:MAX_OBJECT_CHARS],
        detail={key: _short(value) for key, value in detail.items()},
    )


def _short(value: object) -> object:
    return storable(value)[:MAX_DETAIL_CHARS] if isinstance(value, str) else value
