"""Calls as rows of a table, drawn here: as a template, a dozen of them took a third of the page's time."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from html import escape

from django.urls import reverse
from django.utils.safestring import SafeString

from runs.models import Call, Run
from runs.run.call_tree import CallRow
from runs.run.drawing.text import truncated, words_of
from runs.run.queries import FIRST_CHARS
from runs.templatetags.money import usd
from runs.templatetags.times import aged, ticking, took
from runs.templatetags.words import state, word
from runs.words import REFUSERS
from teams.access import Principal

NO_TOKENS = '<td class="n"></td><td class="n"></td><td class="n"></td>\n'
WITHIN = '<span class="visually-hidden">A co-worker\'s, within the delegation above: </span>'
ESTIMATED = (
    '<span class="label-of" title="The provider reported no usable figures, so the tokens were counted here">'
    "estimated</span> "
)


def call_rows(
    who: Principal, run: Run, lines: Iterable[CallRow], roles: Mapping[str, str], *, of_task: bool = False
) -> SafeString:
    """``lines`` are calls as ``queries.calls_of`` reads them. ``of_task``: all are of one task, which is not named.

    Every text that people or models wrote is escaped here. Parts are joined and not formatted: what Django marks as
    safe is formatted by way of a method in Python.
    """
    base = reverse("run_calls", kwargs={"team": who.team.slug, "run_id": run.pk})
    return SafeString("".join(_row(line, base, roles, of_task) for line in lines))


def _row(line: CallRow, base: str, roles: Mapping[str, str], of_task: bool) -> str:
    call, title = line.call, escape(line.call.title)
    agent = escape(truncated(roles.get(call.agent, call.agent), 60))
    below, within = (' class="below"', WITHIN) if line.depth else ("", "")
    of_agent = f'<div class="quiet">{agent}</div>' if of_task else ""
    error = f'<div class="bad clip">{escape(truncated(call.error, 120))}</div>' if call.error else ""
    task = ""
    if not of_task:
        task = f'<td class="break task-of" data-label="Task">{_task(call)}<div class="quiet">{agent}</div></td>\n'
    link = f'<a href="{base}{call.pk}/" title="{title}">{escape(said(call))}</a>'
    return f"""<tr{below}>
<td class="grow">{within}{link} {_labels(call)}{of_agent}{error}</td>
<td class="break model-of" data-label="By">{title}</td>
{task}<td data-label="">{state(call.state)}</td>
{_tokens(call)}<td class="n" data-label="Cost">{_cost(call)}</td>
<td class="n" data-label="Time">{_time(call)}</td>
</tr>
"""


def said(call: Call) -> str:
    """The first words of what a model answered or a tool was called with; else what there is in their place."""
    text = str(getattr(call, "said", "") or "")
    if words := words_of(text) if call.kind == "model" else " ".join(text.split()):
        return f"{words}…" if len(text) == FIRST_CHARS else words
    if call.state == "intent":
        return "No answer yet"
    if call.kind == "task":
        return "An earlier run's output"
    if call.kind == "tool":
        return "Called with nothing"
    if call.finish_reason == "tool_calls":
        return "Asks for tools"
    return "Its answer" if call.state in ("ok", "late") else "No answer"


def _task(call: Call) -> str:
    return escape(truncated(call.task_run.name, 60)) if call.task_run is not None else "the crew"


def _labels(call: Call) -> str:
    labels: list[str] = []
    if call.kind == "tool":
        labels.append(_label("tool"))
    if call.purpose != "work":
        labels.append(_label(word(call.purpose)))
    if call.refused_by:
        labels.append(_label(f"rejected by {REFUSERS[call.refused_by]}", " warn"))
    if call.attempt > 1:
        labels.append(_label(f"attempt {call.attempt}", " warn"))
    if call.cache_hit:
        age = "" if call.cache_age_s is None else f", {aged(call.cache_age_s)} old"
        labels.append(_label(f"reused{age}", " good"))
    if call.usage_estimated:
        labels.append(ESTIMATED)
    return "".join(labels)


def _label(text: str, kind: str = "") -> str:
    return f'<span class="label-of{kind}">{escape(text)}</span> '


def _tokens(call: Call) -> str:
    if call.kind != "model":
        return NO_TOKENS
    prompt, cached = f"{call.prompt_tokens:,}", f"{call.cached_prompt_tokens:,}"
    return f"""<td class="n" data-label="In">{prompt}</td><td class="n" data-label="Cached">{cached}</td>
<td class="n" data-label="Out">{call.completion_tokens:,}</td>
"""


def _cost(call: Call) -> str:
    if call.kind == "tool":
        cost = ""
    elif call.state == "intent":
        held = usd(call.reserved_nusd)
        cost = f'<span class="quiet" title="Held until the call ends: the most that it can cost">≤ {held}</span>'
    else:
        cost = usd(call.cost_nusd)
    return f'{cost}<div class="good">saved {usd(call.saved_nusd)}</div>' if call.saved_nusd else cost


def _time(call: Call) -> str:
    time = ticking(call.started_at) if call.state == "intent" else took(call.latency_ms)
    if not call.waited_ms:
        return time
    return f'{time}<div class="quiet" title="{_why_waited(call)}">waited {took(call.waited_ms)}</div>'


def _why_waited(call: Call) -> str:
    rate_ms = call.waited_ms - call.budget_ms
    whys = [f"{took(rate_ms)} for its turn at the provider"] * bool(rate_ms)
    whys += [f"{took(call.budget_ms)} for money that calls in flight held"] * bool(call.budget_ms)
    return f"Before it was made it waited {', '.join(whys)}"
