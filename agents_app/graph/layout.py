"""Where to draw a crew's tasks, from top to bottom: boxes in rows, and lines from each task to those that wait for it.

Pure geometry in pixels; how it looks is decided in the template. Drafts with cycles or unknown keys are drawn as far as
they make sense.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from agents_app.graph.place import COMPACT, FULL, MARGIN, Slot, placed
from agents_app.graph.ranks import Pair, Rows, arranged
from engine.spec.crew_spec import AgentSpec, CrewSpec, TaskSpec
from engine.spec.plan import Plan, make_plan

TITLE_CHAR, AGENT_CHAR = 6.5, 5.6  # mean widths of a character in the two sizes of type that the boxes are written in
TEXT_INSET = 20.0
WIDE, NARROW = 520, 340
MAX_TASKS = 150
MAX_LINES = 400
"""Of more tasks or lines nobody can tell apart what is drawn, and their lines take long to untangle."""


@dataclass(frozen=True, slots=True)
class Node:
    """One task's box."""

    key: str
    title: str
    agent: str
    model: str
    asynchronous: bool
    x: float
    y: float
    w: float
    h: float

    @property
    def short_title(self) -> str:
        """The title as far as it fits into the box."""
        return _short(self.title, (self.w - TEXT_INSET) / TITLE_CHAR)

    @property
    def short_agent(self) -> str:
        """The agent's role as far as it fits into the box."""
        return _short(self.agent, (self.w - TEXT_INSET) / AGENT_CHAR)


@dataclass(frozen=True, slots=True)
class Edge:
    """A line between two boxes, as the SVG path ``d``. It is ``explicit`` if the target's context names the source;
    else the process's order implies it."""

    source: str
    target: str
    d: str
    explicit: bool

    @property
    def pair(self) -> Pair:
        return self.source, self.target


@dataclass(frozen=True, slots=True)
class Graph:
    """A drawing's boxes, lines and size. ``not_drawn`` says in words why there are no boxes; "" if there are."""

    nodes: tuple[Node, ...]
    edges: tuple[Edge, ...]
    width: float
    height: float
    not_drawn: str = ""


def layout(spec: CrewSpec, *, width: float = 620, compact: bool = False) -> Graph:
    """The crew's drawing within ``width``; ``compact`` makes small boxes without room for words.

    A crew that is too large to be drawn usefully gets a drawing without boxes.
    """
    if len(spec.tasks) > MAX_TASKS:
        return _not_drawn(f"{len(spec.tasks):,} tasks")
    style = COMPACT if compact else FULL
    tasks = {task.key: task for task in spec.tasks}
    plan = make_plan(spec)
    lines = _lines(plan, tasks)
    if len(lines) > MAX_LINES:
        return _not_drawn(f"{len(lines):,} lines between its tasks")
    most = max(1, int((width - 2 * MARGIN + style.gap_x) // (style.narrowest + style.gap_x)))
    rows = arranged(plan.order, lines, most=most)
    slots = placed(rows, frozenset(tasks), width=width, style=style)
    agents = {agent.key: agent for agent in spec.agents}
    nodes = tuple(_node(task, agents.get(task.agent or ""), slots[key]) for key, task in tasks.items())
    edges = tuple(
        Edge(source, target, path, _is_explicit(tasks[target], source))
        for (source, target), path in _paths(lines, rows, slots, width=width).items()
    )
    return Graph(nodes, edges, width, max((slot.y + slot.h for slot in slots.values()), default=0.0) + MARGIN)


def _not_drawn(why: str) -> Graph:
    return Graph((), (), 0.0, 0.0, why)


def _lines(plan: Plan, tasks: Mapping[str, TaskSpec]) -> list[Pair]:
    """Who waits for whom, without implied lines that a longer path already shows."""
    before: dict[str, set[str]] = {}
    lines: list[Pair] = []
    for key in plan.order:
        waits = plan.waits_for[key] - {key}
        shown: set[str] = set()
        for other in reversed([known for known in before if known in waits]):
            if other not in shown or _is_explicit(tasks[key], other):
                lines.append((other, key))
            if other not in shown:
                shown |= before[other]
        before[key] = shown | waits
        lines.extend((other, key) for other in sorted(waits - before.keys()))  # of a cycle: upwards
    return lines


def _paths(lines: Sequence[Pair], rows: Rows, slots: Mapping[str, Slot], *, width: float) -> dict[Pair, str]:
    """Each line as an SVG path. Lines that leave or reach the same box do so side by side."""
    leaving: dict[str, list[Pair]] = {}
    reaching: dict[str, list[Pair]] = {}
    for pair in rows.ways:
        leaving.setdefault(pair[0], []).append(pair)
        reaching.setdefault(pair[1], []).append(pair)
    starts = {key: _ports(slots[key], pairs, rows, slots, end=1) for key, pairs in leaving.items()}
    ends = {key: _ports(slots[key], pairs, rows, slots, end=-2) for key, pairs in reaching.items()}
    paths: dict[Pair, str] = {}
    for pair in lines:
        if pair in rows.ways:
            passed = [slots[slot] for slot in rows.ways[pair][1:-1]]
            source, target = slots[pair[0]], slots[pair[1]]
            paths[pair] = _down(starts[pair[0]][pair], source.y + source.h, passed, ends[pair[1]][pair], target.y)
        else:
            paths[pair] = _back(slots[pair[0]], slots[pair[1]], width=width)
    return paths


def _ports(box: Slot, pairs: Sequence[Pair], rows: Rows, slots: Mapping[str, Slot], *, end: int) -> dict[Pair, float]:
    """Where on a box's edge its lines begin or end, from left to right as their other ends lie."""
    ordered = sorted(pairs, key=lambda pair: slots[rows.ways[pair][end]].middle)
    step = min(14.0, box.w * 0.6 / max(1, len(ordered) - 1))
    first = box.middle - step * (len(ordered) - 1) / 2
    return {pair: first + step * index for index, pair in enumerate(ordered)}


def _down(x: float, y: float, passed: Sequence[Slot], end_x: float, end_y: float) -> str:
    path = [f"M{x:.1f} {y:.1f}"]
    for slot in passed:
        path.append(_bend(x, y, slot.middle, slot.y))
        path.append(f"V{slot.y + slot.h:.1f}")
        x, y = slot.middle, slot.y + slot.h
    path.append(_bend(x, y, end_x, end_y))
    return "".join(path)


def _bend(x: float, y: float, to_x: float, to_y: float) -> str:
    half = (to_y - y) / 2
    return f"C{x:.1f} {y + half:.1f} {to_x:.1f} {to_y - half:.1f} {to_x:.1f} {to_y:.1f}"


def _back(source: Slot, target: Slot, *, width: float) -> str:
    """A line of a cycle, upwards along the right-hand side."""
    x1, y1, x2, y2 = source.x + source.w, source.y + source.h / 2, target.x + target.w, target.y + target.h / 2
    side = min(width, max(x1, x2) + 48)
    return f"M{x1:.1f} {y1:.1f}C{side:.1f} {y1:.1f} {side:.1f} {y2:.1f} {x2:.1f} {y2:.1f}"


def _node(task: TaskSpec, agent: AgentSpec | None, slot: Slot) -> Node:
    return Node(
        key=task.key,
        title=task.title,
        agent=agent.role.strip() if agent else "",
        model=agent.llm.model if agent else "",
        asynchronous=task.async_execution,
        x=slot.x,
        y=slot.y,
        w=slot.w,
        h=slot.h,
    )


def _is_explicit(task: TaskSpec, source: str) -> bool:
    return task.context is not None and source in task.context


def _short(text: str, room: float) -> str:
    most = max(3, int(room))
    text = " ".join(text.split())
    return text if len(text) <= most else f"{text[: most - 1].rstrip()}…"


def graphs(spec: CrewSpec) -> dict[str, object]:
    """The crew's drawings for wide and for narrow screens, as a part of a page's context."""
    return {"graph": layout(spec, width=WIDE), "narrow_graph": layout(spec, width=NARROW)}
