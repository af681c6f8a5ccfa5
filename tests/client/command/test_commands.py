"""The command line against a real server: what is printed, what is done, and the exit codes."""

from __future__ import annotations

import json
import os
import signal
import stat
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest

from agents_app.actions import cut_version, replace_spec
from agents_app.models import Crew
from crewsite_client.command import settings
from runs.feeding.feed import feed
from runs.ledger import rollups
from runs.models import Batch, Bill, Run
from runs.months import this_month
from runs.states import RunState
from teams.models import Scope
from tests.application import ROOT
from tests.cast import brief_spec
from tests.client.command.desk import Desk
from tests.client.command.test_screen import HOSTILE
from tests.ledger import make_call, make_run
from tests.runs.batches.made import end

pytestmark = pytest.mark.django_db(transaction=True)


def test_a_day_at_the_desk(desk: Desk, subtests: pytest.Subtests) -> None:
    for part in (signing_in, crews_in_and_out, launching, batches, hostile_texts, refusals, interrupting):
        with subtests.test(part=part.__name__):
            part(desk)


def signing_in(desk: Desk) -> None:
    nothing: dict[str, Any] = {settings.URL: None, settings.TOKEN: None}
    assert "crewsite login" in desk.types("runs", code=2, **nothing).stderr
    login = ("login", "--url", f"{desk.url}/api/v1/", "--token-stdin")
    assert "valid token" in desk.types(*login, typed="wrong-token-of-somebody\n", code=3, **nothing).stderr
    assert not (desk.folder / "profiles.json").exists()
    done = desk.types(*login, typed=f"{desk.tokens[Scope.ADMIN]}\n", **nothing)
    assert f"Acme at {desk.url}, as owner" in done.stderr
    assert stat.S_IMODE((desk.folder / "profiles.json").stat().st_mode) == 0o600
    assert desk.url in desk.types("profiles", **nothing).stdout
    assert "No run fits" in desk.types("runs", **nothing).stderr
    assert (
        "company-brief"
        in desk.types(
            _CREWSITE_COMPLETE="bash_complete", COMP_WORDS="crewsite launch comp", COMP_CWORD="2", **nothing
        ).stdout
    )
    assert "_CREWSITE_COMPLETE" in desk.types("completion", "bash").stdout
    desk.types("logout", **nothing)


def crews_in_and_out(desk: Desk) -> None:
    said = desk.types("export", "company-brief", "-o", desk.folder)
    file = desk.folder / "company-brief.json"
    assert str(file) in said.stdout
    assert "is there already" in desk.types("export", "company-brief", "-o", file, code=2).stderr
    assert desk.json("export", "company-brief", "-o", file, "--force")["bytes"] == file.stat().st_size
    desk.types("export", "company-brief", "--format", "python", "-o", desk.folder / "crew.py")
    assert "Crew(" in desk.types("export", "company-brief", "--format", "python", "-o", "-").stdout
    project = desk.folder / "project"
    project.mkdir()
    (desk.folder / "crew.py").rename(project / "crew.py")
    (project / "README.md").write_text("About it")
    made = desk.json("import", project, "--name", "Second")
    assert made["crew"]["slug"] == "second"
    assert len(made["crew"]["spec"]["tasks"]) == 3
    spec = json.loads(file.read_text()) | {"description": "Another"}
    file.write_text(json.dumps(spec))
    assert desk.types("import", file, "--into", "second", "--save", "From git").stdout == "second@1\n"
    assert Crew.objects.get(slug="second").versions.get().spec["description"] == "Another"
    assert "no JSON" in desk.types("import", project / "crew.py", "--into", "second", code=2).stderr


def launching(desk: Desk) -> None:
    launch = (
        "launch",
        "company-brief",
        "-i",
        "company=Acme",
        "--budget",
        "0.5",
        "--label",
        "ci=7",
        "--idempotency-key",
        "k",
    )
    first = desk.types(*launch).stdout.strip()
    assert desk.json(*launch)["id"] == first
    run = Run.objects.get()
    assert (str(run.pk), run.inputs, run.budget_nusd, run.metadata) == (
        first,
        {"company": "Acme"},
        500_000_000,
        {"ci": "7"},
    )
    assert "It goes on" in desk.types("watch", first, "--timeout", "0", code=5).stderr
    assert desk.types("cancel", first).stdout == "cancelled\n"
    assert desk.json("watch", first, code=1)["status"] == "cancelled"
    good = make_run(desk.cast.owner, desk.crew, usd=0.25, output_raw="The brief", output_json={"a": 1})
    assert desk.types("watch", good.pk).stdout == "The brief\n"
    assert desk.json("watch", good.pk)["output"] == {"raw": "The brief", "json": {"a": 1}}
    listed = desk.types("runs", "status:succeeded").stdout
    assert str(good.pk) in listed
    assert "$0.250" in listed
    assert [one["id"] for one in desk.json("runs", "-n", "1")["items"]] == [str(good.pk)]
    make_call(good, cost_nusd=250_000_000)
    rollups.rebuild(desk.cast.team.pk)
    Bill.objects.create(team=desk.cast.team, month=this_month(), spent_nusd=250_000_000)
    assert "$0.250" in desk.types("bill").stdout
    assert desk.json("bill")["total_usd"] == "0.25"


def batches(desk: Desk) -> None:
    file = desk.folder / "rows.csv"
    file.write_text("Company;other\nAcme;1\n=Initech;2\n")
    batch = ("batch", "company-brief", file, "--idempotency-key", "b", "--name", "Leads")
    estimated(desk, file)
    started = desk.types(*batch, "--no-wait", "--estimate")
    assert "about $1.00 in 10 s" in started.stderr
    assert "'other' is no input" in started.stderr
    feed()
    for run, state in zip(
        Batch.objects.get().runs.order_by("batch_row"), (RunState.SUCCEEDED, RunState.FAILED), strict=True
    ):
        end(run, state, nusd=1_000_000)
    feed()
    results = desk.folder / "results.csv"
    ended = desk.types(*batch, "--results", results, code=1)
    assert "1 succeeded" in ended.stdout
    assert "'=Initech,failed" in results.read_text()
    book = desk.folder / "results.xlsx"
    assert "2 rows in" in desk.types(*batch, "--results", book, code=1).stderr
    assert book.read_bytes().startswith(b"PK")
    found = desk.json(*batch, code=1)
    assert (found["status"], found["total"], found["failed"]) == ("done", 2, 1)
    assert desk.json("watch", found["id"], code=1)["id"] == found["id"]
    file.write_text('{"company": "Acme"}\n{"company": null}\n')
    refused = desk.types("batch", "company-brief", file, "--format", "jsonl", code=2).stderr
    assert "row 2, company" in refused
    assert desk.json("batch", "company-brief", file, "--format", "jsonl", code=2)["error"]["fields"].keys() == {
        "inputs.1.company"
    }


def estimated(desk: Desk, file: Path) -> None:
    """What a launch would cost and take; nothing is launched."""
    told = desk.types("batch", "company-brief", file, "--dry-run").stdout
    assert told == "2 simulated rows: about 4 s to 1 min 02 s, nobody knows at what cost, by the length of its texts.\n"
    for _ in "ab":
        make_run(desk.cast.owner, desk.crew, simulated=True, seconds=10, usd=0.5)
    told = desk.types("batch", "company-brief", file, "--dry-run", "--budget", "0.5", "--run-budget", "0.5").stdout
    cost, binds, covers = told.splitlines()
    assert "at once" in binds, told
    assert cost == "2 simulated rows: about $1.00 in 20 s, by the last 2 runs."  # one after the other
    assert covers.startswith("The batch's budget covers about 1 of 2 rows")
    assert desk.json("batch", "company-brief", file, "--dry-run")["cost_usd"] == {"low": "1", "high": "1"}
    assert not Batch.objects.exists()


def hostile_texts(desk: Desk) -> None:
    bad = {"error": f"{HOSTILE}[bold]", "error_code": "x"}
    good = make_run(desk.cast.owner, desk.crew, output_raw=HOSTILE)
    failed = make_run(desk.cast.owner, desk.crew, state=RunState.FAILED, **bad)
    for run, code in ((good, 0), (failed, 1)):
        done = desk.types("watch", run.pk, code=code)
        assert "evil" in done.output
        assert not [sign for sign in done.output if not (sign.isprintable() or sign == "\n")]
    assert desk.json("watch", good.pk)["output"]["raw"] == HOSTILE
    assert desk.types("watch", good.pk, "--json").stdout.isascii()


def refusals(desk: Desk) -> None:
    nobody = "01a22b10-3d49-7d91-8c06-c397650b4ef2"
    for words, code in (
        (["launch", "nothing"], 2),
        (["launch", "company-brief"], 2),
        (["launch", "company-brief@x"], 2),
        (["launch", "company-brief", "-i", "company"], 2),
        (["runs", "status:odd"], 2),
        (["watch", nobody], 2),
        (["watch", "odd"], 2),
        (["bill", "2031-01"], 2),
        (["bill", "--by", "odd"], 2),
        (["compare", "company-brief@9", "company-brief@8"], 2),
        (["gate", "company-brief@99"], 2),
        (["launch", "company-brief", "--budget", "-1"], 2),
        (["nothing"], 2),
    ):
        assert "Traceback" not in desk.types(*words, code=code).output, words
    viewer = {settings.TOKEN: desk.tokens[Scope.READ]}
    assert "role runner" in desk.types("launch", "company-brief", "-i", "company=x", code=3, **viewer).stderr
    assert "cannot be reached" in desk.types("runs", code=3, **{settings.URL: "http://127.0.0.1:1"}).stderr
    assert desk.json("launch", "company-brief", code=2)["error"]["fields"].keys() == {"inputs.company"}
    assert desk.json("watch", nobody, code=2)["error"]["code"] == "not_found"


HEEDED = """
import os, signal, sys
signal.signal(signal.SIGINT, signal.SIG_DFL)
os.execv(sys.executable, [sys.executable, *sys.argv[1:]])
"""


def interrupting(desk: Desk) -> None:
    """Ctrl-C, sent to a real process that watches. A suite that was begun in the background ignores it, and what it
    starts does too, unless it is told otherwise."""
    run = make_run(desk.cast.owner, desk.crew, state=RunState.RUNNING)
    command = [sys.executable, "-c", HEEDED, "-m", "crewsite_client", "watch", str(run.pk)]
    env = os.environ | desk.environment | {"PYTHONPATH": str(ROOT / "client"), "PYTHONUNBUFFERED": "1"}
    pipes: Any = {"stdout": subprocess.PIPE, "stderr": subprocess.PIPE, "text": True}
    with subprocess.Popen(command, env=env, **pipes) as process:
        try:
            assert process.stderr is not None
            assert "running" in process.stderr.readline()
            process.send_signal(signal.SIGINT)
            out, told = process.communicate(timeout=60)
        finally:
            process.kill()
    assert (process.returncode, out) == (130, "")
    assert f"crewsite watch {run.pk}" in told
    assert "Traceback" not in told
    run.refresh_from_db()
    assert run.state == RunState.RUNNING


def make_versions(desk: Desk) -> None:
    """The second is dearer than the first, the third has few runs, the fourth none."""
    for role, usd, count, failed in (("One", 1, 12, 0), ("Dearer", 1.5, 12, 1), ("Few", 1, 3, 0), ("Unused", 0, 0, 0)):
        spec = brief_spec()
        agents = (spec.agents[0].model_copy(update={"role": role}), *spec.agents[1:])
        desk.crew.refresh_from_db()
        revision, spec = desk.crew.revision, spec.model_copy(update={"agents": agents})
        replace_spec(desk.cast.owner, desk.crew, expected_revision=revision, spec=spec)
        cut_version(desk.crew, by=desk.cast.owner.user)
        for at in range(count):
            state = RunState.FAILED if at < failed else RunState.SUCCEEDED
            make_run(desk.cast.owner, desk.crew, usd=usd + at / 100, state=state)
        if count:  # what was cancelled says nothing
            make_run(desk.cast.owner, desk.crew, usd=99, seconds=999, state=RunState.CANCELLED)


def test_a_gate_is_shut_open_or_cannot_tell(desk: Desk, subtests: pytest.Subtests) -> None:
    make_versions(desk)
    for part in (dearer, too_few, compared):
        with subtests.test(part=part.__name__):
            part(desk)


def dearer(desk: Desk) -> None:
    report = desk.folder / "report.md"
    shut = desk.types("gate", "company-brief@2", "--report", report, code=1)
    assert "company-brief@2 is worse than company-brief@1" in shut.stdout
    written = report.read_text()
    assert "| cost, median | $1.06 | $1.56 |" in written
    assert "| time, median | 30.0 s | 30.0 s | 0.00 s | 0.00 s … 0.00 s | +6.00 s | within |" in written
    found = desk.json("gate", "company-brief@2", code=1)
    verdicts = {one["measure"]: (one["verdict"], one["runs"]) for one in found["findings"]}
    assert verdicts == {"cost": ("worse", [12, 12]), "time": ("within", [12, 12]), "success": ("unclear", [12, 12])}
    assert (found["verdict"], found["version"]) == ("worse", {"name": "company-brief@2", "runs": 12, "succeeded": 11})
    assert desk.json("gate", "company-brief@2", "--max-cost", "60%", "--max-drop", "off")["verdict"] == "within"
    for wrong in (["--max-cost", "-1%"], ["--only", "status:odd"], ["--baseline", "company-brief@2"]):
        desk.types("gate", "company-brief@2", *wrong, code=2)
    desk.types("gate", "company-brief@1", code=2)


def too_few(desk: Desk) -> None:
    gate = ("gate", "company-brief@3", "--baseline", "company-brief@1", "--max-drop", "off")
    assert "12 and 3 runs are not enough to tell; about 3 more of each would be" in desk.types(*gate, code=4).stdout
    desk.types(*gate, "--allow-unclear")
    none = desk.types("gate", "company-brief", "--baseline", "company-brief@1", code=4).stderr
    assert "company-brief@4: no ended run" in none


def compared(desk: Desk) -> None:
    shown = desk.types("compare", "company-brief@1", "company-brief@2").stdout
    assert "Company brief v2" in shown
    assert "$1.56 median" in shown
    assert len(desk.json("compare", "company-brief@1", "version:2", "--baseline", "version:2")["columns"]) == 2
