"""Crews of the fault tests as the API takes them. Each task's text carries the mark by which the provider's bill knows
what it was asked for.
"""

from __future__ import annotations

from typing import Any

MODEL = "gpt-4o-mini"
INPUT_USD_PER_MTOK = "0.15"
OUTPUT_USD_PER_MTOK = "0.6"
MAX_TOKENS = 50


def agent(key: str = "worker", *, llm: dict[str, Any] | None = None, **fields: Any) -> dict[str, Any]:
    return {"key": key, "role": "Worker", "llm": {"model": MODEL, "max_tokens": MAX_TOKENS} | (llm or {})} | fields


def task(key: str, *, after: tuple[str, ...] = (), text: str = "", **fields: Any) -> dict[str, Any]:
    """A task that waits for those before it and for no other."""
    mark = "<<{tag}/" + key + ">>"
    return {"key": key, "description": f"{mark} {text}", "agent": "worker", "context": list(after)} | fields


def crew(*tasks: dict[str, Any], agents: tuple[dict[str, Any], ...] = (), **fields: Any) -> dict[str, Any]:
    given = {"agents": list(agents) or [agent()], "tasks": list(tasks), "process": "parallel"}
    return {"name": "Fault", **given} | fields


def chain(*keys: str, **fields: Any) -> dict[str, Any]:
    """Tasks one after the other."""
    return crew(*(task(key, after=keys[max(0, at - 1) : at]) for at, key in enumerate(keys)), **fields)
