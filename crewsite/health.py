"""Whether this web process can serve: it answers, and its database does."""

from django.db import connection
from django.http import HttpRequest, HttpResponse

from teams.access import public


@public("says no more than whether the application works; load balancers ask it")
def health(request: HttpRequest) -> HttpResponse:
    with connection.cursor() as cursor:
        cursor.execute("SELECT 1")
    return HttpResponse("ok", content_type="text/plain")
