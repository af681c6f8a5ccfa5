"""``python -m crewsite.serving``: the web, with all bounds on what comes in. ``HOST`` and ``PORT`` say where.

``WEB_PROCESSES`` says how many processes it is.
"""

from __future__ import annotations

import os
import resource
import sys
from contextlib import nullcontext
from typing import Any

STILL_S = 60
"""A process of several that says nothing for so long, not even that its interpreter runs, is ended and replaced."""


def main() -> int:
    os.environ.setdefault("DJANGO_SETTINGS_MODULE", "crewsite.settings")
    os.environ.setdefault("CREWSITE_PROCESS", "web")
    import uvicorn
    from django.core.exceptions import ImproperlyConfigured

    from crewsite.env import BadEnvironment
    from crewsite.serving.processes import one_of_several

    try:
        options = uvicorn_options()
    except (BadEnvironment, ImproperlyConfigured) as reason:
        sys.exit(f"The web server did not start: {reason}")
    with one_of_several() if options["workers"] > 1 else nullcontext():
        uvicorn.run("crewsite.asgi:application", **options)
    return 0


def uvicorn_options() -> dict[str, Any]:
    """Read from the settings. Also lets this process open as many files as it may have connections."""
    from django.conf import settings

    _allow_files(settings.MAX_CONNECTIONS)
    return {
        "host": settings.HOST,
        "port": settings.PORT,
        "http": "crewsite.serving.protocol:BoundedProtocol",
        "ws": "none",
        "lifespan": "off",
        "workers": settings.WEB_PROCESSES,
        "timeout_worker_healthcheck": STILL_S,
        "log_config": None,
        "log_level": "warning",
        "access_log": False,
        "server_header": False,
        "proxy_headers": settings.BEHIND_PROXY,
        "forwarded_allow_ips": list(settings.PROXY_ADDRESSES),
        "timeout_graceful_shutdown": 2 if settings.LOCAL else 8,
    }


def _allow_files(connections: int) -> None:
    """A system's usual bound of 1,024 files is near that of connections, and accepting fails once it is reached."""
    soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    wanted = 2 * connections + 500
    if soft != resource.RLIM_INFINITY and soft < wanted:
        most = wanted if hard == resource.RLIM_INFINITY else min(wanted, hard)
        resource.setrlimit(resource.RLIMIT_NOFILE, (max(soft, most), hard))


if __name__ == "__main__":
    sys.exit(main())
