"""docs/api.md says what is so: its commands are carried out in their order against the web and a worker."""

from __future__ import annotations

import json
import re
import subprocess
import time
from typing import Any

import pytest

from agents_app.models import Crew
from crewsite.api import api
from runs.models import Run
from runs.states import RunState
from runs.worker.process import WorkerProcess
from teams.actions import issue_token
from teams.api.error_body import CODE_OF_STATUS, ERRORS
from teams.models import Scope
from tests.application import ROOT
from tests.cast import Cast
from tests.runs.workers import claim_and_execute
from tests.web_server import web_server

PAPER = (ROOT / "docs/api.md").read_text(encoding="utf-8")
COMMANDS = re.findall(r"^```sh\n(.*?)^```", PAPER, flags=re.DOTALL | re.MULTILINE)
PATIENCE_S = 90


def carried_out(command: str, environment: dict[str, str], worker: WorkerProcess) -> str:
    """What the command prints. Runs that it launches are executed meanwhile."""
    script = f"set -eu -o pipefail\n{command}"
    shell = ["bash", "-c", script]
    with subprocess.Popen(shell, env=environment, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True) as process:
        deadline = time.monotonic() + PATIENCE_S
        while process.poll() is None and time.monotonic() < deadline:
            for run in Run.objects.filter(state=RunState.QUEUED):
                claim_and_execute(run, worker)
            time.sleep(0.05)
        process.kill()
        printed, said = process.communicate()
    assert process.returncode == 0, f"{command}\n{printed}\n{said}"
    return printed


@pytest.mark.django_db(transaction=True)
def test_its_commands_do_what_it_says(cast: Cast) -> None:
    worker = WorkerProcess()
    secret = issue_token(cast.owner, scope=Scope.EDIT)[1]
    try:
        with web_server() as url:
            environment = {"PATH": "/usr/local/bin:/usr/bin:/bin", "CREWSITE_URL": url, "CREWSITE_TOKEN": secret}
            printed = [carried_out(command, environment, worker) for command in COMMANDS]
    finally:
        worker.stop(grace_s=1)
    team, crew, run, found, again = (json.loads(text) for text in printed[:5])
    assert (team["slug"], crew["slug"], list(crew["inputs"])) == ("acme", "lake-brief", ["lake"])
    assert (run["status"], run["metadata"]) == ("succeeded", {"customer": "Alder"})
    assert [item["id"] for item in found["items"]] == [run["id"]] == [again["id"]]
    assert Run.objects.count() == 1
    assert Crew.objects.get(slug="lake-brief").archived_at is not None
    assert len(COMMANDS) == len(printed) == 6


def test_it_names_every_status_and_what_it_says_of_them() -> None:
    (table,) = re.findall(r"^\| status \| meaning \|\n\|---\|---\|\n(.*?)\n\n", PAPER, flags=re.DOTALL | re.MULTILINE)
    named = {int(status) for line in table.splitlines() for status in re.findall(r"\d{3}", line.split("|")[1])}
    assert named == ERRORS.keys() | {412}
    assert CODE_OF_STATUS.keys() - named == {500}


def test_each_operation_that_it_names_is_there() -> None:
    there = {
        (method.upper(), re.sub(r"{\w+}", "{}", path.removeprefix("/api/v1")))
        for path, found in api.get_openapi_schema()["paths"].items()
        for method in found
    }
    named = re.findall(r"`(GET|POST|PUT|PATCH|DELETE) (/[\w/{}-]*)", PAPER)
    assert len(named) > 4
    assert {(method, re.sub(r"{\w+}", "{}", path)) for method, path in named} - there == set()


def test_nothing_is_deprecated_while_no_answer_would_say_so() -> None:
    operations: list[dict[str, Any]] = [
        one for found in api.get_openapi_schema()["paths"].values() for one in found.values()
    ]
    assert [one["operationId"] for one in operations if one.get("deprecated")] == []
