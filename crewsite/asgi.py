"""The ASGI application that ``python -m crewsite.serving`` serves."""

import os

os.environ.setdefault("DJANGO_SETTINGS_MODULE", "crewsite.settings")

from typing import Any

import django


def _application() -> Any:
    django.setup(set_prefix=False)
    # These need models, which that has loaded.
    from crewsite.health.watched import watched
    from crewsite.serving.answers import CommonHeaders
    from crewsite.serving.bodies import BoundedBodies
    from crewsite.serving.pages import Pages
    from crewsite.serving.processes import end_with_supervisor

    end_with_supervisor()
    return watched(CommonHeaders(BoundedBodies(Pages())))


application = _application()
