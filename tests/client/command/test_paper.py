"""docs/client.md names commands, options, variables and exit codes that there are, and all of them."""

from __future__ import annotations

import re
from pathlib import Path

import click

from crewsite_client.command import codes, settings
from crewsite_client.command.main import crewsite

PAPER = (Path(__file__).parents[3] / "docs/client.md").read_text()
WHOLE = re.sub(r"\n +(?=--)", " ", PAPER)
"""Commands that go over several lines are one."""


def options_of(command: click.Command) -> set[str]:
    """Of a command of several parts, those of all of them."""
    inner = command.commands.values() if isinstance(command, click.Group) else ()
    mine = {
        word for one in command.params if isinstance(one, click.Option) for word in (*one.opts, *one.secondary_opts)
    }
    return mine.union(*map(options_of, inner))


def test_every_command_is_told_of() -> None:
    assert set(re.findall(r"crewsite ([a-z]+)", PAPER)) == set(crewsite.commands)


def test_every_part_of_a_command_is_told_of() -> None:
    groups = {name: one for name, one in crewsite.commands.items() if isinstance(one, click.Group)}
    assert len(groups) > 1
    for name, group in groups.items():
        (told,) = re.findall(rf"^\| `crewsite {name} [^|]*\|[^|]*\|$", PAPER.replace("\\|", "/"), re.MULTILINE)
        assert set(group.commands) <= set(re.findall(r"[a-z]+", told)), name


def test_every_option_in_a_command_line_is_one_of_its_command() -> None:
    seen = 0
    for name, rest in re.findall(r"crewsite ([a-z]+)([^\n`]*)", WHOLE):
        for option in re.findall(r"(?<!\S)(--?[a-z][a-z-]*)", rest.partition(" >> ")[0].partition(" | ")[0]):
            seen += 1
            assert option in options_of(crewsite.commands[name]), (name, option)
    assert seen > 15
    everywhere = set().union(*map(options_of, crewsite.commands.values()))
    assert set(re.findall(r"`(--[a-z-]+)", PAPER)) <= everywhere


def test_exit_codes_and_variables_are_those_of_the_code() -> None:
    told = {int(code) for code in re.findall(r"^\| (\d+) \|", PAPER, re.MULTILINE)}
    assert told == {value for name, value in vars(codes).items() if name.isupper()}
    variables = {settings.URL, settings.TOKEN, settings.PROFILE, settings.FILE}
    assert set(re.findall(r"`(CREWSITE_[A-Z]+)`", PAPER)) == variables
