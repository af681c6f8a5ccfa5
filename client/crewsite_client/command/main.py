"""The command line's entry: all commands, and what holds for each of them."""

from __future__ import annotations

import io
import os
import sys

import click

from crewsite_client.command.batches import batch, results
from crewsite_client.command.crews import export, import_
from crewsite_client.command.data_sets import data_sets
from crewsite_client.command.gate.gate import gate
from crewsite_client.command.money import bill, compare
from crewsite_client.command.profiles import completion, login, logout, profiles
from crewsite_client.command.runs import cancel, launch, runs, watch
from crewsite_client.command.schedules import schedules
from crewsite_client.connection import AGENT

EPILOG = (
    "Exit codes: 0 good · 1 a run failed, or the gate is shut · 2 what was asked cannot be · 3 not allowed or not "
    "reachable · 4 too few runs to tell · 5 not ended in time, or paused · 130 interrupted · 141 nobody reads on"
)


@click.group(epilog=EPILOG, context_settings={"help_option_names": ["-h", "--help"], "max_content_width": 110})
@click.version_option(AGENT.partition("/")[2], prog_name="crewsite")
def crewsite() -> None:
    """Launch, watch, compare and bill crews of a Crewsite server.

    'crewsite login' says which server; CREWSITE_URL and CREWSITE_TOKEN do so for programs.
    """


for command in (
    import_,
    export,
    launch,
    batch,
    results,
    data_sets,
    schedules,
    runs,
    watch,
    cancel,
    compare,
    bill,
    gate,
    login,
    logout,
    profiles,
    completion,
):
    crewsite.add_command(command)


def main() -> None:
    """What ``pip install`` makes the program ``crewsite`` of. A stream that is closed goes nowhere."""
    for name, mode in (("stdin", "r"), ("stdout", "w"), ("stderr", "w")):
        if getattr(sys, name) is None:
            setattr(sys, name, open(os.devnull, mode, encoding="utf-8"))  # noqa: SIM115 - to the program's end
    for stream in (sys.stdout, sys.stderr):
        if isinstance(stream, io.TextIOWrapper):
            stream.reconfigure(errors="replace")
    crewsite(prog_name="crewsite")
