"""Data sets, schedules, bills and results by the command line, against a real server."""

from __future__ import annotations

import csv
import hashlib
import io
import json
from decimal import Decimal

import pytest
from django.utils import timezone

from crewsite_client.command.files import results
from runs.closing.actions import close_month
from runs.models import DataSet, Run, Schedule, ScheduleTime
from teams.models import Scope
from teams.texts import spreadsheets
from tests.client.command.desk import Desk
from tests.runs.closing.months import Month

pytestmark = pytest.mark.django_db(transaction=True)


def test_what_is_kept_and_what_comes_back(desk: Desk, subtests: pytest.Subtests) -> None:
    for part in (kept, downloaded, renamed, batch_of_a_set, scheduled, turned_off_and_on, history, bills):
        with subtests.test(part=part.__name__):
            part(desk)


def table(text: str) -> list[list[str]]:
    return list(csv.reader(io.StringIO(text)))


def kept(desk: Desk) -> None:
    file = desk.folder / "leads.csv"
    file.write_text("company;note\nAcme;=1+1\nInitech;\n")
    assert desk.types("datasets", "list").stderr == "There are none.\n"
    assert desk.types("datasets", "new", "leads", file, "--idempotency-key", "n").stdout == "leads@1\n"
    assert desk.types("datasets", "new", "leads", file, "--idempotency-key", "n").stdout == "leads@1\n"  # once
    assert "name" in desk.json("datasets", "new", "leads", file, code=2)["error"]["fields"]
    more = desk.folder / "more.jsonl"
    more.write_text('{"company": "Umbrella"}\n')
    assert desk.types("datasets", "add", "leads", more, "--append").stdout == "leads@2\n"
    changes = desk.types("datasets", "add", "leads", more, "--dry-run").stdout
    assert [line.split() for line in changes.splitlines()] == [
        ["same", "1"],
        ["added", "0"],
        ["removed", "2"],
        ["columns", "-note"],
    ]
    assert desk.json("datasets", "add", "leads", more, "--append", "--dry-run")["behind"]["repeated"] == 1
    made = desk.json("datasets", "add", "leads", more)
    assert (made["version"], made["rows"], made["columns"]) == (3, 1, ["company"])
    assert "leads@3" in desk.types("datasets", "list").stdout
    shown = desk.types("datasets", "show", "leads@2", "-n", "2").stdout
    assert "Version 2, 2 rows of 3" in shown
    assert "Initech" in shown
    assert "Umbrella" not in shown
    assert any(line.split() == ["note", "texts", "1", "2", "1"] for line in shown.splitlines())
    found = desk.json("datasets", "show", "leads")
    assert [one["version"] for one in found["versions"]] == [3, 2, 1]
    assert found["items"] == [{"row": 1, "inputs": {"company": "Umbrella"}}]


def downloaded(desk: Desk) -> None:
    assert results.FORMULA == spreadsheets.FORMULA
    file = desk.folder / "leads.csv"
    assert desk.types("datasets", "download", "leads@2", "-o", desk.folder, "--force").stdout.endswith("leads.csv\n")
    assert table(file.read_text()) == [["company", "note"], ["Acme", "'=1+1"], ["Initech", ""], ["Umbrella", ""]]
    assert "is there already" in desk.types("datasets", "download", "leads", "-o", file, code=2).stderr
    exact = desk.folder / "exact.jsonl"
    desk.types("datasets", "download", "leads@1", "-o", exact)
    assert json.loads(exact.read_text().splitlines()[0]) == {"company": "Acme", "note": "=1+1"}


def renamed(desk: Desk) -> None:
    assert desk.types("datasets", "rename", "leads", "prospects").stdout == "prospects@3\n"
    assert desk.json("datasets", "archive", "prospects")["archived"]
    assert [one["name"] for one in desk.json("datasets", "list", "--archived")["items"]] == ["prospects"]
    assert not desk.json("datasets", "archive", "prospects", "--back")["archived"]
    offered = {"_CREWSITE_COMPLETE": "bash_complete", "COMP_WORDS": "crewsite datasets show pro", "COMP_CWORD": "3"}
    assert "prospects" in desk.types(**offered).stdout
    for words in (["show", "gone"], ["show", "prospects@9"], ["show", "../up"], ["download", "prospects@x"]):
        assert "Traceback" not in desk.types("datasets", *words, code=2).output
    viewer = {"CREWSITE_TOKEN": desk.tokens[Scope.READ]}
    assert "role runner" in desk.types("datasets", "archive", "prospects", code=3, **viewer).stderr


def batch_of_a_set(desk: Desk) -> None:
    mapped = ("batch", "company-brief", "--dataset", "prospects@1", "--map", "note=company", "--dry-run")
    assert "row 2, note" in desk.types(*mapped, code=2).stderr
    launched = desk.json("batch", "company-brief", "--dataset", "prospects@1", "--no-wait")
    assert (launched["dataset"], launched["total"]) == ("prospects@1", 2)
    assert "2 simulated rows" in desk.types("batch", "company-brief", "--dataset", "prospects@1", "--dry-run").stdout
    for wrong in ([], ["--dataset", "prospects", "--format", "csv"], [desk.folder / "more.jsonl", "--dataset", "x"]):
        desk.types("batch", "company-brief", *wrong, code=2)
    for name in ("r.csv", "r.tsv", "r.json", "r.jsonl", "r.xlsx"):
        target = desk.folder / name
        assert desk.json("results", launched["id"], "-o", target)["bytes"] == target.stat().st_size
        assert "is there already" in desk.types("results", launched["id"], "-o", target, code=2).stderr
    assert [line[1] for line in table((desk.folder / "r.csv").read_text())] == ["company", "Acme", "Initech"]
    assert (desk.folder / "r.xlsx").read_bytes().startswith(b"PK")
    desk.types("results", "nothing", "-o", desk.folder / "none.csv", code=2)
    desk.types("results", launched["id"], "-o", desk.folder / "none" / "none.csv", code=2)
    desk.types("cancel", launched["id"])
    assert not [one.name for one in desk.folder.iterdir() if one.name.startswith(".")]


def scheduled(desk: Desk) -> None:
    assert desk.types("schedules", "list").stderr == "There are none.\n"
    new = ("schedules", "new", "company-brief", "--name", "Each day", "--idempotency-key", "s")
    assert len(desk.json("schedules", "next", "--cron", "0 8 * * *", "--time-zone", "Asia/Tokyo")["next"]) == 5
    assert "cron" in desk.json("schedules", "next", "--cron", "often", code=2)["error"]["fields"]
    desk.types("schedules", "next", code=2)
    assert "Say when" in desk.types(*new, code=2).stderr
    assert "cron" in desk.json(*new, "--cron", "often", "-i", "company=Acme", code=2)["error"]["fields"]
    terms = ("--cron", "30 8 * * 1-5", "--time-zone", "Europe/Berlin", "-i", "company=Acme", "--budget", "0.5")
    shown = desk.types(*new, *terms, "--simulated", "yes").stdout
    assert "30 8 * * 1-5 Europe/Berlin" in shown
    assert "each run $0.500" in shown
    made = Schedule.objects.get()
    assert (made.inputs, made.run_budget_nusd, made.simulated) == ({"company": "Acme"}, 500_000_000, True)
    assert desk.json(*new, *terms, "--simulated", "yes")["id"] == str(made.pk)  # once


def turned_off_and_on(desk: Desk) -> None:
    made = Schedule.objects.get()
    assert len(desk.types("schedules", "next", "Each day").stdout.splitlines()) == len(
        desk.json("schedules", "next", made.pk)["next"]
    )
    changed = desk.json("schedules", "edit", "Each day", "--cron", "0 * * * *", "--budget", "none", "--catch-up")
    assert (changed["cron"], changed["budget_usd"], changed["catch_up"]) == ("0 * * * *", None, True)
    assert (changed["time_zone"], changed["inputs"]) == ("Europe/Berlin", {"company": "Acme"})
    assert "Say what" in desk.types("schedules", "edit", "Each day", code=2).stderr
    assert "somebody turned it off" in desk.types("schedules", "off", made.pk).stdout
    assert "It is off" in desk.types("schedules", "next", made.pk, code=5).stderr
    assert desk.json("schedules", "on", made.pk)["on"]


def history(desk: Desk) -> None:
    made = Schedule.objects.get()
    assert "None of its times" in desk.types("schedules", "history", made.pk).stderr
    launched = desk.types("schedules", "run", made.pk, "--idempotency-key", "r").stdout.strip()
    assert desk.types("schedules", "run", made.pk, "--idempotency-key", "r").stdout.strip() == launched
    assert Run.objects.filter(pk=launched).exists()
    listed = desk.types("schedules", "history", "Each day").stdout
    assert "launched by hand" in listed
    assert launched in listed
    assert desk.json("schedules", "history", made.pk)["items"][0]["run"] == launched
    assert "company-brief" in desk.types("schedules", "list").stdout
    over_rows = ("schedules", "edit", "Each day", "--dataset", "prospects", "--batch-budget", "2", "--budget", "1")
    assert "company-brief over prospects" in desk.types(*over_rows, "--stop-after", "3").stdout
    shown = desk.json("schedules", "show", made.pk)
    assert (shown["batch_budget_usd"], shown["counts"]["launched"]) == ("2", 1)
    assert "1 launched" in desk.types("schedules", "show", made.pk).stdout
    for outcome in ("missed", "off"):
        ScheduleTime.objects.create(schedule=made, due_at=timezone.now(), outcome=outcome, earlier=outcome == "missed")
    assert "1 launched, 1 or more missed, 1 turned off" in desk.types("schedules", "show", made.pk).stdout
    assert desk.json("schedules", "edit", made.pk, "--map", "company=company")["columns"] == {"company": "company"}
    assert "Each day" in desk.types("datasets", "delete", "prospects", "--yes", code=2).stderr
    for words in (
        ["show", "gone"],
        ["show", "01a22b10-3d49-7d91-8c06-c397650b4ef2"],
        ["edit", "x", "--concurrency", "0"],
    ):
        assert "Traceback" not in desk.types("schedules", *words, code=2).output
    assert desk.json("schedules", "delete", "Each day") == {"id": str(made.pk), "deleted": True}
    assert not Schedule.objects.exists()
    assert "say --yes" in desk.types("datasets", "delete", "prospects", code=2).stderr
    assert desk.json("datasets", "delete", "prospects", "--yes") == {"name": "prospects", "deleted": True}
    assert not DataSet.objects.exists()


def bills(desk: Desk) -> None:
    made = Month(desk.cast)
    month, lines = f"{made.month:%Y-%m}", desk.folder / "bill.csv"
    desk.types("bill", month, "--by", "crew,model", "-o", lines)
    head, *rows = table(lines.read_text())
    assert {"crew", "model", "spent_usd"} <= set(head)
    spent = sum(Decimal(row[head.index("spent_usd")]) for row in rows)
    assert spent == Decimal(desk.json("bill", month)["total_usd"]) > 0
    document = desk.folder / "bill.json"
    desk.types("bill", month, "-o", document, "--frozen", code=2)
    close_month(desk.cast.owner, made.month)
    told = desk.json("bill", month, "-o", document, "--frozen")
    assert told["sha256"] == hashlib.sha256(document.read_bytes()).hexdigest() == desk.json("bill", month)["hash"]
    desk.types("bill", month, "-o", desk.folder / "frozen.csv", "--frozen")
    assert "'=Other" in (desk.folder / "frozen.csv").read_text()
    for wrong in (["-o", desk.folder / "bill.pdf"], ["--frozen"], ["-o", lines], ["-o", desk.folder / "x.json"]):
        desk.types("bill", month, *wrong, code=2)
