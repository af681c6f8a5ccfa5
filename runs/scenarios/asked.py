"""What a scenario asks: which calls, and what is changed about them. Read from addresses, bodies and saved rows alike.

One form is kept: the fields of ``Asked.as_json``. What cannot be understood is refused at its field.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, date, datetime
from typing import Any, Literal
from urllib.parse import urlencode

from django.http import QueryDict

from engine.text import is_storable
from runs.history.filters import MAX_CHARS
from runs.months import month_named
from runs.typed_values import whole_number_or_none
from teams.refusals import Invalid

PriceSource = Literal["own", "team", "list"]
PRICES: Mapping[str, str] = {
    "own": "as they were booked",
    "team": "the team’s prices",
    "list": "the price list alone",
}
"""Which prices count, in words. Calls on another model are priced by the team's where it is ``own``."""
MAX_RULES = 200
MAX_MODEL_CHARS = 200
_DAY = re.compile(r"20\d\d-\d\d-\d\d")


@dataclass(frozen=True, slots=True)
class AgentRule:
    """All calls of one agent go to another model. ``crew`` is a slug, ``agent`` a key, "" for calls of no agent."""

    crew: str
    agent: str
    to: str

    @property
    def who(self) -> str:
        return f"{self.crew}/{self.agent}"


@dataclass(frozen=True, slots=True)
class ModelRule:
    """All calls of one model go to another one, but for those of agents with a rule of their own."""

    model: str
    to: str

    @property
    def who(self) -> str:
        return self.model


@dataclass(frozen=True, slots=True)
class Asked:
    """Which calls: those of the runs that fit the filter ``q``, else of a month, a crew, or a crew's month.

    ``simulated`` None: the real ones where there are any. ``at``: prices as they stood at the end of that day; None is
    now. ``hit_percent``: of the tokens of each prompt, how many are read from the provider's cache; None: as it was.
    """

    q: str = ""
    month: date | None = None
    crew: str = ""
    simulated: bool | None = None
    agents: tuple[AgentRule, ...] = ()
    models: tuple[ModelRule, ...] = ()
    prices: PriceSource = "own"
    at: date | None = None
    hit_percent: int | None = None

    @property
    def changes(self) -> bool:
        """Whether anything is changed at all."""
        return bool(self.agents or self.models or self.prices != "own" or self.hit_percent is not None)

    def as_json(self) -> dict[str, Any]:
        return {
            "q": self.q,
            "month": f"{self.month:%Y-%m}" if self.month else "",
            "crew": self.crew,
            "simulated": self.simulated,
            "agents": [{"crew": rule.crew, "agent": rule.agent, "to": rule.to} for rule in self.agents],
            "models": [{"model": rule.model, "to": rule.to} for rule in self.models],
            "prices": self.prices,
            "at": self.at.isoformat() if self.at else "",
            "cache_hit_percent": self.hit_percent,
        }

    @property
    def which_fields(self) -> list[tuple[str, str]]:
        """What of the address says which calls, as fields of a form."""
        simulated = "" if self.simulated is None else "yes" if self.simulated else "no"
        named = {"q": self.q, "month": f"{self.month:%Y-%m}" if self.month else "", "crew": self.crew}
        return [(name, value) for name, value in (named | {"simulated": simulated}).items() if value]

    @property
    def query(self) -> str:
        """The address's query that asks the same."""
        fields = list(self.which_fields)
        fields += [("agent", f"{rule.who} {rule.to}") for rule in self.agents]
        fields += [("model", f"{rule.model} {rule.to}") for rule in self.models]
        fields += [("prices", self.prices)] * (self.prices != "own")
        fields += [("at", self.at.isoformat())] if self.at else []
        fields += [("hit", str(self.hit_percent))] if self.hit_percent is not None else []
        return urlencode(fields)


def of_query(query: QueryDict) -> Asked:
    """What an address asks. Raises ``Invalid``, each fault at the name that the address has for it."""
    agents = [(who.rpartition("/"), to) for who, to in _pairs(query.getlist("agent"), "agent")]
    data = {
        **{name: query.get(name, "") for name in ("q", "month", "crew", "at")},
        "prices": query.get("prices") or "own",
        "simulated": {"yes": True, "no": False}.get(query.get("simulated", "")),
        "agents": [{"crew": crew, "agent": agent, "to": to} for (crew, _, agent), to in agents],
        "models": [{"model": model, "to": to} for model, to in _pairs(query.getlist("model"), "model")],
        "cache_hit_percent": _percent(query.get("hit", "").strip()),
    }
    return of_json(data)


def of_json(data: Mapping[str, Any]) -> Asked:
    """What a body or a saved row asks. Raises ``Invalid``."""
    q, crew = str(data.get("q") or "").strip(), str(data.get("crew") or "").strip()
    month, at = _month(str(data.get("month") or "")), _day(str(data.get("at") or ""))
    _check_which(q, month, crew)
    prices = str(data.get("prices") or "own")
    if prices not in PRICES:
        raise Invalid("There is no such price list.", fields={"prices": f"One of {', '.join(PRICES)}."})
    if at is not None and prices == "own":
        raise Invalid(
            "A date is about a price list.", fields={"at": "Choose the team’s prices or the list for it, or no date."}
        )
    hit = data.get("cache_hit_percent")
    if hit is not None and not 0 <= hit <= 100:
        raise Invalid("No such part of a prompt can be cached.", fields={"hit": "A whole number from 0 to 100."})
    agents = data.get("agents") or ()
    if not all(map(is_storable, (crew, *(str(rule[name]) for rule in agents for name in ("crew", "agent"))))):
        raise Invalid("A name holds a character that no name here can have.", fields={"agent": "Leave it out."})
    by_agent = {(str(rule["crew"]), str(rule["agent"])): _model(rule["to"], "agent") for rule in agents}
    by_model = {_model(rule["model"], "model"): _model(rule["to"], "model") for rule in data.get("models") or ()}
    if len(by_agent) + len(by_model) > MAX_RULES:
        raise Invalid(f"At most {MAX_RULES} agents and models are changed at once.")
    return Asked(
        q=q,
        month=month,
        crew=crew,
        simulated=data.get("simulated"),
        agents=tuple(AgentRule(crew, agent, to) for (crew, agent), to in by_agent.items()),
        models=tuple(ModelRule(model, to) for model, to in by_model.items()),
        prices=prices,  # type: ignore[arg-type]
        at=at,
        hit_percent=hit,
    )


def with_typed(query: QueryDict) -> str | None:
    """The address's query with what the page's form has typed for each agent and model; None if it has no such field.

    The form names its fields ``who.1`` and ``to.1``: nobody types an agent's name into an address.
    """
    if not any(name.startswith("to.") for name in query):
        return None
    kept = query.copy()
    rules: dict[str, list[str]] = {"agent": [], "model": []}
    for name in list(kept):
        kind, _, number = name.partition(".")
        if kind == "to":
            to = " ".join(query.get(name, "").split())[:MAX_MODEL_CHARS]
            for what, written in rules.items():
                if to and (who := query.get(f"{what}.{number}")):
                    written.append(f"{who} {to}")
        if number:
            del kept[name]
    for what, written in rules.items():
        kept.setlist(what, written)
    return urlencode([(name, value) for name, values in kept.lists() for value in values if value])


def _check_which(q: str, month: date | None, crew: str) -> None:
    if q and (month or crew):
        raise Invalid(
            "Name runs by a filter, or a month and a crew, and not both.", fields={"q": "Leave one of them out."}
        )
    if not (q or month or crew):
        raise Invalid("Say which runs are meant.", fields={"q": "A filter of runs, a month, or a crew."})
    if len(q) > MAX_CHARS:
        raise Invalid("The filter is too long.", fields={"q": f"At most {MAX_CHARS} characters."})


def _pairs(texts: Sequence[str], field: str) -> Iterable[tuple[str, str]]:
    for text in texts[: MAX_RULES + 1]:
        first, blank, to = text.strip().partition(" ")
        if not blank:
            message = "Write who, a blank, and the model: support/writer gpt-4o-mini."
            raise Invalid("A change was not understood.", fields={field: message})
        yield first, to.strip()


def _model(text: Any, field: str) -> str:
    model = str(text).strip()
    if not model or len(model) > MAX_MODEL_CHARS or len(model.split()) > 1 or not is_storable(model):
        message = f"Give a model’s id without blanks, of at most {MAX_MODEL_CHARS} characters."
        raise Invalid(f"“{model[:60]}” is no model’s id.", fields={field: message})
    return model


def _percent(text: str) -> int | None:
    if not text:
        return None
    number = whole_number_or_none(text, max_digits=3)
    return -1 if number is None else number


def _month(text: str) -> date | None:
    if not text:
        return None
    found = month_named(text)
    if found is None:
        raise Invalid("There is no such month.", fields={"month": "Write it as 2026-11."})
    return found


def _day(text: str) -> date | None:
    if not text:
        return None
    try:
        day = date.fromisoformat(text) if _DAY.fullmatch(text) else None
    except ValueError:
        day = None
    if day is None:
        raise Invalid("There is no such day.", fields={"at": "Write it as 2026-11-29."})
    if day > datetime.now(UTC).date():
        raise Invalid("Prices of the future are not known.", fields={"at": "Give today or an earlier day."})
    return day
