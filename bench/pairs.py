"""The built-in pairs, run simulated on the whole application one after the other: tokens, seconds and cost of each.

Usage: .venv/bin/python bench/pairs.py   (some seven minutes: the seconds are really waited for)
"""

from __future__ import annotations

import sys
import tempfile
import time
from pathlib import Path
from typing import Any

import httpx

sys.path.insert(0, str(Path(__file__).resolve().parents[1]))

from agents_app.gallery.builtin import BuiltinTemplate, templates
from tests.application import Application

PATIENCE_S = 300
POLL_S = 0.5
ROW = "{:32}{:>6}{:>9}{:>9}{:>9}{:>8}{:>10}{:>8}{:>8}{:>8}"


def main() -> None:
    with tempfile.TemporaryDirectory() as folder:
        Path(folder).chmod(0o755)
        application = Application(Path(folder) / "data", SIMULATED_PACE="1")
        try:
            with application.api() as api:
                table(api)
        finally:
            application.stop()


def table(api: httpx.Client) -> None:
    print(ROW.format("", "calls", "in", "out", "tokens", "s", "USD", "tokens", "time", "cost"), flush=True)
    naive: tuple[float, ...] = ()
    for template in templates():
        run = finished(api, template)
        usage = run["usage"]
        figures = (usage["total_tokens"], run["duration_ms"] / 1000, float(usage["cost_usd"]))
        ratios = ["", "", ""]
        if template.variant == "naive":
            naive = figures
        else:
            ratios = [f"{before / after:.1f}x" for before, after in zip(naive, figures, strict=True)]
        counts = (usage[name] for name in ("successful_requests", "prompt_tokens", "completion_tokens", "total_tokens"))
        cells = (*(f"{count:,}" for count in counts), f"{figures[1]:.1f}", f"{figures[2]:.4f}", *ratios)
        print(ROW.format(f"{template.title}, {template.variant}", *cells), flush=True)


def finished(api: httpx.Client, template: BuiltinTemplate) -> dict[str, Any]:
    """The run of a copy of the template, once it has ended well."""
    order = {"source": template.spec.model_dump_json(exclude_defaults=True), "name": template.spec.name}
    crew = api.post("/crews/import", json=order).raise_for_status().json()["crew"]
    launched = api.post(f"/crews/{crew['slug']}/runs", json={"inputs": template.spec.inputs}).raise_for_status().json()
    ends_at = time.monotonic() + PATIENCE_S
    while time.monotonic() < ends_at:
        run: dict[str, Any] = api.get(f"/runs/{launched['id']}").raise_for_status().json()
        if run["status"] not in ("queued", "running", "waiting"):
            if run["status"] != "succeeded":
                raise SystemExit(f"{template.key}: {run['status']}, {run.get('error')}")
            return run
        time.sleep(POLL_S)
    raise SystemExit(f"{template.key}: not finished after {PATIENCE_S} s")


if __name__ == "__main__":
    main()
