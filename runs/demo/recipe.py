"""What the runs of one version are made of: its tasks in the plan's order, their models, prices, tools and texts.

It is worked out once for a version, so that a run costs little. No chance comes into it.
"""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import dataclass
from decimal import Decimal
from typing import Any

from engine.catalogue.price_list import DefaultPrices
from engine.catalogue.pricing import Price
from engine.providers.instances import instance_of
from engine.spec.crew_spec import AgentSpec, CrewSpec, TaskSpec
from engine.spec.placeholders import placeholders
from engine.spec.plan import make_plan
from runs.demo.story import CUSTOMERS, SAMPLES, StoryCrew, StoryVersion

TOKENS_PER_CHARACTER = 0.25
PROMPT_MARGIN = 24
"""Tokens of a prompt besides its texts."""
TOKENS_PER_TOOL = 70
USUAL_ANSWER = 300
USUAL_MAX_TOKENS = 4096
PRICE_UNIT = Decimal("1e-10")
WORST_FACTOR_NUMERATOR, WORST_FACTOR_DENOMINATOR, WORST_MARGIN = 6, 5, 200
HALF = 5_000_000
PRICE_PER_NUSD = 10_000_000
"""Tokens times 1e-10 USD per million tokens, in 1e-9 USD."""
SPEEDS = {"gpt-4": (850, 38), "gpt-4o": (430, 82), "gpt-4o-mini": (360, 96), "o4-mini": (1900, 105)}
USUAL_SPEED = (700, 30)
"""Milliseconds to the first token, and tokens a second."""


@dataclass(frozen=True, slots=True)
class Rate:
    """A model's price in whole 1e-10 USD per million tokens, so that costs are whole numbers' arithmetic."""

    price: Price
    input: int
    output: int
    cached: int

    def cost_nusd(self, prompt: int, cached: int, completion: int) -> int:
        """The same as ``pricing.cost_usd``: exact, rounded once, half up."""
        tokens = (prompt - cached) * self.input + cached * self.cached + completion * self.output
        return (tokens + HALF) // PRICE_PER_NUSD

    def parts_nusd(self, prompt: int, cached: int, completion: int) -> tuple[int, int, int]:
        """What ``cost_nusd`` is made of: prompt, cached prompt and answer, rounded as in ``pricing.charge_of``."""
        exact = ((prompt - cached) * self.input, cached * self.cached, completion * self.output)
        whole = [part // PRICE_PER_NUSD for part in exact]
        rest = (sum(exact) + HALF) // PRICE_PER_NUSD - sum(whole)
        for place in sorted(range(3), key=lambda place: -(exact[place] % PRICE_PER_NUSD))[:rest]:
            whole[place] += 1
        return whole[0], whole[1], whole[2]

    def worst_nusd(self, prompt: int, max_tokens: int) -> int:
        """The same as ``pricing.worst_case_usd``."""
        most = prompt * WORST_FACTOR_NUMERATOR + WORST_MARGIN * WORST_FACTOR_DENOMINATOR
        tokens = most * max(self.input, self.cached) + WORST_FACTOR_DENOMINATOR * max_tokens * self.output
        unit = WORST_FACTOR_DENOMINATOR * PRICE_PER_NUSD
        return (tokens + unit // 2) // unit


@dataclass(frozen=True, slots=True, eq=False)
class Part:
    """A task as a run goes through it. ``reads`` and ``waits_for`` are keys of tasks."""

    key: str
    position: int
    title: str
    agent: str
    role: str
    model: str
    rate: Rate | None  # None: the price is unknown
    first_ms: int
    tokens_per_s: int
    reads: tuple[str, ...]
    waits_for: frozenset[str]
    prompt_tokens: int  # of its own texts, without what it reads
    answer_tokens: int  # in the middle
    max_tokens: int
    rejected: float  # the share of answers that a guardrail refuses
    retries: int  # how often it is answered again at most
    tools: tuple[str, ...]
    cache_ttl_s: int | None
    params: str  # JSON
    data: str | None  # the answer as JSON, if the task has a schema
    complaint: str


@dataclass(frozen=True, slots=True, eq=False)
class Recipe:
    """A version of a crew, by the ids of its rows."""

    crew_id: int
    version_id: int
    people: tuple[int, ...]  # ids of who launches it, by turns
    people_shares: tuple[float, ...]  # running up, without the last, which is 1
    token_id: int | None
    fails: float
    fails_at: str
    tool_rounds: tuple[float, ...]
    parts: tuple[Part, ...]  # each after those that it waits for
    dependents: Mapping[str, frozenset[str]]
    inputs: tuple[str, ...]  # JSON of samples, one of which a run gets
    topics: tuple[str, ...]  # what each of them is about
    metadata: tuple[str, ...]  # JSON, likewise


@dataclass(frozen=True, slots=True)
class Ids:
    """The rows that a recipe's runs point to."""

    crew: int
    version: int
    people: tuple[int, ...]
    token: int | None


def recipe(crew: StoryCrew, version: StoryVersion, spec: CrewSpec, ids: Ids) -> Recipe:
    plan = make_plan(spec)
    tasks = {task.key: (position, task) for position, task in enumerate(spec.tasks)}
    parts = []
    for key in plan.order:
        position, task = tasks[key]
        agent = spec.agent(task.agent)
        assert agent is not None
        parts.append(_part(crew, version, task, agent, position, plan.context[key], plan.waits_for[key]))
    halves = [0.5**place for place in range(len(ids.people))]
    samples = [_inputs(spec, number) for number in range(len(CUSTOMERS))]
    first_input = next(iter(placeholders(spec)), "")
    return Recipe(
        crew_id=ids.crew,
        version_id=ids.version,
        people=ids.people,
        people_shares=tuple(sum(halves[: place + 1]) / sum(halves) for place in range(len(halves) - 1)),
        token_id=ids.token,
        fails=version.fails,
        fails_at=version.fails_at,
        tool_rounds=crew.tool_rounds,
        parts=tuple(parts),
        dependents={key: plan.dependents(key) for key in plan.order},
        inputs=tuple(json.dumps(sample) for sample in samples),
        topics=tuple(sample.get(first_input, crew.name)[:80] for sample in samples),
        metadata=tuple(json.dumps(_metadata(crew, customer)) for customer in CUSTOMERS),
    )


def _part(
    crew: StoryCrew,
    version: StoryVersion,
    task: TaskSpec,
    agent: AgentSpec,
    position: int,
    reads: tuple[str, ...],
    waits_for: frozenset[str],
) -> Part:
    llm = agent.llm
    tools = tuple(tool.name for tool in (agent.tools if task.tools is None else task.tools))
    texts = (agent.role, agent.goal, agent.backstory, task.description, task.expected_output)
    schema = json.dumps(task.output_schema) if task.output_schema else ""
    characters = sum(map(len, texts)) + len(schema)
    first_ms, tokens_per_s = SPEEDS.get(llm.model, USUAL_SPEED)
    guardrail = next((one for one in task.guardrails if one.kind == "length"), None)
    return Part(
        key=task.key,
        position=position,
        title=task.title,
        agent=agent.key,
        role=agent.role,
        model=llm.model,
        rate=rate_of(DefaultPrices().price(llm.model)),
        first_ms=first_ms,
        tokens_per_s=tokens_per_s,
        reads=reads,
        waits_for=waits_for,
        prompt_tokens=round(characters * TOKENS_PER_CHARACTER) + PROMPT_MARGIN + TOKENS_PER_TOOL * len(tools),
        answer_tokens=crew.answers.get(task.key, USUAL_ANSWER),
        max_tokens=llm.max_tokens or USUAL_MAX_TOKENS,
        rejected=version.rejects.get(task.key, 0.04 if task.guardrails else 0.0),
        retries=task.guardrail_max_retries,
        tools=tools,
        cache_ttl_s=llm.cache_ttl_s,
        params=json.dumps(_params(agent, tools)),
        data=json.dumps(instance_of(task.output_schema, "simulated")) if task.output_schema else None,
        complaint=f"at most {guardrail.max_words} are allowed" if guardrail else "it does not pass",
    )


def rate_of(price: Price | None) -> Rate | None:
    if price is None:
        return None
    assert not price.tiers, "The story's models have one price for all lengths."
    cached = price.input_usd_per_mtok if price.cached_usd_per_mtok is None else price.cached_usd_per_mtok
    prices = (price.input_usd_per_mtok, price.output_usd_per_mtok, cached)
    return Rate(price, *(int(usd / PRICE_UNIT) for usd in prices))


def _params(agent: AgentSpec, tools: tuple[str, ...]) -> dict[str, Any]:
    params: dict[str, Any] = {"max_tokens": agent.llm.max_tokens or USUAL_MAX_TOKENS}
    if agent.llm.temperature is not None:
        params["temperature"] = agent.llm.temperature
    return params | ({"tools": list(tools)} if tools else {})


def _inputs(spec: CrewSpec, number: int) -> dict[str, str]:
    """The template's sample, with other values where the story has some."""
    return {name: SAMPLES[name][number] if name in SAMPLES else value for name, value in spec.inputs.items()}


def _metadata(crew: StoryCrew, customer: str) -> dict[str, str]:
    made_by = {"schedule": "nightly"} if crew.nightly else {"customer": customer}
    return {"project": crew.project} | made_by
