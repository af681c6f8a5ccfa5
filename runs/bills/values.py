"""Values of a bill's dimensions: as the ledger has them, as addresses and the API write them, and as people do."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import date
from typing import Any
from uuid import UUID

from agents_app.models import Crew, CrewVersion
from runs.bill_sums.dimensions import PART, is_dimension, title_of
from runs.bill_sums.sums import Key
from runs.models import Batch
from runs.models.bill_sums import NO_BATCH
from runs.typed_values import uuid_or_none, whole_number_or_none
from runs.words import WORDS
from teams.access import Principal, visible_to
from teams.models import ApiToken, User
from teams.refusals import Invalid

MAX_DIGITS = 18


@dataclass(frozen=True, slots=True)
class Value:
    """``code``: in addresses, files and the API; "" for none. ``name``: for people."""

    code: str
    name: str


NONE_OF: Mapping[str, str] = {
    "model": "no model",
    "credential": "no key",
    "person": "nobody who is known",
    "token": "without a token",
    "batch": "in no batch",
    "waste": "not wasted",
    "class": "no class",
    "kind": "no kind",
}
"""What people read where a dimension has no value. A label has "without <its name>"."""
KINDS: Mapping[str, str] = {"model": "model requests", "tool": "tool calls", "task": "outputs taken over"}


class Names:
    """Values of a team's rows for the keys of sums. A few queries, however many keys there are."""

    def __init__(self, who: Principal, by: Sequence[str], keys: Iterable[Key]) -> None:
        self._by = by
        asked: dict[str, set[Any]] = {name: set() for name in by}
        for key in keys:
            for name, raw in zip(by, key, strict=True):
                asked[name].add(raw)
        self._known = _known(who, asked)
        self._values: dict[tuple[str, Any], Value] = {}

    def of(self, key: Key) -> tuple[Value, ...]:
        return tuple(self._value(name, raw) for name, raw in zip(self._by, key, strict=True))

    def _value(self, name: str, raw: Any) -> Value:
        known = self._values.get((name, raw))
        if known is None:
            known = self._values[name, raw] = self._known.value(name, raw)
        return known


@dataclass(frozen=True, slots=True)
class _Rows:
    crews: Mapping[int, tuple[str, str]]  # slug and name
    versions: Mapping[int, tuple[int, int]]  # crew and number
    people: Mapping[int, str]
    tokens: Mapping[int, str]
    batches: Mapping[UUID, str]

    def value(self, name: str, raw: Any) -> Value:
        if name == "crew":
            return Value(*self.crews[raw])
        if name == "version":
            crew, number = self.versions[raw]
            return Value(f"{self.crews[crew][0]}@{number}", f"{self.crews[crew][1]} v{number}")
        if name == "agent":
            crew_id, _, key = raw.partition("/")
            slug, title = self.crews[int(crew_id)]
            return Value(f"{slug}/{key}", f"{title}: {key or 'the crew itself'}")
        if name in ("person", "token", "batch"):
            return self._of_row(name, raw)
        if name == "day":
            return Value(raw.isoformat(), f"{raw:%a} {raw.day} {raw:%b}")
        return Value(raw, text_name(name, raw))

    def _of_row(self, name: str, pk: Any) -> Value:
        if pk in (0, NO_BATCH):
            return Value("", NONE_OF[name])
        if name == "batch":
            return Value(str(pk), self.batches.get(pk) or str(pk))
        gone = "an account that is gone" if name == "person" else "a token that is gone"
        return Value(str(pk), (self.people if name == "person" else self.tokens).get(pk) or f"{gone} ({pk})")


def text_name(name: str, raw: str) -> str:
    """What people read for a value that is a text of the ledger."""
    if not raw:
        return NONE_OF.get(name) or f"without {title_of(name)}"
    if name in ("class", "waste"):
        return WORDS.get(raw, raw)
    return KINDS.get(raw, raw) if name == "kind" else raw


def _known(who: Principal, asked: Mapping[str, set[Any]]) -> _Rows:
    versions = {}
    if asked.get("version"):
        found_versions = CrewVersion.objects.filter(crew__team=who.team, pk__in=asked["version"])
        versions = {pk: (crew, number) for pk, crew, number in found_versions.values_list("pk", "crew_id", "number")}
    crew_ids = {
        *asked.get("crew", ()),
        *(crew for crew, _ in versions.values()),
        *(int(raw.partition("/")[0]) for raw in asked.get("agent", ())),
    }
    crews = {}
    if crew_ids:
        found_crews = visible_to(who, Crew).filter(pk__in=crew_ids)
        crews = {pk: (slug, name) for pk, slug, name in found_crews.values_list("pk", "slug", "name")}
    people = {}
    if asked.get("person"):
        users = User.objects.filter(pk__in=asked["person"])
        people = {pk: name or email for pk, name, email in users.values_list("pk", "name", "email")}
    tokens = {}
    if asked.get("token"):
        found = visible_to(who, ApiToken).filter(pk__in=asked["token"])
        tokens = {pk: name or f"{prefix}…" for pk, name, prefix in found.values_list("pk", "name", "prefix")}
    batches = {}
    if asked.get("batch"):
        batches = _names_of_batches(who, asked["batch"])
    return _Rows(crews, versions, people, tokens, batches)


def _names_of_batches(who: Principal, asked: set[Any]) -> dict[UUID, str]:
    """Those of the same name with the time of their launch, in UTC, so that they can be told apart."""
    found = list(visible_to(who, Batch).filter(pk__in=asked).values_list("pk", "name", "created_at"))
    times = Counter(name for _, name, _ in found)
    return {pk: f"{name}, {at:%Y-%m-%d %H:%M:%S}" if times[name] > 1 else name for pk, name, at in found}


def raw_of(who: Principal, name: str, code: str, *, field: str = "") -> Any:
    """What the ledger has for a value as addresses write it. ``Invalid`` if there is nothing of the kind.

    ``field``: where the value was given, if not under the dimension's name.
    """
    if name in ("person", "token", "batch", "day"):
        read = _read(name, code)
        if read is not None:
            return read
    elif name in ("crew", "agent"):
        slug, _, key = code.partition("/")
        crew = visible_to(who, Crew).filter(slug=slug).values_list("pk", flat=True).first()
        if crew is not None:
            return crew if name == "crew" else f"{crew}/{key}"
    elif name == "version":
        slug, _, number = code.rpartition("@")
        digits = whole_number_or_none(number, max_digits=9)
        versions = CrewVersion.objects.filter(crew__team=who.team, crew__slug=slug, number=digits or 0)
        if (pk := versions.values_list("pk", flat=True).first()) is not None:
            return pk
    else:
        return code
    raise Invalid(f"There is no {title_of(name)} {code[:80]!r} here.", fields={field or name: "Nothing is named so."})


def _read(name: str, code: str) -> Any:
    """The value of a dimension whose codes need no row to be read; None for what is none."""
    if name == "batch":
        return uuid_or_none(code) if code else NO_BATCH
    if name == "day":
        try:
            return date.fromisoformat(code)
        except ValueError:
            return None
    return whole_number_or_none(code or "0", max_digits=MAX_DIGITS)


def checked_dimensions(names: Iterable[str], *, field: str, parts: bool = True) -> tuple[str, ...]:
    """The names without repeats. ``Invalid`` for one that is no dimension."""
    found = tuple(dict.fromkeys(name for name in names if name))
    for name in found:
        if not (is_dimension(name) or (parts and name == PART)):
            raise Invalid(
                f"{name[:80]!r} is nothing that a bill is divided by.",
                fields={
                    field: "Give crew, version, agent, model, credential, person, token, batch, class, waste, kind, "
                    "day, part or label:NAME."
                },
            )
    return found
