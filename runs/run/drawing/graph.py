"""The graph of a run's tasks: its boxes in the state of their tasks, the critical path dark. What is drawn for other
pages is ``templates/parts/graph.html``, which says what the parts mean."""

from __future__ import annotations

from collections.abc import Collection, Mapping
from html import escape

from django.utils.safestring import SafeString

from agents_app.graph.layout import Edge, Graph, Node
from runs.run.drawing.text import tenths, truncated
from runs.run.findings.of_run import Findings
from runs.templatetags.words import word

LABEL = "Task graph"


def graph(drawn: Graph, size: str, states: Mapping[str, str], findings: Findings) -> SafeString:
    """``size``: the class by which a style shows it on wide or on narrow screens. "" for a crew that is not drawn."""
    if not drawn.nodes:
        return SafeString("")
    width, height = (int(length + 0.5) for length in (drawn.width, drawn.height))
    tasks, edges = len(drawn.nodes), len(drawn.edges)
    says = f"{LABEL}: {tasks} task{'' if tasks == 1 else 's'}, {edges} edge{'' if edges == 1 else 's'}"
    pairs, critical = findings.critical_pairs, findings.critical
    lines = "".join(_edge(edge, pairs) for edge in drawn.edges)
    boxes = "".join(_node(node, states.get(node.key, ""), is_critical=node.key in critical) for node in drawn.nodes)
    return SafeString(
        f'<svg class="graph {size}" viewBox="0 0 {width} {height}" width="{width}" height="{height}" role="group" '
        f'aria-label="{says}">\n{lines}{boxes}</svg>\n'
    )


def _edge(edge: Edge, critical: Collection[tuple[str, str]]) -> str:
    kinds = f"{'' if edge.explicit else 'implied'}{' critical' if edge.pair in critical else ''}"
    order = "" if edge.explicit else " (by order)"
    return f"""<path class="{kinds}" d="{edge.d}">
<title>{escape(edge.source)} → {escape(edge.target)}{order}</title>
</path>
"""


def _node(node: Node, state: str, *, is_critical: bool) -> str:
    kinds = f"{'async' if node.asynchronous else ''} is-{state}{' critical' if is_critical else ''}"
    words = [node.title, truncated(node.agent, 200), node.model, word(state)]
    words += ["on the critical path"] * is_critical
    width, height = tenths(node.w), tenths(node.h)
    agent = f'<text class="agent" x="10" y="34">{escape(node.short_agent)}</text>' if node.agent else ""
    return f"""<g class="{kinds}" transform="translate({tenths(node.x)} {tenths(node.y)})">
<a href="#task-{node.key}">
<title>{escape(" · ".join(filter(None, words)))}</title>
<rect width="{width}" height="{height}" rx="4"/>
<svg width="{width}" height="{height}">
<text x="10" y="{18 if node.agent else 26}">{escape(node.short_title)}</text>{agent}
</svg>
</a></g>
"""
