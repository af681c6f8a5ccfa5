"""Which app answers which address. Team pages live under ``/t/<team>/``, the API under ``/api/v1/``."""

from django.urls import include, path

from crewsite.api import api
from crewsite.health import views
from runs.reports import views as reports

urlpatterns = [
    path("health/live", views.live, name="live"),
    path("health/ready", views.ready, name="ready"),
    path("metrics", views.metrics, name="metrics"),
    path("reports/stop/<str:secret>/", reports.stop_report, name="stop_report"),
    path("", include("teams.urls")),
    path("t/<slug:team>/", include("agents_app.urls")),
    path("t/<slug:team>/", include("runs.urls")),
    path("api/v1/", api.urls),
]

handler400 = "crewsite.errors.bad_request"
handler403 = "crewsite.errors.forbidden"
handler404 = "crewsite.errors.missing"
handler500 = "crewsite.errors.broken"
