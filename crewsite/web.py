"""Serves the pages and the API: one uvicorn process, on HOST and PORT or on a socket that the launcher has opened."""

from __future__ import annotations

import os
import socket
import sys

import uvicorn

from crewsite import env

GRACEFUL_S = 2


def main(arguments: list[str]) -> None:
    """``arguments``: the descriptor of a bound socket, or nothing."""
    os.environ.setdefault("CREWSITE_PROCESS", "web")
    sockets = [socket.socket(fileno=int(arguments[0]))] if arguments else None
    config = uvicorn.Config(
        "crewsite.asgi:application",
        host=env.text("HOST", "127.0.0.1"),
        port=env.integer("PORT", 8000, least=1, most=65535),
        lifespan="off",  # Django's ASGI application has none
        log_config=None,  # ours is set up with Django
        access_log=False,
        server_header=False,
        timeout_graceful_shutdown=GRACEFUL_S,  # open event streams would otherwise keep it from ending
    )
    uvicorn.Server(config).run(sockets)


if __name__ == "__main__":
    main(sys.argv[1:])
