"""The ASGI application that uvicorn serves."""

import os

os.environ.setdefault("DJANGO_SETTINGS_MODULE", "crewsite.settings")

from django.core.asgi import get_asgi_application

from crewsite.health.watched import watched

application = watched(get_asgi_application())
