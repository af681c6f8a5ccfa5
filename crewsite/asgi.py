"""The ASGI application that ``python -m crewsite.serving`` serves."""

import os

os.environ.setdefault("DJANGO_SETTINGS_MODULE", "crewsite.settings")

from typing import Any

from django.core.asgi import get_asgi_application


def _application() -> Any:
    django: Any = get_asgi_application()
    # These need models, which that has loaded.
    from crewsite.health.watched import watched
    from crewsite.serving.answers import CommonHeaders
    from crewsite.serving.bodies import BoundedBodies

    return watched(CommonHeaders(BoundedBodies(django)))


application = _application()
