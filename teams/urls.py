"""Addresses of signing in, of home, and of a team's settings."""

from django.urls import path

from teams import views
from teams.signin import views as signin
from teams.webhooks import views as webhooks

urlpatterns = [
    path("", views.home, name="home"),
    path("signin/", signin.signin, name="signin"),
    path("signin/<str:secret>/", signin.signin_link, name="signin_link"),
    path("signout/", signin.signout, name="signout"),
    path("t/<slug:team>/settings/", views.settings_page, name="settings"),
    path("t/<slug:team>/settings/providers/", views.add_provider, name="add_provider"),
    path("t/<slug:team>/settings/providers/<int:pk>/books/", views.book_stated, name="book_stated"),
    path("t/<slug:team>/settings/providers/<int:pk>/remove/", views.remove_provider, name="remove_provider"),
    path("t/<slug:team>/settings/providers/<int:pk>/test/", views.test_provider, name="test_provider"),
    path("t/<slug:team>/settings/providers/<int:pk>/change/", views.change_provider, name="change_provider"),
    path("t/<slug:team>/settings/tokens/", views.issue_token, name="issue_token"),
    path("t/<slug:team>/settings/tokens/<int:pk>/revoke/", views.revoke_token, name="revoke_token"),
    path("t/<slug:team>/settings/webhooks/", webhooks.add_webhook, name="add_webhook"),
    path("t/<slug:team>/settings/webhooks/<int:pk>/remove/", webhooks.remove_webhook, name="remove_webhook"),
    path("t/<slug:team>/settings/webhooks/<int:pk>/active/", webhooks.set_active, name="set_webhook_active"),
    path("t/<slug:team>/settings/webhooks/<int:pk>/test/", webhooks.send_test, name="test_webhook"),
    path("t/<slug:team>/settings/deliveries/<uuid:pk>/again/", webhooks.send_again, name="send_again"),
]
