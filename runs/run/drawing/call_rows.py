"""Calls as rows of a table, drawn here: as a template, a dozen of them took a third of the page's time."""

from __future__ import annotations

from collections.abc import Iterable, Mapping

from django.template.defaultfilters import truncatechars
from django.urls import reverse
from django.utils.html import format_html
from django.utils.safestring import SafeString

from runs.models import Call, Run
from runs.run.call_tree import CallRow
from runs.run.queries import FIRST_CHARS
from runs.templatetags.money import usd
from runs.templatetags.times import aged, ticking, took
from runs.templatetags.words import state, word
from runs.words import REFUSERS
from teams.access import Principal

ROW = """<tr{below}>
<td class="grow">{within}<a href="{address}" title="{title}">{said}</a> {labels}{agent}{error}</td>
<td class="break model-of" data-label="By">{model}</td>
{task}<td data-label="">{state}</td>
{tokens}<td class="n" data-label="Cost">{cost}</td>
<td class="n" data-label="Time">{time}</td>
</tr>
"""
TASK = '<td class="break task-of" data-label="Task">{}<div class="quiet">{}</div></td>\n'
TOKENS = """<td class="n" data-label="In">{:,}</td><td class="n" data-label="Cached">{:,}</td>
<td class="n" data-label="Out">{:,}</td>
"""
NO_TOKENS = SafeString('<td class="n"></td><td class="n"></td><td class="n"></td>\n')
WITHIN = SafeString('<span class="visually-hidden">A co-worker\'s, within the delegation above: </span>')
ESTIMATED = SafeString(
    '<span class="label-of" title="The provider reported no usable figures, so the tokens were counted here">'
    "estimated</span> "
)
HELD = '<span class="quiet" title="Held until the call ends: the most that it can cost">≤ {}</span>'
WAITED = '<div class="quiet" title="{}">waited {}</div>'


def call_rows(
    who: Principal, run: Run, lines: Iterable[CallRow], roles: Mapping[str, str], *, of_task: bool = False
) -> SafeString:
    """``lines`` are calls as ``queries.calls_of`` reads them. ``of_task``: all are of one task, which is not named.
    What models wrote is escaped."""
    base = reverse("run_calls", kwargs={"team": who.team.slug, "run_id": run.pk})
    return SafeString("".join(_row(line, base, roles, of_task) for line in lines))


def _row(line: CallRow, base: str, roles: Mapping[str, str], of_task: bool) -> SafeString:
    call = line.call
    agent = truncatechars(roles.get(call.agent, call.agent), 60)
    return format_html(
        ROW,
        below=SafeString(' class="below"') if line.depth else "",
        within=WITHIN if line.depth else "",
        address=SafeString(f"{base}{call.pk}/"),
        title=call.title,
        said=said(call),
        labels=_labels(call),
        agent=format_html('<div class="quiet">{}</div>', agent) if of_task else "",
        error=format_html('<div class="bad clip">{}</div>', truncatechars(call.error, 120)) if call.error else "",
        model=call.title,
        task="" if of_task else format_html(TASK, _task(call), agent),
        state=state(call.state),
        tokens=_tokens(call),
        cost=_cost(call),
        time=_time(call),
    )


def said(call: Call) -> str:
    """The first words of what a model answered or a tool was called with; else what there is in their place."""
    text = str(getattr(call, "said", "") or "")
    if words := " ".join(text.split()):
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
    return truncatechars(call.task_run.name, 60) if call.task_run is not None else "the crew"


def _labels(call: Call) -> SafeString:
    labels: list[SafeString] = []
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
    return SafeString("".join(labels)) + (ESTIMATED if call.usage_estimated else SafeString(""))


def _label(text: str, kind: str = "") -> SafeString:
    return format_html('<span class="label-of{}">{}</span> ', kind, text)


def _tokens(call: Call) -> SafeString:
    if call.kind != "model":
        return NO_TOKENS
    return SafeString(TOKENS.format(call.prompt_tokens, call.cached_prompt_tokens, call.completion_tokens))


def _cost(call: Call) -> SafeString:
    if call.kind == "tool":
        cost = SafeString("")
    elif call.state == "intent":
        cost = format_html(HELD, usd(call.reserved_nusd))
    else:
        cost = usd(call.cost_nusd)
    return cost + format_html('<div class="good">saved {}</div>', usd(call.saved_nusd)) if call.saved_nusd else cost


def _time(call: Call) -> SafeString:
    time = ticking(call.started_at) if call.state == "intent" else SafeString(took(call.latency_ms))
    if not call.waited_ms:
        return time
    return time + format_html(WAITED, _why_waited(call), took(call.waited_ms))


def _why_waited(call: Call) -> str:
    rate_ms = call.waited_ms - call.budget_ms
    whys = [f"{took(rate_ms)} for its turn at the provider"] * bool(rate_ms)
    whys += [f"{took(call.budget_ms)} for money that calls in flight held"] * bool(call.budget_ms)
    return f"Before it was made it waited {', '.join(whys)}"
