"""What a run of a crew takes: seconds, money, and requests of each key's models. By the crew's last runs; where none
has succeeded yet, by the length of its texts."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from uuid import UUID

from django.db.models import Count, Q, Sum
from django.db.models.functions import Coalesce

from agents_app.models import Crew
from engine.catalogue.model_ids import is_simulated, real_id
from engine.catalogue.pricing import Usage, cost_usd
from engine.record.journal import CallKind
from engine.simulated.speed import speed_of
from engine.spec.crew_spec import AgentSpec, CrewSpec, LLMSpec, TaskSpec
from runs.ledger.prices import TeamPrices
from runs.models import Call, Run
from runs.money import to_nusd
from runs.run.estimates import HISTORY
from runs.states import RunState
from teams.credentials import TeamCredentials
from teams.models import Team

CHARS_A_TOKEN = 4
FRAME_TOKENS = 200
"""Of each request, besides the crew's texts: what an agent is told of how to answer."""


@dataclass(frozen=True, slots=True)
class Asked:
    """What one run asks of a model by a key, on average."""

    credential: str  # as a call has it
    model: str
    requests: float
    tokens: float
    busy_ms: float  # the length of its requests, one after the other


@dataclass(frozen=True, slots=True)
class Needs:
    """``took_ms`` and ``cost_nusd`` are of single runs, those of cost as far as their calls are priced; without runs
    they are the least and the most that is likely."""

    runs: int  # they come from; 0: from the crew's texts
    took_ms: Sequence[float]
    cost_nusd: Sequence[float]
    asked: Sequence[Asked]


@dataclass(frozen=True, slots=True)
class Guess:
    """How often a task asks its model, and how long each answer is."""

    requests: int
    answer_tokens: int


LEAST, MOST = Guess(requests=1, answer_tokens=100), Guess(requests=2, answer_tokens=1_000)


def needs_of(crew: Crew, spec: CrewSpec, *, simulated: bool, input_chars: int) -> Needs | None:
    """``input_chars``: of the inputs of one row, on average. None where nothing is known: a model has no price and no
    run has succeeded. At most four queries."""
    succeeded = Run.objects.filter(crew=crew, simulated=simulated, state=RunState.SUCCEEDED, ended_ms__gte=0)
    newest = succeeded.order_by("-pk").values_list("pk", "ended_ms", "spent_nusd", "unpriced_calls")
    found = list(newest[:HISTORY])
    if not found:
        return _by_texts(crew.team, spec, simulated=simulated, input_chars=input_chars)
    return Needs(
        runs=len(found),
        took_ms=[max(1.0, ms) for _, ms, _, _ in found],  # simulated ones may take no time, and paces are shares of it
        cost_nusd=[float(nusd) for _, _, nusd, unpriced in found if not unpriced],
        asked=_asked([pk for pk, *_ in found]) if not simulated else (),
    )


def _asked(runs: Sequence[UUID]) -> list[Asked]:
    calls = Call.objects.filter(~Q(credential=""), run__in=runs, kind=CallKind.MODEL, cache_hit=False).order_by()
    sums = calls.values_list("credential", "model").annotate(
        requests=Count("pk"),
        tokens=Sum("prompt_tokens") + Sum("completion_tokens"),
        busy_ms=Coalesce(Sum("latency_ms"), 0),
    )
    return [Asked(key, model, *(float(total) / len(runs) for total in totals)) for key, model, *totals in sums]


def _by_texts(team: Team, spec: CrewSpec, *, simulated: bool, input_chars: int) -> Needs | None:
    agents = {agent.key: agent for agent in spec.agents}
    asked_by = [(task, agents.get(task.agent or "") or spec.agents[0]) for task in spec.tasks] if agents else []
    if not asked_by:
        return None
    prices = TeamPrices(team, {real_id(agent.llm.model) for _, agent in asked_by})
    keys = TeamCredentials(team)
    took_ms, costs = [], []
    asked: list[Asked] = []
    for guess in (LEAST, MOST):
        took, nusd = 0.0, 0.0
        known = True
        asked = []
        for at, (task, agent) in enumerate(asked_by):
            prompt = _prompt_tokens(task, agent, input_chars) + at * guess.answer_tokens  # earlier answers are read
            busy_ms = guess.requests * speed_of(agent.llm.model).seconds(guess.answer_tokens) * 1000
            took += busy_ms
            usage = Usage(prompt_tokens=prompt, completion_tokens=guess.answer_tokens)
            usd = cost_usd(usage, prices.price(real_id(agent.llm.model)))
            known = known and usd is not None
            nusd += guess.requests * (to_nusd(usd) if usd is not None else 0)
            if not simulated and not is_simulated(agent.llm.model) and (key := _key(keys, agent.llm)):
                tokens = guess.requests * (prompt + guess.answer_tokens)
                asked.append(Asked(key, agent.llm.model, guess.requests, tokens, busy_ms))
        took_ms.append(took)
        if known:
            costs.append(nusd)
    return Needs(runs=0, took_ms=took_ms, cost_nusd=costs, asked=_summed(asked))


def _prompt_tokens(task: TaskSpec, agent: AgentSpec, input_chars: int) -> int:
    texts = (agent.role, agent.goal, agent.backstory, task.description, task.expected_output)
    return FRAME_TOKENS + (sum(map(len, texts)) + input_chars) // CHARS_A_TOKEN


def _key(keys: TeamCredentials, llm: LLMSpec) -> str:
    key = keys.key_for(llm)
    return "" if key is None else str(key)


def _summed(asked: Sequence[Asked]) -> list[Asked]:
    """One of each key and model."""
    found: dict[tuple[str, str], Asked] = {}
    for one in asked:
        place = (one.credential, one.model)
        had = found.get(place) or Asked(*place, 0.0, 0.0, 0.0)
        sums = (had.requests + one.requests, had.tokens + one.tokens, had.busy_ms + one.busy_ms)
        found[place] = Asked(*place, *sums)
    return list(found.values())
