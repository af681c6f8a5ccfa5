"""Exported crews, run with CrewAI itself and with the engine here, on a loopback server: do the same texts arrive?

Usage: .venv/bin/python bench/exported.py [--crewai PYTHON] [--only NAME]

``--crewai``: an interpreter that has CrewAI; left out, it is installed beside the project at first use, as for
``bench/engine.py``. For each crew and each format a line says how many of the texts that a task is to be given (its
agent's role, goal and backstory, its description and expected output, the answers that it reads) its first request
held, and whether the tasks came in an order in which each has what it reads. Other requests (questions of guardrails)
are counted alone. It ends with 1 if anything differs.
"""

from __future__ import annotations

import argparse
import asyncio
import json
import os
import subprocess
import sys
import tempfile
from collections.abc import Callable, Mapping, Sequence
from contextlib import ExitStack
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any

sys.path.insert(0, str(Path(__file__).resolve().parents[1]))  # before this folder, whose engine.py hides the package

from agents_app.writers import Exported, ExportFormat, export
from bench.engine_bench.peer import LOCAL, QUIET, VERSION, NotMeasured, crewai_python
from bench.exported_bench.child import FAULT
from bench.exported_bench.crews import answer_to, crews, sample
from engine.catalogue.price_list import DefaultPrices
from engine.crew.crew import run_crew
from engine.crew.runtime import Runtime
from engine.providers.credential import Credential
from engine.providers.litellm_client import LiteLLMClient
from engine.record.memory_journal import MemoryJournal
from engine.spec.crew_spec import CrewSpec
from engine.spec.placeholders import with_inputs
from engine.spec.plan import make_plan
from tests.openai_server import OpenAIServer

FORMS: tuple[ExportFormat, ...] = ("python", "yaml", "jsonc")
TIMEOUT_S = 1200
CHILD = Path(__file__).parent / "exported_bench" / "child.py"
START: Mapping[ExportFormat, Callable[[Exported], str]] = {
    "python": lambda exported: next(iter(exported.files)),
    "yaml": lambda exported: "crew.py",
    "jsonc": lambda exported: "crew.jsonc",
}
ROW = "{:<34}{:<8}{:>7}{:>14}{:>10}  {}"


@dataclass
class Sent:
    """What a run asked for: for each task the text of its first request, in the order of those; and all requests.

    ``unasked``: tasks whose condition the format could not say, as its remarks have it, so that they always run.
    """

    first: dict[str, str] = field(default_factory=dict)
    requests: int = 0
    fault: str = ""
    unasked: frozenset[str] = frozenset()


class Models:
    """A server that answers each task of a crew by its description."""

    def __init__(self, spec: CrewSpec) -> None:
        self.spec = spec
        self.filled = with_inputs(spec, {})
        self.sent = Sent()

    def answer(self, body: dict[str, Any]) -> str:
        text = _normal("\n".join(_content(message) for message in body["messages"]))
        self.sent.requests += 1
        asked = (body.get("response_format") or {}).get("json_schema", {}).get("schema")
        key = self._task(text)
        if key is None or (asked and "properties" in asked and not self._is_own(key, asked)):
            return _verdict(asked) if asked else "It is fine."
        self.sent.first.setdefault(key, text)
        return answer_to(self.spec, key)

    def _task(self, text: str) -> str | None:
        """Of the tasks whose descriptions are in the text the one with the longest."""
        found = [task for task in self.filled.tasks if _normal(task.description) in text]
        return max(found, key=lambda task: len(task.description)).key if found else None

    def _is_own(self, key: str, schema: dict[str, Any]) -> bool:
        own = self.spec.task(key)
        return own is not None and set((own.output_schema or {}).get("properties", ())) == set(schema["properties"])


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.partition("\n")[0])
    parser.add_argument("--crewai", default="")
    parser.add_argument("--only", default="")
    options = parser.parse_args()
    try:
        python = options.crewai or with_tools(str(crewai_python()))
    except NotMeasured as reason:
        sys.exit(str(reason))
    print(ROW.format("crew", "format", "tasks", "texts held", "requests", "order, and what differs"), flush=True)
    chosen = [spec for spec in crews() if options.only.lower() in spec.name.lower()]
    ours = [run_here(spec) for spec in chosen]
    there = run_there(chosen, python)
    same = [compare(spec, sent, there[index]) for index, (spec, sent) in enumerate(zip(chosen, ours, strict=True))]
    sys.exit(0 if all(same) else 1)


def with_tools(python: str) -> str:
    """The interpreter, once it has CrewAI's tools too. Raises ``NotMeasured``."""
    has_tools = [python, "-c", "from importlib.metadata import version; version('crewai-tools')"]
    if subprocess.run(has_tools, capture_output=True, check=False).returncode:
        install = [python, "-m", "pip", "install", "--quiet", f"crewai-tools=={VERSION}"]
        if subprocess.run(install, capture_output=True, check=False).returncode:
            raise NotMeasured("CrewAI's tools could not be installed.")
    return python


def compare(spec: CrewSpec, ours: Sent, theirs: dict[ExportFormat, Sent]) -> bool:
    """Prints a line for the engine here and for each format. Whether everything is the same."""
    same = print_line(spec, "here", ours, ours)
    for form, sent in theirs.items():
        if sent.fault:
            print(ROW.format(spec.name[:33], form, "", "", "", f"NOT RUN: {sent.fault[-400:]}"), flush=True)
        same = (not sent.fault and print_line(spec, form, ours, sent)) and same
    return same


def run_here(spec: CrewSpec) -> Sent:
    models = Models(spec)
    with OpenAIServer(models.answer) as server:
        client = LiteLLMClient(lambda llm: Credential("loopback", server.url))
        asyncio.run(run_crew(spec, {}, Runtime(llm=client, journal=MemoryJournal(), prices=DefaultPrices())))
    return models.sent


def run_there(specs: Sequence[CrewSpec], python: str) -> list[dict[ExportFormat, Sent]]:
    """Runs the exported files of each crew with CrewAI, in turn in one process, each with a server of its own."""
    runs: list[dict[ExportFormat, Models]] = [{form: Models(spec) for form in FORMS} for spec in specs]
    with tempfile.TemporaryDirectory() as folder, ExitStack() as servers:
        orders = []
        for number, models in enumerate(runs):
            for form, model in models.items():
                server = servers.enter_context(OpenAIServer(model.answer))
                place = Path(folder) / f"{number}-{form}"
                exported = export(model.spec, form)
                left_out = [remark.field for remark in exported.remarks if remark.field.endswith(".condition")]
                model.sent.unasked = frozenset(path.split(".")[1] for path in left_out)
                for path, text in exported.files.items():
                    (place / path).parent.mkdir(parents=True, exist_ok=True)
                    (place / path).write_text(text, "utf-8")
                orders.append({"folder": str(place), "start": START[form](exported), "base_url": server.url})
        done = subprocess.run(
            [python, str(CHILD)],
            input=json.dumps(orders),
            cwd=folder,
            env={**os.environ, **QUIET, **LOCAL, "HOME": folder, "PYTHONPATH": "", "SERPER_API_KEY": "loopback"},
            capture_output=True,
            text=True,
            timeout=TIMEOUT_S,
            check=False,
        )
    faults = [line.removeprefix(FAULT) for line in done.stdout.splitlines() if line.startswith(FAULT)]
    if len(faults) != len(orders):
        sys.exit(f"CrewAI could not be run: {done.stderr[-2000:]}")
    said = iter(json.loads(fault) for fault in faults)
    return [{form: replace(model.sent, fault=next(said)) for form, model in models.items()} for models in runs]


def print_line(spec: CrewSpec, form: str, ours: Sent, theirs: Sent) -> bool:
    missing, texts = [], 0
    for key in ours.first:
        for what, text in wanted(spec, key):
            texts += 1
            if _normal(text) not in theirs.first.get(key, ""):
                missing.append(f"{key}: {what}")
    order = in_order(spec, list(theirs.first))
    differs = ", ".join(missing[:4]) + (f" and {len(missing) - 4} more" if len(missing) > 4 else "")
    words = f"{'same' if order else 'OTHER ORDER: ' + ', '.join(theirs.first)}{'; ' if differs else ''}{differs}"
    tasks = f"{len(theirs.first)}/{len(ours.first)}"
    counts = f"{texts - len(missing)}/{texts}"
    print(ROW.format(spec.name[:33], form, tasks, counts, theirs.requests, words), flush=True)
    return order and not missing and theirs.first.keys() - theirs.unasked == ours.first.keys()


def wanted(spec: CrewSpec, key: str) -> list[tuple[str, str]]:
    """The texts that a task is to be given: what each is, and the text."""
    filled = with_inputs(spec, {})
    task = filled.task(key)
    assert task is not None
    agent = filled.agent(task.agent)
    texts = [("description", task.description), ("expected output", task.expected_output)]
    texts += [(name, getattr(agent, name)) for name in ("role", "goal", "backstory")] if agent else []
    reads = make_plan(spec).context[key]
    return [(what, text) for what, text in texts if text.strip()] + [
        (f"answer to {other}", answer_to(spec, other)) for other in reads if not _may_be_skipped(spec, other)
    ]


def in_order(spec: CrewSpec, order: Sequence[str]) -> bool:
    """Whether no task came before one that it waits for; asynchronous ones may come in any order."""
    plan, place = make_plan(spec), {key: index for index, key in enumerate(order)}
    return all(place[other] < place[key] for key in order for other in plan.waits_for[key] if other in place)


def _may_be_skipped(spec: CrewSpec, key: str) -> bool:
    task = spec.task(key)
    return task is None or task.condition is not None


def _verdict(schema: dict[str, Any]) -> str:
    """An answer that lets pass what is asked about."""
    return json.dumps({name: _kind(part) for name, part in schema["properties"].items()})


def _kind(part: dict[str, Any]) -> Any:
    return sample(part) if "type" in part else None


def _content(message: dict[str, Any]) -> str:
    content = message.get("content") or ""
    return content if isinstance(content, str) else " ".join(str(part.get("text", "")) for part in content)


def _normal(text: str) -> str:
    return " ".join(text.split())


if __name__ == "__main__":
    main()
