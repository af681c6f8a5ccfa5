"""Where the things that the log tells of are found, while they are there. Each wing says it of its own kinds."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Callable, Collection, Iterable, Mapping

from django.db.models import QuerySet
from django.urls import reverse

from teams.access import Principal, visible_to
from teams.models import ApiToken, AuditEntry, Invitation, Membership, ProviderKey, Webhook

Finder = Callable[[Principal, Collection[str]], Mapping[str, str]]
"""The address of each of these objects, by id, without those that are gone. One query at most."""
_FINDERS: dict[str, Finder] = {}


def links(finders: Mapping[str, Finder]) -> None:
    """By kind of object. Said when the application starts."""
    _FINDERS.update(finders)


def on_page(view: str) -> Finder:
    """Of what is listed on one page of the team, there or not."""
    return lambda who, ids: dict.fromkeys(ids, reverse(view, args=[who.team.slug]))


def listed(view: str, rows: Callable[[Principal], QuerySet]) -> Finder:  # type: ignore[type-arg]
    """Of what is listed on one page of the team as long as it is among ``rows``."""

    def found(who: Principal, ids: Collection[str]) -> Mapping[str, str]:
        address = reverse(view, args=[who.team.slug])
        return {str(pk): address for pk in rows(who).filter(pk__in=ids).values_list("pk", flat=True)}

    return found


def of_rows(view: str, rows: Callable[[Principal], QuerySet], **parameters: str) -> Finder:  # type: ignore[type-arg]
    """Of what has a page of its own. ``parameters``: the row's field for each parameter of the page's address."""

    def found(who: Principal, ids: Collection[str]) -> Mapping[str, str]:
        names = list(parameters)
        values = rows(who).filter(pk__in=ids).values_list("pk", *parameters.values())
        kwargs = ((pk, dict(zip(names, row, strict=True))) for pk, *row in values)
        return {str(pk): reverse(view, kwargs={"team": who.team.slug, **named}) for pk, named in kwargs}

    return found


def addresses(who: Principal, entries: Iterable[AuditEntry]) -> Mapping[int, str]:
    """The address of each entry's object by the entry's id, without those that are gone: a query for each kind."""
    of_kind: dict[str, dict[int, str]] = defaultdict(dict)
    for entry in entries:
        of_kind[entry.kind][entry.pk] = entry.object_id
    found: dict[int, str] = {}
    for kind, ids in of_kind.items():
        if kind in _FINDERS:
            known = _FINDERS[kind](who, set(ids.values()))
            found |= {entry: known[pk] for entry, pk in ids.items() if pk in known}
    return found


links(
    {
        "team": on_page("people"),
        "member": listed("people", lambda who: visible_to(who, Membership)),
        "program": listed("programs", lambda who: visible_to(who, Membership)),
        "invitation": listed("people", lambda who: visible_to(who, Invitation).filter(used_at=None, withdrawn_at=None)),
        "token": listed("tokens", lambda who: visible_to(who, ApiToken).filter(revoked_at=None)),
        "key": listed("keys", lambda who: visible_to(who, ProviderKey)),
        "webhook": listed("webhooks", lambda who: visible_to(who, Webhook)),
    }
)
