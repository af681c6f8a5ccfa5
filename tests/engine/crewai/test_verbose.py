"""``verbose=True``: what is printed, when, and that nothing which a model wrote can command the terminal."""

from __future__ import annotations

import io
import os
import pty
import re
import subprocess
import sys
import threading
from decimal import Decimal
from pathlib import Path
from typing import Any

import pytest

from engine import LLM, Agent, Crew, KickoffFailed, Task, tool
from engine.crewai.results import UsageMetrics
from engine.crewai.terminal import ask_at_terminal, harmless
from engine.errors import ProviderError
from engine.providers.llm import LLMRequest
from engine.providers.simulator import Simulator
from engine.record.progress import TaskStarted
from tests.engine.crews import agent, crew, task
from tests.engine.scripts import by_role, in_turn, use

ROOT = Path(__file__).resolve().parents[3]
COLOUR = re.compile(r"\x1b\[[0-9;]*m")
HOSTILE = "Fine\x1b]52;c;cm0gLXJm\x07\x1b[2J\x9b31m\r\x08\u202egnp.exe\u2066 \U000e0041 end"


@tool
def look_up(word: str) -> str:
    """Looks a word up."""
    return f"{word} means {HOSTILE}"


def verbose_crew(client: Simulator, **options: Any) -> Crew:
    fields = {"verbose": True, "name": "Dictionary"} | options
    worker = Agent(role="The worker", tools=[look_up], verbose=fields.pop("agent_verbose", False))
    other = Agent(role="The other")
    tasks = [Task(name="First", description="Explain {it}", agent=worker), Task(description="Sum up", agent=other)]
    return Crew(agents=[worker, other], tasks=tasks, llm_client=client, **fields)


def words(line: str) -> str:
    """A line without its time and with single spaces."""
    return " ".join(line.split()[2:])


def test_a_line_for_each_thing_that_happens_and_the_sums(capsys: pytest.CaptureFixture[str]) -> None:
    result = verbose_crew(in_turn(use("look_up", word="tea"), "A drink", "Short")).kickoff({"it": "tea"})
    lines = capsys.readouterr().out.splitlines()
    usage = result.token_usage
    sums = rf"\d+\.\d s, {usage.total_tokens:,} tokens in 3 requests, \${usage.cost_usd:.6f}"
    expected = [
        "First begun by The worker: Explain tea",
        r'First calls look_up \{"word": "tea"\}',
        r"First look_up answered \(0\.\d s\): tea means Fine.*",
        r"First done, \d+\.\d s, [\d,]+ tokens in 2 requests, \$0\.\d{6}: A drink",
        "Task 2 begun by The other: Sum up",
        r"Task 2 done, \d+\.\d s, [\d,]+ tokens in 1 request, \$0\.\d{6}: Short",
        f"Dictionary done, {sums}",
    ]
    assert len(lines) == len(expected)
    for line, pattern in zip(lines, expected, strict=True):
        assert re.fullmatch(pattern, words(line)), line
    parts = [int(count.replace(",", "")) for line in lines[3:6:2] for count in re.findall(r"([\d,]+) tokens", line)]
    assert sum(parts) == usage.total_tokens


def test_each_line_is_printed_when_it_happens(capsys: pytest.CaptureFixture[str]) -> None:
    seen: list[str] = []

    def script(request: LLMRequest) -> str:
        seen.append(capsys.readouterr().out)
        return "Done"

    verbose_crew(Simulator(script=script)).kickoff({"it": "tea"})
    assert [text.count("\n") for text in seen] == [1, 2]
    assert "First" in seen[0]
    assert "begun" in seen[0]


def test_a_silent_crew_prints_nothing(capsys: pytest.CaptureFixture[str]) -> None:
    verbose_crew(in_turn("A", "B"), verbose=False).kickoff({"it": "tea"})
    assert capsys.readouterr().out == ""


def test_a_verbose_agent_alone_prints_its_own_work(capsys: pytest.CaptureFixture[str]) -> None:
    verbose_crew(in_turn("A", "B"), verbose=False, agent_verbose=True).kickoff({"it": "tea"})
    assert [words(line).split()[:2] for line in capsys.readouterr().out.splitlines()] == [
        ["First", "begun"],
        ["First", "done,"],
    ]


def test_runs_at_once_are_told_apart(capsys: pytest.CaptureFixture[str]) -> None:
    client = by_role(worker="A", other="B")
    verbose_crew(client).kickoff_for_each([{"it": "tea"}, {"it": "milk"}])
    lines = capsys.readouterr().out.splitlines()
    assert {line.split()[2] for line in lines} == {"#1", "#2"}
    assert sum("#2" in line for line in lines) == 5


def test_a_failure_says_why_and_what_it_cost(capsys: pytest.CaptureFixture[str]) -> None:
    refused = ProviderError(f"gpt-4o-mini: no{HOSTILE}", retryable=False)
    with pytest.raises(KickoffFailed):
        verbose_crew(in_turn(refused)).kickoff({"it": "tea"})
    out = capsys.readouterr().out
    assert re.search(r"First +no answer of gpt-4o-mini: gpt-4o-mini: noFine", out)
    assert re.search(r"First +failed, \d+\.\d s, 0 tokens in 0 requests, \$0\.000000: gpt-4o-mini: no", out)
    assert re.search(r"Task 2 +not done: Not started, because", out)
    assert re.search(r"Dictionary +failed: ", out)


def test_an_unknown_price_is_unpriced(capsys: pytest.CaptureFixture[str]) -> None:
    run = verbose_run()
    run.ended(UsageMetrics(total_tokens=1, cost_usd=None))
    run.ended(UsageMetrics(total_tokens=1234, cost_usd=Decimal("1.25")))
    first, second = capsys.readouterr().out.splitlines()
    assert first.endswith("1 token in 0 requests, unpriced")
    assert second.endswith("1,234 tokens in 0 requests, $1.2500")


def verbose_run(**options: Any) -> Any:
    from engine.crewai.verbose import VerboseRun

    spec = crew(task("a", description=HOSTILE), agents=(agent(),))
    return VerboseRun(spec, None, **options)


HOSTILE_CREW = """
from tests.engine.crewai.test_verbose import HOSTILE, use, in_turn, verbose_crew
verbose_crew(in_turn(use("look_up", word=HOSTILE), HOSTILE, HOSTILE), name=HOSTILE).kickoff({"it": HOSTILE})
"""


def test_what_models_and_tools_write_cannot_command_a_terminal() -> None:
    shown = at_a_terminal(HOSTILE_CREW)
    assert "\x1b[" in shown, "a terminal is written to in colours"
    plain = COLOUR.sub("", shown).replace("\r\n", "\n")
    assert r"\x1b]52;c;" in plain
    assert r"\u202egnp.exe" in plain
    assert harmless(plain) == plain


def at_a_terminal(script: str) -> str:
    """What a terminal gets of the script's output."""
    ours, theirs = pty.openpty()
    got: list[bytes] = []
    environment = {**os.environ, "TERM": "xterm-256color", "PYTHONPATH": str(ROOT)}
    for name in ("NO_COLOR", "FORCE_COLOR"):
        environment.pop(name, None)
    child = subprocess.Popen(
        [sys.executable, "-c", script], stdin=subprocess.DEVNULL, stdout=theirs, env=environment, cwd=ROOT
    )
    os.close(theirs)
    reader = threading.Thread(target=lambda: got.extend(iter(lambda: read(ours), b"")))
    reader.start()
    assert child.wait(120) == 0
    reader.join(60)
    os.close(ours)
    return b"".join(got).decode()


def read(terminal: int) -> bytes:
    try:
        return os.read(terminal, 4096)
    except OSError:  # the other end is closed
        return b""


def test_in_a_pipe_there_are_neither_colours_nor_commands() -> None:
    environment = {**os.environ, "PYTHONPATH": str(ROOT)}
    done = subprocess.run(
        [sys.executable, "-c", HOSTILE_CREW], capture_output=True, check=True, env=environment, cwd=ROOT, timeout=120
    )
    text = done.stdout.decode()
    assert harmless(text) == text
    assert text.count("\n") == 7


def test_secrets_are_never_printed(capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("SOME_API_KEY", "sk-of-the-environment")
    own = "sk-of-the-model-itself"
    worker = Agent(role="The worker", tools=[look_up], llm=LLM("gpt-4o-mini", api_key=own))
    client = in_turn(use("look_up", word=f"{own} sk-of-the-environment"), f"It is {own}")
    Crew(agents=[worker], tasks=[Task(description="Do it", agent=worker)], llm_client=client, verbose=True).kickoff()
    out = capsys.readouterr().out
    assert "sk-of" not in out
    assert out.count("[secret]") == 5


def test_a_reader_who_leaves_costs_no_run(monkeypatch: pytest.MonkeyPatch) -> None:
    class Closed(io.StringIO):
        def write(self, text: str) -> int:
            raise BrokenPipeError

    monkeypatch.setattr(sys, "stdout", Closed())
    assert verbose_crew(in_turn("A", "B")).kickoff({"it": "tea"}).raw == "B"


def test_a_console_that_knows_few_letters_gets_the_others_spelled_out(monkeypatch: pytest.MonkeyPatch) -> None:
    raw = io.BytesIO()
    monkeypatch.setattr(sys, "stdout", io.TextIOWrapper(raw, encoding="ascii"))
    assert verbose_crew(in_turn("Tee \u8336", "B")).kickoff({"it": "tea"}).raw == "B"
    assert b"Tee \\u8336" in raw.getvalue()


def test_titles_of_wide_letters_stand_in_one_column(capsys: pytest.CaptureFixture[str]) -> None:
    from rich.cells import cell_len

    from engine.crewai.verbose import VerboseRun

    run = VerboseRun(crew(task("a", name="\u8336\u8336"), task("b", name="Tea")), None)
    for key in ("a", "b"):
        run(TaskStarted(key, "worker"))
    begun = [cell_len(line.partition("begun")[0]) for line in capsys.readouterr().out.splitlines()]
    assert begun[0] == begun[1]


async def test_a_person_is_shown_an_answer_that_commands_nothing(monkeypatch: pytest.MonkeyPatch) -> None:
    shown: list[str] = []
    monkeypatch.setattr("builtins.input", lambda question: shown.append(question) or "")
    assert (await ask_at_terminal("a", f"Line one\nLine two {HOSTILE}")).approved
    assert "Line one\nLine two Fine\\x1b]52" in shown[0]
    assert harmless(shown[0]) == shown[0]


def test_texts_of_all_scripts_stay_as_they_are() -> None:
    hebrew, persian = "\u05e9\u05dc\u05d5\u05dd \u200f!", "\u0645\u06cc\u200c\u062e\u0648\u0627\u0647\u0645"
    text = f"{hebrew} {persian} \U0001f468\u200d\U0001f469 caf\u00e9\tand\n\u4e2d\u6587"
    assert harmless(text) == text
