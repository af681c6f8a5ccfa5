"""Addresses of signing in, of home, and of a team's settings."""

from django.urls import path

from teams import views
from teams.invitations import views as invitations
from teams.log import views as log
from teams.people import views as people
from teams.programs import views as programs
from teams.providers import views as providers
from teams.signin import views as signin
from teams.tokens import views as tokens
from teams.webhooks import views as webhooks

urlpatterns = [
    path("", views.home, name="home"),
    path("signin/", signin.signin, name="signin"),
    path("signin/<str:secret>/", signin.signin_link, name="signin_link"),
    path("join/", invitations.join, name="join"),
    path("join/<str:secret>/", invitations.join_link, name="join_link"),
    path("teams/new/", people.new_team, name="new_team"),
    path("signout/", signin.signout, name="signout"),
    path("t/<slug:team>/settings/", views.settings_page, name="settings"),
    path("t/<slug:team>/settings/people/", people.people, name="people"),
    path("t/<slug:team>/settings/people/name/", people.rename_team, name="rename_team"),
    path("t/<slug:team>/settings/people/invite/", people.invite, name="invite"),
    path("t/<slug:team>/settings/people/<int:pk>/role/", people.change_role, name="change_role"),
    path("t/<slug:team>/settings/people/<int:pk>/hand-over/", people.hand_over, name="hand_over"),
    path("t/<slug:team>/settings/invitations/<int:pk>/withdraw/", people.withdraw, name="withdraw_invitation"),
    path("t/<slug:team>/settings/log/", log.log, name="log"),
    path("t/<slug:team>/settings/log/csv/", log.log_csv, name="log_csv"),
    path("t/<slug:team>/settings/log/jsonl/", log.log_jsonl, name="log_jsonl"),
    path("t/<slug:team>/settings/account/", people.account, name="account"),
    path("t/<slug:team>/settings/providers/", providers.keys, name="keys"),
    path("t/<slug:team>/settings/providers/<int:pk>/books/", providers.book_stated, name="book_stated"),
    path("t/<slug:team>/settings/providers/<int:pk>/remove/", providers.remove_provider, name="remove_provider"),
    path("t/<slug:team>/settings/providers/<int:pk>/test/", providers.test_provider, name="test_provider"),
    path("t/<slug:team>/settings/providers/<int:pk>/change/", providers.change_provider, name="change_provider"),
    path("t/<slug:team>/settings/tokens/", tokens.tokens, name="tokens"),
    path("t/<slug:team>/settings/tokens/<int:pk>/revoke/", tokens.revoke_token, name="revoke_token"),
    path("t/<slug:team>/settings/programs/", programs.programs, name="programs"),
    path("t/<slug:team>/settings/programs/<int:pk>/token/", programs.program_token, name="program_token"),
    path("t/<slug:team>/settings/programs/<int:pk>/role/", programs.program_role, name="program_role"),
    path("t/<slug:team>/settings/webhooks/", webhooks.webhooks, name="webhooks"),
    path("t/<slug:team>/settings/webhooks/<int:pk>/remove/", webhooks.remove_webhook, name="remove_webhook"),
    path("t/<slug:team>/settings/webhooks/<int:pk>/active/", webhooks.set_active, name="set_webhook_active"),
    path("t/<slug:team>/settings/webhooks/<int:pk>/test/", webhooks.send_test, name="test_webhook"),
    path("t/<slug:team>/settings/deliveries/<uuid:pk>/again/", webhooks.send_again, name="send_again"),
]
