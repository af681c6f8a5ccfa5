"""The ASGI application that ``python -m crewsite.serving`` serves."""

import gc
import os

os.environ.setdefault("DJANGO_SETTINGS_MODULE", "crewsite.settings")

from typing import Any

import django
from django.urls import resolve


def _application() -> Any:
    django.setup(set_prefix=False)
    # These need models, which that has loaded.
    from crewsite.health.watched import watched
    from crewsite.serving.answers import CommonHeaders
    from crewsite.serving.bodies import BoundedBodies
    from crewsite.serving.pages import Pages
    from crewsite.serving.processes import end_with_supervisor

    end_with_supervisor()
    answer = watched(CommonHeaders(BoundedBodies(Pages())))
    resolve("/")  # reads all views
    # What is loaded stays for good. Unless it is frozen, each full garbage collection looks at all of it: a tenth of
    # the time of a page.
    gc.collect()
    gc.freeze()
    return answer


application = _application()
