"""``crewsite login``, ``logout``, ``profiles`` and ``completion``."""

from __future__ import annotations

import sys

import click
from click.shell_completion import get_completion_class

from crewsite_client import CrewsiteError
from crewsite_client.address import checked_address, checked_token
from crewsite_client.command import codes, settings
from crewsite_client.command.here import Stop, client, code_of, message_of
from crewsite_client.command.screen import Screen, clean


@click.command(short_help="Keep a server and a token.")
@click.option("--url", prompt="Address of the server", help="As https://crews.example.com.")
@click.option("--profile", default=settings.USUAL, show_default=True, metavar="NAME", help="What it is called.")
@click.option("--token-stdin", is_flag=True, help="Read the token from standard input instead of asking for it.")
@click.option("--over-http", is_flag=True, help="Send the token to another machine in the clear.")
def login(url: str, profile: str, token_stdin: bool, over_http: bool) -> None:
    """Keep a server and a token under a name, in a file that only you can read.

    The token is made on the server's page of tokens. It is never given as an argument: others could read it there.
    """
    screen = Screen(as_json=False)
    try:
        address = checked_address(url, over_http=over_http)
        token = sys.stdin.readline() if token_stdin else click.prompt("Token", hide_input=True)
        made = settings.Profile(address, checked_token(token), over_http)
        with client(made) as site:
            team = site.team()
        settings.keep(profile, made)
    except CrewsiteError as error:
        raise Stop(clean(message_of(error)), code_of(error)) from None
    except OSError as fault:
        raise Stop(f"{settings.path()} cannot be written: {fault.strerror}.") from None
    screen.say(f"{team['name']} at {address}, as {team['role']}: profile {profile!r} in {settings.path()}")


@click.command()
@click.option("--profile", default=settings.USUAL, show_default=True, metavar="NAME")
def logout(profile: str) -> None:
    """Forget a profile. Its token works until it is revoked on the server's page of tokens."""
    if not settings.forget(profile):
        raise Stop(f"There is no profile {profile!r}.")


@click.command()
@click.option("--json", "as_json", is_flag=True, help="One JSON document on standard output, for programs.")
def profiles(as_json: bool) -> None:
    """List the kept servers, without their tokens."""
    screen, kept = Screen(as_json=as_json), settings.profiles()
    if as_json:
        screen.document({"items": [{"name": name, "url": one.url} for name, one in kept.items()]})
    else:
        screen.table(["profile", "server"], [[name, one.url] for name, one in kept.items()])
    if settings.readable_by_others():
        screen.say(f"Others can read {settings.path()}: chmod 600 it, and make new tokens.", style="yellow")


@click.command(short_help="Make a shell complete commands and crews.")
@click.argument("shell", type=click.Choice(["bash", "zsh", "fish"]))
def completion(shell: str) -> int:
    """Print what makes a shell complete commands, options and crews.

    bash and zsh: eval "$(crewsite completion bash)"; fish: crewsite completion fish | source
    """
    made = get_completion_class(shell)
    root = click.get_current_context().find_root()
    if made is None:
        raise Stop(f"{shell} is not known.")
    click.echo(made(root.command, {}, "crewsite", "_CREWSITE_COMPLETE").source())
    return codes.GOOD
