"""The ASGI application that uvicorn serves."""

import os

os.environ.setdefault("DJANGO_SETTINGS_MODULE", "crewsite.settings")

from django.core.asgi import get_asgi_application  # noqa: E402 - settings must be named first

application = get_asgi_application()
