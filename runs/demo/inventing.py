"""Invents one run: when its tasks and calls began and ended, what they took and what went wrong.

Tokens and seconds spread as real ones do (log-normal). All chance comes from the run's own number and the seed. How a
run is written to the database is not known here.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, field
from math import exp
from random import Random
from statistics import NormalDist

from engine.text import counted
from runs.demo.recipe import Part, Recipe

MS = 1000
SECOND = 1_000_000
"""Times are whole microseconds since 1970."""
LEASE_US = 31 * SECOND
"""How long a lost worker's run stays untouched."""
SPREAD, PACE_SPREAD, TOOL_SPREAD = 0.33, 0.28, 0.6
RETRIED, CANCELLED, TAKEN_OVER, THROTTLED, ESTIMATED = 0.012, 0.008, 0.003, 0.03, 0.004
"""Shares: of requests that are refused once, of runs cancelled and taken over, of requests that wait for their turn, of
requests whose provider reports no usage."""
TOOL_FAILS, TOOL_REPEATS = 0.02, 0.05
CACHED_PROMPT = 0.6
"""The share of follow-up requests of which the provider had the beginning in its cache."""
PREFIX = 1024
REUSED = 0.07
"""The share of requests to a model with a cache that an earlier reply answers."""
ATTEMPTS = 3
TOOL_ANSWER_TOKENS, TOOL_CALL_TOKENS = 420, 26
QUEUE_MS, TOOL_MS, REFUSAL_MS, TURN_MS = 300, 640, 400, 1300
"""In the middle: for a worker, for a tool, for a refusal, for a turn at the provider."""
REFUSED = "The provider answered 503: it is overloaded."
LENGTHS_TO_TELL = (1.2, 1.9)
STARS = (5, 4, 4, 3, 5, 4, 2, 4, 5, 3, 4, 1, 5)
"""Of rated runs, by turns."""
NORMAL_BITS = 12
NORMAL = tuple(NormalDist().inv_cdf((place + 0.5) / (1 << NORMAL_BITS)) for place in range(1 << NORMAL_BITS))
"""Equally likely values of a normal distribution: quicker to draw from than to work out."""


@dataclass(slots=True)
class MadeCall:
    """One line of the ledger. ``step`` and ``attempt`` as in ``runs.models.Call``."""

    part: Part
    kind: str
    step: int
    attempt: int
    started: int
    finished: int
    state: str = "ok"
    cost_class: str = "work"
    refused_by: str = ""
    purpose: str = "work"
    epoch: int = 1
    prompt: int = 0
    cached: int = 0
    completion: int = 0
    reasoning: int = 0
    estimated: bool = False
    counted: int = 0
    reserved: int = 0
    cost: int | None = 0
    cache_hit: bool = False
    cache_age_s: float | None = None
    saved: int | None = None
    waited_ms: int = 0
    tool: str = ""
    asks_tool: str = ""  # the tool that the reply asks for
    remark: str = ""  # what the model was told of its last answer
    error: str = ""
    error_code: str = ""

    def reject(self) -> None:
        """A guardrail refuses its answer. What was taken from a cache cost nothing and stays what it is."""
        if not self.cache_hit:
            self.refused_by, self.cost_class = "guardrail", "rejected"


@dataclass(slots=True)
class MadeTask:
    part: Part
    state: str = "succeeded"
    started: int | None = None
    finished: int = 0
    error: str = ""
    error_code: str = ""
    answer_tokens: int = 0
    calls: list[MadeCall] = field(default_factory=list)


@dataclass(slots=True)
class MadeRun:
    """``sample`` and ``customer`` choose among the recipe's inputs and labels."""

    recipe: Recipe
    chance: Random
    created: int
    started: int
    tasks: list[MadeTask]
    sample: int
    customer: int
    person: int
    finished: int = 0
    state: str = "succeeded"
    error: str = ""
    error_code: str = ""
    cancel_requested: int | None = None
    epoch: int = 1

    @property
    def stars(self) -> int:
        """The rating of whoever launched it: of every eighth that succeeded, and of no nightly one; 0 is none."""
        draw = self.created % 9973  # follows no rhythm of launches
        if self.state != "succeeded" or self.recipe.token_id is not None or draw % 8:
            return 0
        return STARS[draw // 8 % len(STARS)]


def invent(recipe: Recipe, created: int, chance: Random) -> MadeRun:
    """A run of the recipe's version that was launched at that microsecond."""
    queue = round(QUEUE_MS * _around(chance, 0.5)) * MS
    draw = chance.random()
    person = sum(draw >= up_to for up_to in recipe.people_shares)
    run = MadeRun(
        recipe=recipe,
        chance=chance,
        created=created,
        started=created + queue,
        tasks=[],
        sample=chance.randrange(len(recipe.inputs)),
        customer=chance.randrange(len(recipe.metadata)),
        person=recipe.people[person],
    )
    fate = chance.random()
    failing = (recipe.fails_at or chance.choice(recipe.parts).key) if fate < recipe.fails else ""
    taken_over = recipe.fails <= fate < recipe.fails + TAKEN_OVER
    _do_tasks(run, failing, taken_over)
    _end(run)
    if recipe.fails + TAKEN_OVER <= fate < recipe.fails + TAKEN_OVER + CANCELLED:
        _cancel(run, run.started + round((run.finished - run.started) * chance.uniform(0.1, 0.95)))
    return run


def _do_tasks(run: MadeRun, failing: str, taken_over: bool) -> None:
    """Each task as soon as those that it waits for have ended; not those that need the output of a failed one."""
    ended: dict[str, MadeTask] = {}
    dead: set[str] = set()
    for place, part in enumerate(run.recipe.parts):
        begins = max((ended[key].finished for key in part.waits_for), default=run.started) + _gap(run.chance)
        if part.key in dead:
            ended[part.key] = MadeTask(part, "cancelled", None, begins, _NOT_STARTED.format(failing), _DEPENDENCY)
            continue
        task = MadeTask(part, started=begins)
        last = place == len(run.recipe.parts) - 1
        if taken_over and last and all(other.finished <= begins for other in ended.values()):
            begins = _lose_worker(run, task, begins, ended)
        _Work(run, task, begins, sum(ended[key].answer_tokens for key in part.reads)).do(fails=part.key == failing)
        if task.state == "failed":
            dead = {*run.recipe.dependents[part.key]}
        ended[part.key] = task
    run.tasks = list(ended.values())


_NOT_STARTED = "Not started, because it reads the output of {!r}, which failed."
_DEPENDENCY = "dependency_failed"


def _lose_worker(run: MadeRun, task: MadeTask, begins: int, ended: dict[str, MadeTask]) -> int:
    """The worker freezes in the task's first request, and another one takes the run over; when that one goes on."""
    read = sum(ended[key].answer_tokens for key in task.part.reads)
    work = _Work(run, task, begins, read)
    late = work.request(step=0, answers=task.part.answer_tokens)
    late.finished = begins + LEASE_US + SECOND
    late.state, late.cost_class = "late", "duplicate"
    run.epoch = 2
    return begins + LEASE_US


class _Work:
    """One task under way: ``now`` is when its next call begins."""

    def __init__(self, run: MadeRun, task: MadeTask, begins: int, read_tokens: int) -> None:
        self.run, self.task, self.part, self.chance = run, task, task.part, run.chance
        self.now = begins + _gap(run.chance)
        self.prompt = task.part.prompt_tokens + read_tokens
        self.step = 0

    def do(self, *, fails: bool) -> None:
        if fails and not self.part.rejected:
            self._refused_for_good()
        else:
            self._use_tools()
            self._answer(fails)
        self.task.finished = self.now

    def _refused_for_good(self) -> None:
        for attempt in range(1, ATTEMPTS + 1):
            self._refused(attempt)
        self._fail(REFUSED, "provider_down")

    def _fail(self, error: str, code: str) -> None:
        self.task.state, self.task.error, self.task.error_code = "failed", error, code

    def _use_tools(self) -> None:
        if not self.part.tools:
            return
        rounds, draw = 1, self.chance.random()
        for share in self.run.recipe.tool_rounds[:-1]:
            draw -= share
            rounds += draw >= 0
        for number in range(rounds):
            tool = self.part.tools[number % len(self.part.tools)]
            asked = self._ask(answers=TOOL_CALL_TOKENS)
            asked.asks_tool = tool
            self._call_tool(tool, repeated=number > 0 and self.chance.random() < TOOL_REPEATS)

    def _call_tool(self, tool: str, *, repeated: bool) -> None:
        call = MadeCall(self.part, "tool", self.step, 1, self.now, self.now, epoch=self.run.epoch, tool=tool)
        if repeated:
            call.cache_hit, call.cost_class, call.cache_age_s = True, "cache_hit", 4.0
        elif self.chance.random() < TOOL_FAILS:
            call.state, call.cost_class = "error", "failed"
            call.error, call.error_code = "The page did not answer within 20 s.", "tool_failed"
            call.finished += 20 * SECOND
        else:
            call.finished += round(_around(self.chance, TOOL_SPREAD) * TOOL_MS) * MS
        self.task.calls.append(call)
        answered = call.state == "ok"
        self.prompt += round(_around(self.chance, TOOL_SPREAD) * TOOL_ANSWER_TOKENS) if answered else 12
        self.now = call.finished + _gap(self.chance)
        self.step += 1

    def _answer(self, fails: bool) -> None:
        """Answers until one passes. One that fails is refused as often as its task allows."""
        call = self._ask(answers=self.part.answer_tokens)
        again = int(self.chance.random() < self.part.rejected)
        for _ in range(self.part.retries if fails else again):
            call.reject()
            length = self.chance.uniform(*LENGTHS_TO_TELL)
            self.prompt += call.completion + 30
            call = self._ask(answers=self.part.answer_tokens, purpose="guardrail")
            call.remark = f"The answer has {counted(round(90 * length), 'word')}; {self.part.complaint}."
        self.task.answer_tokens = call.completion or self.part.answer_tokens
        if fails:
            call.reject()
            self._fail(
                f"A guardrail refused the answer {counted(self.part.retries + 1, 'time')}: {call.remark}",
                "model_mistake",
            )

    def _ask(self, *, answers: int, purpose: str = "work") -> MadeCall:
        """The next step: a request, perhaps after one that was refused, or an earlier reply in its place."""
        attempt = 1
        if self.part.cache_ttl_s and self.chance.random() < REUSED:
            call = self._reuse(answers)
        else:
            if self.chance.random() < RETRIED:
                self._refused(attempt)
                attempt = 2
            call = self.request(step=self.step, answers=answers, attempt=attempt, purpose=purpose)
        self.now = call.finished + _gap(self.chance)
        self.step += 1
        return call

    def request(self, *, step: int, answers: int, attempt: int = 1, purpose: str = "work") -> MadeCall:
        part, chance = self.part, self.chance
        completion = min(part.max_tokens, max(1, round(answers * _around(chance, SPREAD))))
        waited_ms = round(TURN_MS * _around(chance, 0.7)) if chance.random() < THROTTLED else 0
        started = self.now + waited_ms * MS
        took_ms = part.first_ms + completion * 1000 / part.tokens_per_s
        call = MadeCall(
            part=part,
            kind="model",
            step=step,
            attempt=attempt,
            started=started,
            finished=started + round(took_ms * _around(chance, PACE_SPREAD)) * MS,
            purpose=purpose,
            cost_class="retry" if attempt > 1 else purpose,
            epoch=self.run.epoch,
            prompt=self.prompt,
            completion=completion,
            counted=self.prompt,
            waited_ms=waited_ms,
        )
        self._price(call)
        self.task.calls.append(call)
        return call

    def _price(self, call: MadeCall) -> None:
        part, chance = self.part, self.chance
        if call.step and call.prompt > PREFIX and part.rate is not None and chance.random() < CACHED_PROMPT:
            call.cached = PREFIX if part.rate.cached < part.rate.input else 0
        if part.model.startswith("o4"):
            call.reasoning = call.completion // 2
        call.estimated = chance.random() < ESTIMATED
        if part.rate is None:
            call.cost = None
            return
        call.reserved = part.rate.worst_nusd(call.counted, part.max_tokens)
        call.cost = part.rate.cost_nusd(call.prompt, call.cached, call.completion)

    def _reuse(self, answers: int) -> MadeCall:
        call = MadeCall(self.part, "model", self.step, 1, self.now, self.now + 2 * MS, epoch=self.run.epoch)
        call.cache_hit, call.cost_class = True, "cache_hit"
        call.cache_age_s = round(self.chance.uniform(60, 80_000), 1)
        if self.part.rate is not None:
            call.saved = self.part.rate.cost_nusd(self.prompt, 0, answers)
        self.task.calls.append(call)
        return call

    def _refused(self, attempt: int) -> None:
        """A request that the provider refused, and the pause after it. It costs nothing."""
        call = MadeCall(self.part, "model", self.step, attempt, self.now, self.now, epoch=self.run.epoch)
        call.finished += round(REFUSAL_MS * _around(self.chance, 0.5)) * MS
        call.state, call.cost_class, call.error, call.error_code = "error", "failed", REFUSED, "provider_down"
        call.counted = self.prompt
        if self.part.rate is not None:
            call.reserved = self.part.rate.worst_nusd(self.prompt, self.part.max_tokens)
        self.task.calls.append(call)
        self.now = call.finished + 2 ** (attempt - 1) * SECOND // 2


def _end(run: MadeRun) -> None:
    """When and how the run ended, from how its tasks did."""
    run.finished = max(task.finished for task in run.tasks) + _gap(run.chance)
    failed = next((task for task in run.tasks if task.state == "failed"), None)
    if failed is not None:
        run.state, run.error_code = "failed", failed.error_code
        run.error = f"The task {failed.part.key!r} failed: {failed.error}"


def _cancel(run: MadeRun, moment: int) -> None:
    """Stops the run at that moment: what is in flight is still answered, and nothing new is begun."""
    for task in run.tasks:
        task.calls = [call for call in task.calls if call.started <= moment]
    last = max((call.finished for task in run.tasks for call in task.calls), default=moment)
    run.state, run.error, run.error_code = "cancelled", "Somebody cancelled this run.", "cancelled"
    run.cancel_requested, run.finished = moment, max(moment, last) + _gap(run.chance)
    for task in run.tasks:
        if task.finished <= moment:
            continue
        task.state, task.finished, task.answer_tokens = "cancelled", run.finished, 0
        task.error = task.error_code = ""
        if task.started is not None and task.started > moment:
            task.started = None
    _cut_off(run, moment)


def _cut_off(run: MadeRun, moment: int) -> None:
    """One of four tool calls in flight is not waited for."""
    for call in _calls(run):
        if call.kind == "tool" and call.finished > moment and run.chance.random() < 1 / 4:
            call.state, call.cost_class = "error", "cancelled"
            call.error, call.error_code, call.finished = "Cancelled.", "cancelled", moment + 5 * MS


def _calls(run: MadeRun) -> Iterator[MadeCall]:
    return (call for task in run.tasks for call in task.calls)


def _gap(chance: Random) -> int:
    """Our own time between two calls, in microseconds."""
    return 4 * MS + chance.getrandbits(14)


def _around(chance: Random, spread: float) -> float:
    """A factor of which half lie below 1, log-normal; ``spread`` is the logarithm's deviation."""
    return exp(spread * NORMAL[chance.getrandbits(NORMAL_BITS)])
