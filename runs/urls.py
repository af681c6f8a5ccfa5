"""Addresses of runs, below a team."""

from django.urls import path

from runs import views

urlpatterns = [
    path("crews/<slug:slug>/launch/", views.launch, name="launch"),
    path("crews/<slug:slug>/chips/", views.chips, name="chips"),
    path("runs/", views.runs, name="runs"),
    path("runs/newer/", views.newer, name="newer"),
    path("runs/<uuid:run_id>/", views.run, name="run"),
    path("runs/<uuid:run_id>/events/", views.events, name="run_events"),
    path("runs/<uuid:run_id>/cancel/", views.cancel, name="cancel_run"),
    path("runs/<uuid:run_id>/calls/<uuid:call_id>/", views.call, name="call"),
]
