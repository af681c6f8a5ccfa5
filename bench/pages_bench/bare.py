"""The least that a page of Django's costs: one view, no middleware, no database, served as Django itself does it."""

from django.conf import settings
from django.http import HttpRequest, HttpResponse
from django.urls import path


def bare(request: HttpRequest) -> HttpResponse:
    return HttpResponse("<!doctype html><title>Bare</title>")


def _application() -> object:
    if not settings.configured:
        settings.configure(SECRET_KEY="bench", ROOT_URLCONF=__name__, ALLOWED_HOSTS=["*"], LOGGING_CONFIG=None)
    from django.core.asgi import get_asgi_application  # late: it needs the settings

    return get_asgi_application()


urlpatterns = [path("", bare)]
application = _application()
