"""What a fresh process has ready, and when: no request that a person times has to wait for an import."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from pathlib import Path
from typing import Any

from tests.openai_server import OpenAIServer

ROOT = Path(__file__).resolve().parents[3]
FIRST_KICKOFF = """
import json, sys
from pydantic import BaseModel
from engine import LLM, Agent, Crew, Task

class Figures(BaseModel):
    n: int

llm = LLM("openai/gpt-4o-mini", api_key="sk-x", base_url=sys.argv[1])
agent = Agent(role="Worker", llm=llm)
crew = Crew(agents=[agent], tasks=[Task(description="Do it", agent=agent, output_pydantic=Figures)])
ready, imported, started = set(sys.modules), [], []
noted = {"import": imported, "subprocess.Popen": started}
sys.addaudithook(lambda event, given: noted[event].append(given[0]) if event in noted else None)
answer = crew.kickoff().raw
new = set(imported) & set(sys.modules) - ready
found = {"answer": answer, "litellm": "litellm" in ready, "imported": sorted(new), "started": started}
print(json.dumps(found))
"""
FORKED = """
import os, sys
from engine import Crew
child = os.fork()
if child == 0:
    import litellm
    os._exit(7)
print(os.waitstatus_to_exitcode(os.waitpid(child, 0)[1]))
"""


def run(script: str, *arguments: str) -> subprocess.CompletedProcess[str]:
    environment = {**os.environ, "PYTHONPATH": str(ROOT), "PYTHONWARNINGS": "ignore"}
    done = subprocess.run(
        [sys.executable, "-c", script, *arguments],
        cwd=ROOT,
        env=environment,
        capture_output=True,
        text=True,
        timeout=300,
        check=False,
    )
    assert done.returncode == 0, done.stderr
    assert done.stderr == ""
    return done


def test_the_first_kickoff_imports_nothing_and_starts_no_program() -> None:
    with OpenAIServer('{"n":3}') as server:
        found: dict[str, Any] = json.loads(run(FIRST_KICKOFF, server.url).stdout)
    assert (found["answer"], found["litellm"], server.requests) == ('{"n":3}', True, 1)
    assert (found["imported"], found["started"]) == ([], [])


def test_the_engine_without_crews_loads_no_litellm() -> None:
    script = "import sys, engine; engine.Agent, engine.Task; print('litellm' in sys.modules)"
    assert run(script).stdout.strip() == "False"


def test_a_program_that_ends_early_ends_at_once_and_in_silence() -> None:
    for pause_s in (0, 0.3, 1, 2):
        run(f"import time; from engine import Crew; time.sleep({pause_s})")


def test_a_fork_in_the_midst_of_loading_is_safe() -> None:
    assert run(FORKED).stdout.strip() == "7"


def test_crews_with_a_client_of_their_own_wait_for_nothing() -> None:
    script = """
import sys
from engine import Agent, Crew, Task
from engine.crewai import kickoff
from engine.providers.simulator import Simulator
kickoff.get_ready = None
agent = Agent(role="Worker")
Crew(agents=[agent], tasks=[Task(description="Do it", agent=agent)], llm_client=Simulator())
agent = Agent(role="Worker", llm="simulated/gpt-4o-mini")
print(Crew(agents=[agent], tasks=[Task(description="Do it", agent=agent)]).kickoff().status)
"""
    assert run(script).stdout.strip() == "succeeded"
