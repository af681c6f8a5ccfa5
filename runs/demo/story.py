"""What a made-up team did: who is in it, which crews it has, how their versions changed and how much they are used.

There is something to find: a version that asks for its summary twice, one that became cheaper by a smaller model, one
that fails more since a date, a crew that was given up and one that is new. Nothing is written here.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field

from agents_app.gallery import builtin
from engine.spec.crew_spec import CrewSpec, LengthGuardrail, Spec, TaskSpec, ToolSpec
from teams.models import Role

Change = Callable[[CrewSpec], CrewSpec]


@dataclass(frozen=True, slots=True)
class Person:
    key: str  # the part of the address before the @
    name: str
    role: Role


@dataclass(frozen=True, slots=True)
class StoryVersion:
    """A version of a crew, and how its runs go. Rates are shares from 0 to 1."""

    since_days: float  # it is in use from so many days before the history's end
    note: str
    by: str  # a person's key
    change: Change = lambda spec: spec  # of the version before, or of the template
    fails: float = 0.02  # of runs
    fails_at: str = ""  # the key of the task at which they do; "": any
    rejects: Mapping[str, float] = field(default_factory=dict)  # of answers, by the key of a task with a guardrail


@dataclass(frozen=True, slots=True)
class StoryCrew:
    """A crew and how it is used. ``weight`` is its part of all runs in an hour at which everybody works."""

    name: str
    template: str  # a built-in one's key
    weight: float
    launched_by: tuple[str, ...]  # people's keys, the busiest first; each launches half as much as the one before
    project: str
    versions: tuple[StoryVersion, ...]
    answers: Mapping[str, int]  # the median of completion tokens, by task key
    until_days: float = 0.0  # it was given up so many days before the end
    weekend: float = 0.12  # how busy it is on Saturdays and Sundays
    tool_rounds: tuple[float, ...] = (0.68, 0.26, 0.06)  # shares of 1, 2, 3 tool calls of a task that has tools
    nightly: bool = False  # launched by a program in the night, and not by people


@dataclass(frozen=True, slots=True)
class KeptAgent:
    """An agent of the team's library: kept from the first of its crews, and changed since. Keys are the same in all."""

    name: str
    key: str
    crews: tuple[str, ...]  # names
    by: str
    since_days: float
    note: str
    goal: str  # since it was changed, which no crew has taken over yet
    changed_days: float
    changed_note: str


TEAM_NAME = "Made-up: Harbour Tools"
CUSTOMERS = ("Alder Bikes", "Kestrel Foods", "Lumen Clinics", "Northgate Rail", "Orchard Homes", "Pike & Daughters")
PEOPLE = (
    Person("ada", "Ada Moreau", Role.OWNER),
    Person("lena", "Lena Horn", Role.EDITOR),
    Person("tomas", "Tomáš Dvořák", Role.EDITOR),
    Person("omar", "Omar Haddad", Role.RUNNER),
    Person("ines", "Inês Prado", Role.RUNNER),
)
SAMPLES: Mapping[str, tuple[str, ...]] = {
    "customer_message": (
        "The mail with the new password never arrives, and I present tomorrow.",
        "Your invoice of last month has the old address on it.",
        "The drill stops after ten minutes and the light blinks red.",
        "Can I change my order from four benches to six before it ships?",
        "I was charged twice for the same delivery.",
        "Does the warranty cover a battery that was left in the cold?",
    ),
    "topic": (
        "Choosing a cordless drill",
        "How to store wood oil safely",
        "Workbenches for small flats",
        "Battery recycling rules this year",
        "Sharpening chisels by hand",
        "What a torque limiter does",
    ),
    "company": CUSTOMERS,
    "company_ticker": ("MSFT", "SAP", "SIE", "AAPL", "ASML", "VOW3"),
    "drug_name": ("Orbit sander", "Harbour bench", "Pilot drill", "Linseed oil", "Anchor clamp", "Tide torch"),
}
"""Values of inputs, by their names in the templates. Other inputs keep the template's sample."""
LIBRARY = (
    KeptAgent(
        name="House editor",
        key="editor",
        crews=("Articles for the shop", "Release notes"),
        by="tomas",
        since_days=37,
        note="As the shop’s articles have it",
        goal="Bring every text into the house’s tone, and name the source of each figure",
        changed_days=4,
        changed_note="Sources are asked for",
    ),
)


def crews() -> tuple[StoryCrew, ...]:
    return (_support(), _old_support(), _articles(), _market(), _briefs(), _profiles(), _news(), _release_notes())


def spec_of(crew: StoryCrew) -> CrewSpec:
    """The template that the crew began with, under the crew's name."""
    template = next(template for template in builtin.templates() if template.key == crew.template)
    return template.spec.model_copy(update={"name": crew.name})


def _support() -> StoryCrew:
    return StoryCrew(
        name="Support replies",
        template="01-customer-support-2-optimised",
        weight=30,
        launched_by=("omar", "ines", "lena"),
        project="support",
        weekend=0.45,
        answers={"analyse": 62, "research": 210, "compose": 340, "review": 300, "summary": 120},
        versions=(
            StoryVersion(400, "First version, with a summary for the ticket", "lena", _with_summary),
            StoryVersion(52, "Calmer tone", "lena", _goal("writer", "Write calm answers that solve the problem")),
            StoryVersion(
                10,
                "Summaries of at most 60 words",
                "tomas",
                _task("summary", guardrails=(LengthGuardrail(max_words=60),)),
                rejects={"summary": 0.97},
            ),
        ),
    )


def _old_support() -> StoryCrew:
    return StoryCrew(
        name="Support replies (old)",
        template="01-customer-support-1-naive",
        weight=4,
        launched_by=("ines",),
        project="support",
        until_days=48,
        answers={"analyse": 310, "research": 380, "compose": 260, "review": 280},
        versions=(StoryVersion(400, "As we tried it first", "ada", fails=0.04),),
    )


def _articles() -> StoryCrew:
    return StoryCrew(
        name="Articles for the shop",
        template="02-content-pipeline-1-naive",
        weight=9,
        launched_by=("tomas", "lena"),
        project="shop",
        answers={"research": 420, "write": 980, "edit": 940, "optimise": 300},
        versions=(
            StoryVersion(400, "From the template", "tomas"),
            StoryVersion(38, "The editor on gpt-4o-mini", "tomas", _model("editor", "gpt-4o-mini")),
        ),
    )


def _market() -> StoryCrew:
    return StoryCrew(
        name="Market watch",
        template="03-financial-analysis-2-optimised",
        weight=0,
        launched_by=("ada",),
        project="market",
        nightly=True,
        answers={"collect": 260, "quantify": 340, "assess": 360, "report": 520},
        versions=(
            StoryVersion(400, "Every night by the scheduler", "ada", fails=0.03),
            StoryVersion(26, "Figures on o4-mini", "ada", _model("quant", "o4-mini"), fails=0.03),
        ),
    )


def _briefs() -> StoryCrew:
    return StoryCrew(
        name="Prospect briefs",
        template="04-company-brief-2-optimised",
        weight=18,
        launched_by=("ines", "omar"),
        project="sales",
        answers={"financials": 240, "headlines": 260, "brief": 430},
        versions=(
            StoryVersion(400, "Two searches at once", "lena", fails=0.015),
            StoryVersion(31, "The brief weighs what was found", "lena", _goal("senior", "Weigh all that was found")),
        ),
    )


def _profiles() -> StoryCrew:
    return StoryCrew(
        name="Product profiles",
        template="05-drug-profile-2-optimised",
        weight=8,
        launched_by=("lena", "tomas"),
        project="shop",
        answers={"pharmacology": 240, "regulatory": 230, "market": 240, "profile": 560},
        versions=(
            StoryVersion(400, "Three views of a product", "lena", _search("regulatory", "market")),
            StoryVersion(
                21,
                "The profile keeps to 90 words",
                "tomas",
                _task("profile", guardrails=(LengthGuardrail(max_words=90),), guardrail_max_retries=1),
                fails=0.16,
                fails_at="profile",
                rejects={"profile": 0.35},
            ),
        ),
    )


def _news() -> StoryCrew:
    return StoryCrew(
        name="News digest",
        template="06-topic-research-2-optimised",
        weight=14,
        launched_by=("ada", "tomas", "ines"),
        project="market",
        answers={"research": 260, "summarise": 120},
        tool_rounds=(0.1, 0.5, 0.4),
        versions=(
            StoryVersion(400, "From the template", "ada", _cached("researcher")),
            StoryVersion(72, "A trial of our own model", "tomas", _model("researcher", "hosted_vllm/harbour-12b")),
            StoryVersion(66, "Back: too slow", "tomas", _model("researcher", "gpt-4o-mini")),
        ),
    )


def _release_notes() -> StoryCrew:
    return StoryCrew(
        name="Release notes",
        template="02-content-pipeline-2-optimised",
        weight=7,
        launched_by=("lena",),
        project="engineering",
        answers={"research": 260, "write": 620, "edit": 600, "metadata": 60},
        versions=(StoryVersion(13, "New this month", "lena"),),
    )


def _with_summary(spec: CrewSpec) -> CrewSpec:
    """A last task that reads what was found and answered, and is written by whoever writes the answer."""
    summary = TaskSpec(
        key="summary",
        name="Summary for the ticket",
        description="Sum up what the customer wanted and what we answered, for the next colleague.",
        expected_output="A few sentences",
        agent=spec.tasks[2].agent,
        context=tuple(task.key for task in spec.tasks[1:]),
    )
    return spec.model_copy(update={"tasks": (*spec.tasks, summary)})


def _model(agent: str, model: str) -> Change:
    return _agent(agent, lambda old: {"llm": old.llm.model_copy(update={"model": model})})


def _cached(agent: str) -> Change:
    return _agent(agent, lambda old: {"llm": old.llm.model_copy(update={"cache_ttl_s": 86_400})})


def _goal(agent: str, goal: str) -> Change:
    return _agent(agent, lambda old: {"goal": goal})


def _search(*agents: str) -> Change:
    def change(spec: CrewSpec) -> CrewSpec:
        for agent in agents:
            spec = _agent(agent, lambda _: {"tools": (ToolSpec(name="web_search"),)})(spec)
        return spec

    return change


def _agent(key: str, changes: Callable[..., dict[str, object]]) -> Change:
    return lambda spec: spec.model_copy(update={"agents": _changed(spec.agents, key, changes)})


def _task(key: str, **values: object) -> Change:
    return lambda spec: spec.model_copy(update={"tasks": _changed(spec.tasks, key, lambda old: values)})


def _changed(parts: tuple[Spec, ...], key: str, changes: Callable[..., dict[str, object]]) -> tuple[Spec, ...]:
    """The parts, with that one changed. Raises ``LookupError`` if the template has no such part any more."""
    if all(part.key != key for part in parts):  # type: ignore[attr-defined]
        raise LookupError(f"The template has no {key!r}.")
    return tuple(part.model_copy(update=changes(part)) if part.key == key else part for part in parts)  # type: ignore[attr-defined]
