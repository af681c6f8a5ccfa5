"""Addresses of signing in, of home, and of a team's settings."""

from django.urls import path

from teams import views
from teams.account import factor_views as own_factors
from teams.account import views as account
from teams.invitations import views as invitations
from teams.log import views as log
from teams.people import views as people
from teams.programs import views as programs
from teams.providers import views as providers
from teams.signin import code_views as codes
from teams.signin import elsewhere
from teams.signin import factor_views as factors
from teams.signin import views as signin
from teams.tokens import views as tokens
from teams.webhooks import views as webhooks

urlpatterns = [
    path("", views.home, name="home"),
    path("signin/", signin.signin, name="signin"),
    path("signin/code/", codes.ask_code, name="account_request_login_code"),
    path("signin/code/enter/", codes.enter_code, name="account_confirm_login_code"),
    path("signin/forgot/", codes.forgot, name="account_reset_password"),
    path("signin/forgot/code/", codes.enter_reset_code, name="account_confirm_password_reset_code"),
    path("signin/forgot/password/", codes.choose_password, name="account_complete_password_reset"),
    path("signin/second/", factors.second_step, name="mfa_authenticate"),
    path("signin/passkey/", factors.signin_passkey, name="mfa_login_webauthn"),
    path("signin/again/", factors.again, name="account_reauthenticate"),
    path("signin/again/code/", factors.again_by_code, name="mfa_reauthenticate"),
    path("signin/again/mail/", factors.again_by_mail, name="account_request_reauthentication_code"),
    path("signin/again/passkey/", factors.again_by_passkey, name="mfa_reauthenticate_webauthn"),
    path("signin/elsewhere/cancelled/", elsewhere.cancelled, name="socialaccount_login_cancelled"),
    path("signin/elsewhere/github/", elsewhere.github, name="github_login"),
    path("signin/elsewhere/github/back/", elsewhere.github_back, name="github_callback"),
    path("signin/elsewhere/<slug:provider_id>/", elsewhere.issuer, name="openid_connect_login"),
    path("signin/elsewhere/<slug:provider_id>/back/", elsewhere.issuer_back, name="openid_connect_callback"),
    path("signin/<str:secret>/", signin.signin_link, name="signin_link"),
    path("join/", invitations.join, name="join"),
    path("join/<str:secret>/", invitations.join_link, name="join_link"),
    path("teams/new/", people.new_team, name="new_team"),
    path("signout/", signin.signout, name="signout"),
    path("account/", account.signing_in, name="mfa_index"),
    path("account/password/", account.password, name="account_change_password"),
    path("account/email/", account.change_email, name="change_email"),
    path("account/email/code/", account.confirm_email, name="account_email_verification_sent"),
    path("account/passkeys/add/", own_factors.add_passkey, name="mfa_add_webauthn"),
    path("account/passkeys/<int:pk>/remove/", own_factors.remove_passkey, name="mfa_remove_webauthn"),
    path("account/passkeys/<int:pk>/name/", own_factors.rename_passkey, name="mfa_edit_webauthn"),
    path("account/app/", own_factors.add_app, name="mfa_activate_totp"),
    path("account/app/remove/", own_factors.remove_app, name="mfa_deactivate_totp"),
    path("account/codes/", own_factors.recovery_codes, name="mfa_view_recovery_codes"),
    path("account/codes/new/", own_factors.new_recovery_codes, name="mfa_generate_recovery_codes"),
    path("account/elsewhere/<int:pk>/disconnect/", own_factors.disconnect, name="disconnect"),
    path("account/second-step/<slug:team>/", account.second_step_wanted, name="second_step_wanted"),
    path("account/sessions/end/", account.end_others, name="end_other_sessions"),
    path("account/sessions/<int:pk>/end/", account.end_one, name="end_session"),
    path("account/close/", account.close, name="close_account"),
    path("t/<slug:team>/settings/", views.settings_page, name="settings"),
    path("t/<slug:team>/settings/people/", people.people, name="people"),
    path("t/<slug:team>/settings/people/name/", people.rename_team, name="rename_team"),
    path("t/<slug:team>/settings/people/second-step/", people.second_step, name="second_step"),
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

# Names by which allauth asks for pages of ours. Where one has two, the first of an address is its own.
urlpatterns += [
    path("signin/", signin.signin, name="account_login"),
    path("signin/", signin.signin, name="account_signup"),
    path("signin/", signin.signin, name="account_inactive"),
    path("signin/", signin.signin, name="account_password_reset_completed"),
    path("signin/", signin.signin, name="socialaccount_login_error"),
    path("signin/", signin.signin, name="socialaccount_signup"),
    path("signin/again/mail/", factors.again_by_mail, name="account_confirm_reauthentication_code"),
    path("account/", account.signing_in, name="account_email"),
    path("account/", account.signing_in, name="mfa_list_webauthn"),
    path("account/", account.signing_in, name="usersessions_list"),
    path("account/", account.signing_in, name="socialaccount_connections"),
    path("account/password/", account.password, name="account_set_password"),
]
