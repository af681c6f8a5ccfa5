"""Rows of the calls behind a figure, drawn here as all long tables are."""

from __future__ import annotations

from collections.abc import Iterable

from django.template.defaultfilters import truncatechars
from django.urls import reverse
from django.utils.html import format_html
from django.utils.safestring import SafeString

from runs.models import Call
from runs.states import waste_of
from runs.templatetags.money import usd
from runs.templatetags.words import state, word
from teams.access import Principal

ROW = """<tr>
<td class="break"><a href="{address}">{when}</a></td>
<td class="break" data-label="Crew"><a class="plain" href="{run}">{crew}</a><div class="quiet">{task}</div></td>
<td class="break" data-label="Agent">{agent}</td>
<td class="break" data-label="By">{model}</td>
<td data-label="For">{spent_on}</td>
<td data-label="">{state}</td>
<td class="n" data-label="In">{tokens_in}</td>
<td class="n" data-label="Out">{tokens_out}</td>
<td class="n" data-label="Cost">{cost}</td>
</tr>
"""


def call_rows(who: Principal, calls: Iterable[Call]) -> SafeString:
    """What models and tools are called is escaped."""
    return SafeString("".join(_row(who, call) for call in calls))


def _row(who: Principal, call: Call) -> SafeString:
    places = {"team": who.team.slug, "run_id": call.run_id}
    is_model = call.kind == "model"
    return format_html(
        ROW,
        address=reverse("call", kwargs=places | {"call_id": call.pk}),
        when=f"{call.started_at.day} {call.started_at:%b, %H:%M:%S}",
        run=reverse("run", kwargs=places),
        crew=truncatechars(call.run.crew.name, 60),
        task=truncatechars(call.task_run.name, 60) if call.task_run is not None else "the crew",
        agent=call.agent or "–",
        model=call.title,
        spent_on=_spent_on(call),
        state=state(call.state),
        tokens_in=f"{call.prompt_tokens:,}" if is_model else "",
        tokens_out=f"{call.completion_tokens:,}" if is_model else "",
        cost=usd(call.cost_nusd),
    )


def _spent_on(call: Call) -> SafeString:
    """Its cost class, and that it was paid in vain if its run gave nothing."""
    waste = waste_of(call.cost_class, call.run.state)
    if waste in ("", call.cost_class):
        return format_html("{}", word(call.cost_class))
    return format_html('{}<div class="warn small">{}</div>', word(call.cost_class), f"waste: {word(waste)}")
