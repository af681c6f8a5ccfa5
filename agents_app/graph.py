"""Where to draw a crew's tasks: layers by the longest chain of what waits for what, ordered to cross few edges.

Pure geometry in pixels; what is drawn with it, and how it looks, is the template's. Drafts with cycles or unknown
keys are
laid out as far as they make sense.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from engine.plan import Plan, make_plan
from engine.spec import CrewSpec, TaskSpec

GAP_X, GAP_Y, MARGIN = 18, 44, 6
NODE_HEIGHT, LONGEST_NODE, SHORTEST_NODE = 44, 220, 84
CHAR_WIDTH = 6.6
SWEEPS = 6


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
        return _short(self.title, self.w)

    @property
    def short_agent(self) -> str:
        return _short(self.agent, self.w)


@dataclass(frozen=True, slots=True)
class Edge:
    """A line between two boxes. ``explicit`` is context that somebody wrote; else the process's order implies it."""

    source: str
    target: str
    d: str
    explicit: bool


@dataclass(frozen=True, slots=True)
class Graph:
    nodes: tuple[Node, ...]
    edges: tuple[Edge, ...]
    width: float
    height: float


def layout(spec: CrewSpec, *, width: float = 620, compact: bool = False) -> Graph:
    """The crew from top to bottom within ``width``; ``compact`` makes small boxes without room for words."""
    tasks = {task.key: task for task in spec.tasks}
    plan = make_plan(spec)
    waits = _reduced(plan, tasks)
    layers = _ordered(_layers(plan.order, waits), waits)
    height, gap_y = (14, 18) if compact else (NODE_HEIGHT, GAP_Y)
    shortest = 24 if compact else SHORTEST_NODE
    rows = [row for layer in layers for row in _rows(layer, width, shortest)]
    nodes: dict[str, Node] = {}
    for number, row in enumerate(rows):
        box = min(56 if compact else LONGEST_NODE, (width - 2 * MARGIN - GAP_X * (len(row) - 1)) / len(row))
        left = (width - box * len(row) - GAP_X * (len(row) - 1)) / 2
        for place, key in enumerate(row):
            x, y = left + place * (box + GAP_X), MARGIN + number * (height + gap_y)
            nodes[key] = _node(spec, tasks[key], x, y, box, height)
    edges = tuple(
        Edge(source, target, _curve(nodes[source], nodes[target]), _is_explicit(tasks[target], source))
        for target in nodes
        for source in waits[target]
        if source in nodes
    )
    total = MARGIN * 2 + len(rows) * height + max(0, len(rows) - 1) * gap_y
    return Graph(tuple(nodes.values()), edges, width, total)


def _reduced(plan: Plan, tasks: Mapping[str, TaskSpec]) -> dict[str, tuple[str, ...]]:
    """What each task waits for, without the implied edges that longer ways already tell."""
    ancestors: dict[str, frozenset[str]] = {}
    for key in plan.order:
        above = plan.waits_for[key] - {key}
        ancestors[key] = frozenset(above).union(*(ancestors.get(other, frozenset()) for other in above))
    reduced = {}
    for key in plan.order:
        above = plan.waits_for[key] - {key}
        through = frozenset().union(*(ancestors.get(other, frozenset()) for other in above))
        reduced[key] = tuple(
            other
            for other in plan.order
            if other in above and (_is_explicit(tasks[key], other) or other not in through)
        )
    return reduced


def _layers(order: Sequence[str], waits: Mapping[str, tuple[str, ...]]) -> list[list[str]]:
    depth: dict[str, int] = {}
    for key in order:
        depth[key] = 1 + max((depth.get(other, -1) for other in waits[key]), default=-1)
    layers: list[list[str]] = [[] for _ in range(max(depth.values(), default=-1) + 1)]
    for key in order:
        layers[depth[key]].append(key)
    return layers


def _ordered(layers: list[list[str]], waits: Mapping[str, tuple[str, ...]]) -> list[list[str]]:
    """Each layer by the mean place of its neighbours, downwards and upwards in turn (barycentre heuristic)."""
    below: dict[str, list[str]] = {}
    for key, others in waits.items():
        for other in others:
            below.setdefault(other, []).append(key)
    for sweep in range(SWEEPS):
        neighbours: Mapping[str, Sequence[str]] = waits if sweep % 2 == 0 else below
        place = {key: index / max(1, len(layer) - 1) for layer in layers for index, key in enumerate(layer)}
        for layer in layers if sweep % 2 == 0 else layers[::-1]:
            means = {
                key: sum(place[other] for other in neighbours.get(key, ())) / len(neighbours[key])
                if neighbours.get(key)
                else place[key]
                for key in layer
            }
            layer.sort(key=means.__getitem__)
            place.update({key: index / max(1, len(layer) - 1) for index, key in enumerate(layer)})
    return layers


def _rows(layer: list[str], width: float, shortest: float) -> list[list[str]]:
    """A layer too wide for the page is broken into rows of equal length."""
    most = max(1, int((width - 2 * MARGIN + GAP_X) // (shortest + GAP_X)))
    count = -(-len(layer) // most)
    size = -(-len(layer) // count)
    return [layer[start : start + size] for start in range(0, len(layer), size)]


def _node(spec: CrewSpec, task: TaskSpec, x: float, y: float, w: float, h: float) -> Node:
    agent = spec.agent(task.agent)
    return Node(
        key=task.key,
        title=task.title,
        agent=agent.role.strip() if agent else "",
        model=agent.llm.model if agent else "",
        asynchronous=task.async_execution,
        x=x,
        y=y,
        w=w,
        h=h,
    )


def _curve(source: Node, target: Node) -> str:
    x1, y1 = source.x + source.w / 2, source.y + source.h
    x2, y2 = target.x + target.w / 2, target.y
    bend = max(12.0, abs(y2 - y1) / 2)
    return f"M{x1:.1f} {y1:.1f}C{x1:.1f} {y1 + bend:.1f} {x2:.1f} {y2 - bend:.1f} {x2:.1f} {y2:.1f}"


def _is_explicit(task: TaskSpec, source: str) -> bool:
    return task.context is not None and source in task.context


def _short(text: str, width: float) -> str:
    most = max(3, int((width - 20) / CHAR_WIDTH))
    text = " ".join(text.split())
    return text if len(text) <= most else f"{text[: most - 1].rstrip()}…"
