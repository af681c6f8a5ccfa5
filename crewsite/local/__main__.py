"""``make up``: the whole application on one machine. PostgreSQL, migrations, web and one worker, and one sign-in link.

It starts everything, prints where it is, and stops everything in order on Ctrl-C. Web and worker are started again if
they end by themselves; if one of them does so again and again, or PostgreSQL ends, all is stopped.
"""

from __future__ import annotations

import errno
import signal
import sys
import time

from crewsite import env
from crewsite.local.application import Application
from crewsite.local.environment import data_dir
from crewsite.local.postgres_account import PostgresFailed
from crewsite.local.preconditions import CannotStart, take_lock


def main() -> int:
    folder = data_dir()
    began = time.monotonic()
    application = Application(folder)
    for number in (signal.SIGINT, signal.SIGTERM, signal.SIGHUP):
        signal.signal(number, lambda *_: application.stopping.set())
    try:
        lock = take_lock(folder)
    except CannotStart as reason:
        return _refuse(f"Crewsite did not start: {reason}")
    try:
        link = application.start()
        print(f"\nCrewsite is up ({time.monotonic() - began:.1f} s). Sign in once with this link:\n\n    {link}\n")  # noqa: T201
        print("Ctrl-C stops everything. 'make signin' prints another link.", flush=True)  # noqa: T201
        ended = application.watch()
        if ended:
            words = application.last_words(ended)
            return _refuse(f"The {ended} ended by itself and is not started again, so all was stopped.\n{words}")
    except (CannotStart, PostgresFailed, env.BadEnvironment) as reason:
        return _refuse(f"Crewsite did not start: {reason}")
    except OSError as error:
        if error.errno in (errno.ENOSPC, errno.EDQUOT):
            return _refuse("The disk is full. Nothing that was kept is lost; free some space and start again.")
        raise
    finally:
        application.stop()
        lock.close()
    print("Crewsite is stopped.")  # noqa: T201
    return 0


def _refuse(message: str) -> int:
    print(f"\n{message}\n", file=sys.stderr)  # noqa: T201
    return 1


if __name__ == "__main__":
    sys.exit(main())
