"""Addresses of runs, below a team."""

from django.urls import path

from runs import limits_views, views

urlpatterns = [
    path("crews/<slug:slug>/launch/", views.launch, name="launch"),
    path("workers/", views.workers, name="workers"),
    path("runs/", views.runs, name="runs"),
    path("runs/newer/", views.newer, name="newer"),
    path("runs/last/", views.last_runs, name="last_runs"),
    path("runs/now/", views.running_now, name="running_now"),
    path("runs/<uuid:run_id>/", views.run, name="run"),
    path("runs/<uuid:run_id>/events/", views.events, name="run_events"),
    path("runs/<uuid:run_id>/cancel/", views.cancel, name="cancel_run"),
    path("runs/<uuid:run_id>/resume/", views.resume, name="resume_run"),
    path("runs/<uuid:run_id>/output/", views.output, name="run_output"),
    path("runs/<uuid:run_id>/tasks/<str:key>/", views.task, name="run_task"),
    path("runs/<uuid:run_id>/tasks/<str:key>/review/", views.review, name="review"),
    path("runs/<uuid:run_id>/tasks/<str:key>/review/calls/<uuid:call_id>/", views.review, name="review_call"),
    path("runs/<uuid:run_id>/tasks/<str:key>/output/", views.task_output, name="task_output"),
    path("runs/<uuid:run_id>/calls/", views.calls, name="run_calls"),
    path("runs/<uuid:run_id>/calls/<uuid:call_id>/", views.call, name="call"),
    path("limits/", limits_views.limits_page, name="limits"),
    path("alerts/<int:pk>/dismiss/", limits_views.dismiss, name="dismiss_alert"),
]
