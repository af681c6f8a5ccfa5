"""Every command against a server that means no good: clear errors, exit codes, and nothing that a terminal obeys."""

from __future__ import annotations

import json
import re
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

import click
import pytest
from click.testing import CliRunner, Result

from crewsite_client import answers
from crewsite_client.answers import File
from crewsite_client.command import settings
from crewsite_client.command.main import crewsite
from tests.client.answering import Answer, Answering, sample, stream
from tests.client.command.test_screen import HOSTILE
from tests.client.test_description import all_asks

RUN = "01a22b10-3d49-7d91-8c06-c397650b4ef2"
EVIL = f"{HOSTILE}[red]{'x' * 5_000}$(reboot)"
OWN = {"login", "logout", "profiles", "completion"}
"""They ask no server, or are tried elsewhere."""


def commands(folder: Path) -> dict[str, list[str]]:
    rows, crew = folder / "rows.csv", folder / "crew.json"
    rows.write_text("city\nUlm\n")
    crew.write_text("{}")
    new = ["support", "--name", "Each day", "--cron", "0 8 * * *"]
    return {
        "import": ["import", str(crew)],
        "import into": ["import", str(crew), "--into", "support", "--save", "note"],
        "export": ["export", "support", "-o", str(folder / "out"), "--force"],
        "launch": ["launch", "support"],
        "launch wait": ["launch", "support", "--wait"],
        "batch": ["batch", "support", str(rows)],
        "batch estimate": ["batch", "support", str(rows), "--dry-run"],
        "results": ["results", RUN, "-o", str(folder / "results.csv"), "--force"],
        "results xlsx": ["results", RUN, "-o", str(folder / "results.xlsx"), "--force"],
        "runs": ["runs"],
        "watch": ["watch", RUN],
        "cancel": ["cancel", RUN],
        "compare": ["compare", "support@1", "support@2"],
        "bill": ["bill", "--by", "text"],
        "bill file": ["bill", "-o", str(folder / "bill.csv"), "--force"],
        "bill frozen": ["bill", "-o", str(folder / "bill.json"), "--frozen", "--force"],
        "gate": ["gate", "support@2", "--report", str(folder / "report.md")],
        "gate data": ["gate", "support@2", "--data", str(rows)],
        "datasets list": ["datasets", "list"],
        "datasets show": ["datasets", "show", "leads"],
        "datasets new": ["datasets", "new", "leads", str(rows)],
        "datasets add": ["datasets", "add", "leads", str(rows)],
        "datasets delete": ["datasets", "delete", "leads", "--yes"],
        "datasets add dry": ["datasets", "add", "leads", str(rows), "--dry-run"],
        "datasets download": ["datasets", "download", "leads", "-o", str(folder), "--force"],
        "datasets rename": ["datasets", "rename", "leads", "others"],
        "datasets archive": ["datasets", "archive", "leads"],
        "schedules list": ["schedules", "list"],
        "schedules show": ["schedules", "show", RUN],
        "schedules next": ["schedules", "next", RUN],
        "schedules next cron": ["schedules", "next", "--cron", "0 8 * * *"],
        "schedules history": ["schedules", "history", RUN],
        "schedules new": ["schedules", "new", *new],
        "schedules edit": ["schedules", "edit", RUN, "--cron", "0 9 * * *"],
        "schedules on": ["schedules", "on", RUN],
        "schedules off": ["schedules", "off", RUN],
        "schedules run": ["schedules", "run", RUN],
        "schedules delete": ["schedules", "delete", RUN],
    }


def test_every_command_is_tried(tmp_path: Path) -> None:
    tried = {tuple(name.split()[:2]) for name in commands(tmp_path)}
    for name, command in crewsite.commands.items():
        parts = [(name, part) for part in command.commands] if isinstance(command, click.Group) else [(name,)]
        assert name in OWN or set(parts) <= tried | {one[:1] for one in tried}, name


def typed(url: str, folder: Path, words: list[str], **environment: str) -> Result:
    env = {settings.URL: url, settings.TOKEN: "crw_" + "t" * 20, settings.FILE: str(folder / "profiles.json")}
    env |= environment
    return CliRunner().invoke(crewsite, words, env=env)


def checked(done: Result, name: str) -> None:
    assert isinstance(done.exception, (SystemExit, type(None))), (name, done.exception)
    assert not [sign for sign in done.output if not (sign.isprintable() or sign == "\n")], name
    assert len(done.output) < 60_000, name


@pytest.mark.parametrize(
    "answer",
    [
        Answer(body={}),
        Answer(body={"items": [{}], "next": None, "status": "succeeded"}),
        Answer(body=[]),
        Answer(body=b"<html>Sign in</html>", headers={"Content-Type": "text/html"}),
        Answer(404, {"error": {"code": EVIL, "message": EVIL * 40, "fields": {EVIL: EVIL, "inputs.9.a": EVIL}}}),
        Answer(418, b"\x1b[2J"),
        Answer(302, headers={"Location": "https://elsewhere.example.com/\u009b"}),
    ],
    ids=lambda answer: f"{answer.status} {str(answer.body)[:20]!r}",
)
def test_what_is_no_answer_is_one_clear_error(tmp_path: Path, answer: Answer) -> None:
    with Answering(answer) as server:
        for name, words in commands(tmp_path).items():
            if answer.status == 200 and name in ("bill file", "schedules delete", "results xlsx"):
                continue  # any file is one, and nothing is the answer to a deletion
            done = typed(server.url, tmp_path, words)
            checked(done, name)
            assert done.exit_code in (2, 3), (name, done.output)
            assert done.stderr.startswith(("crewsite: ", "Warning")) or "crewsite: " in done.stderr, name
            assert len(done.stderr) < 12_000, name
            as_json = typed(server.url, tmp_path, [*words, "--json"])
            assert set(json.loads(as_json.stdout)["error"]) == {"code", "message", "fields"}, name
            assert as_json.exit_code == done.exit_code, name
    assert not (tmp_path / "leads.csv").exists()


def evil(value: Any, number: int) -> Any:
    """An answer of the right shape whose texts and figures are as odd as that allows."""
    if isinstance(value, dict):
        made = {name: evil(one, number) for name, one in value.items()} or {EVIL: EVIL}
        return made | {name: None for name in ("next", "times_next") if isinstance(value.get(name), str)}
    if isinstance(value, list):
        return [evil(one, number) for one in value]
    if type(value) is int:
        return number
    if type(value) is float:
        return float(number)
    return EVIL if value == "text" else value


@contextmanager
def well_shaped(number: int) -> Iterator[str]:
    """A server that answers each operation of the client as its type says."""
    routes = [
        (ask.method, re.compile(re.sub(r"\\{\w+\\}|\{\w+\}", "[^/]+", f"/api/v1{ask.route}")), ask.answer)
        for _, ask in all_asks()
    ]

    class Shaped(Answering):
        def _give(self, handler: Any, answer: Answer) -> None:
            super()._give(handler, self._of(handler.command, urlsplit(handler.path).path))

        def _of(self, method: str, path: str) -> Answer:
            (kind, *_) = [kind for one, route, kind in routes if one == method and route.fullmatch(path)]
            if path.endswith("/events"):
                state = sample(answers.Run, full=True) | sample(answers.BatchSummary, full=True)
                told = json.dumps(evil(state, number) | {"status": "failed", "live": 0})
                return stream(f"event: run\ndata: {told}\n\nevent: batch\ndata: {told}\n\n".encode())
            if kind is File:
                return Answer(body=EVIL.encode("utf-8", "replace"))
            return Answer(body=evil(sample(kind, full=True), number))

    with Shaped(Answer()) as server:
        yield server.url


@pytest.mark.parametrize("number", [-1, 2**62])
def test_texts_and_figures_of_answers_are_harmless(tmp_path: Path, number: int) -> None:
    with well_shaped(number) as url:
        for name, words in commands(tmp_path).items():
            done, as_json = (typed(url, tmp_path, [*words, *more]) for more in ([], ["--json"]))
            checked(done, name)
            json.loads(as_json.stdout)
            # A run that failed, a gate, and a document whose SHA-256 is another are other than good.
            expected = {"bill frozen": {3}, "datasets add dry": {2}, "gate": {1, 2, 4}, "gate data": {1, 2, 4}}.get(
                name, {0, 1, 5}
            )
            assert done.exit_code in expected, (name, done.exit_code, done.output[-300:])
        for shell in ("bash_complete", "zsh_complete", "fish_complete"):
            env = {
                settings.URL: url,
                settings.TOKEN: "crw_" + "t" * 20,
                "_CREWSITE_COMPLETE": shell,
                "COMP_WORDS": "crewsite launch ",
                "COMP_CWORD": "2",
            }
            assert "reboot" not in CliRunner().invoke(crewsite, [], env=env).output


def test_a_picture_that_moves_is_harmless_too(tmp_path: Path) -> None:
    """On a terminal, where the picture's own sequences move it."""
    with well_shaped(2**62) as url:
        for name in ("watch", "launch wait", "batch", "gate data", "runs", "schedules show"):
            done = typed(url, tmp_path, commands(tmp_path)[name], FORCE_COLOR="1", TERM="xterm", COLUMNS="80")
            assert isinstance(done.exception, (SystemExit, type(None))), (name, done.exception)
            assert "\x1b[" in done.output, name
            told = re.sub(r"\x1b\[[0-9;?]*[mAKhlGH]", "", done.output).replace("\r", "")
            assert not [sign for sign in told if not (sign.isprintable() or sign == "\n")], name
            assert "evil" in told, name


def test_an_export_writes_over_nothing_that_the_server_names(tmp_path: Path) -> None:
    (tmp_path / "Makefile").write_text("mine")
    for named in ("Makefile", "../Makefile", str(tmp_path / "Makefile")):
        file = Answer(body=b"theirs", headers={"Content-Disposition": f'attachment; filename="{named}"'})
        with Answering(file, Answer(body=sample(answers.ExportReport))) as server:
            done = typed(server.url, tmp_path, ["export", "support", "-o", str(tmp_path), "--force"])
            assert done.exit_code == 0, done.output
    assert (tmp_path / "Makefile").read_text() == "mine"
    assert (tmp_path / "support.json").read_text() == "theirs"
    for crew in ("../support", "a/b", ".hidden", "-"):
        assert typed(server.url, tmp_path, ["export", crew, "-o", str(tmp_path)]).exit_code == 2
