"""All tables as they are now, for a new database; one that has the migrations that this replaces needs nothing of it."""

import uuid

import django.contrib.postgres.fields
import django.db.models.deletion
import django.db.models.functions.datetime
import django.db.models.functions.text
from django.conf import settings
from django.db import migrations, models

import teams.models


class Migration(migrations.Migration):
    replaces = [
        ("teams", "0001_initial"),
        ("teams", "0002_limits"),
        ("teams", "0003_webhooks"),
        ("teams", "0004_count_tries"),
        ("teams", "0005_answers_commit_with_their_work"),
        ("teams", "0006_caps_of_runs"),
        ("teams", "0007_runs_at_once"),
        ("teams", "0008_made_up_teams"),
        ("teams", "0009_keep_texts_days"),
        ("teams", "0010_provider_keys_book_stated_costs"),
        ("teams", "0011_json_as_it_was_written"),
        ("teams", "0012_test_provider_keys"),
        ("teams", "0013_webhooks_tell_of_reports"),
    ]

    initial = True

    dependencies = [
        ("auth", "0012_alter_user_first_name_max_length"),
    ]

    operations = [
        migrations.CreateModel(
            name="TryCount",
            fields=[
                ("key", models.CharField(max_length=64, primary_key=True, serialize=False)),
                ("count", models.PositiveIntegerField()),
                ("ends_at", models.DateTimeField(db_index=True)),
            ],
        ),
        migrations.CreateModel(
            name="User",
            fields=[
                ("id", models.BigAutoField(auto_created=True, primary_key=True, serialize=False, verbose_name="ID")),
                ("password", models.CharField(max_length=128, verbose_name="password")),
                ("last_login", models.DateTimeField(blank=True, null=True, verbose_name="last login")),
                (
                    "is_superuser",
                    models.BooleanField(
                        default=False,
                        help_text="Designates that this user has all permissions without explicitly assigning them.",
                        verbose_name="superuser status",
                    ),
                ),
                ("email", models.EmailField(max_length=254, unique=True)),
                ("name", models.CharField(blank=True, max_length=150)),
                ("is_active", models.BooleanField(default=True)),
                ("is_staff", models.BooleanField(default=False)),
                ("date_joined", models.DateTimeField(db_default=django.db.models.functions.datetime.Now())),
                (
                    "groups",
                    models.ManyToManyField(
                        blank=True,
                        help_text="The groups this user belongs to. A user will get all permissions granted to each of their groups.",
                        related_name="user_set",
                        related_query_name="user",
                        to="auth.group",
                        verbose_name="groups",
                    ),
                ),
                (
                    "user_permissions",
                    models.ManyToManyField(
                        blank=True,
                        help_text="Specific permissions for this user.",
                        related_name="user_set",
                        related_query_name="user",
                        to="auth.permission",
                        verbose_name="user permissions",
                    ),
                ),
            ],
            options={
                "constraints": [
                    models.UniqueConstraint(
                        django.db.models.functions.text.Lower("email"), name="user_email_once_whatever_case"
                    )
                ],
            },
        ),
        migrations.CreateModel(
            name="Team",
            fields=[
                ("id", models.BigAutoField(auto_created=True, primary_key=True, serialize=False, verbose_name="ID")),
                ("slug", models.SlugField(max_length=60, unique=True)),
                ("name", models.CharField(max_length=120)),
                ("budget_nusd", models.BigIntegerField(blank=True, null=True)),
                ("run_budget_nusd", models.BigIntegerField(blank=True, null=True)),
                ("run_max_calls", models.PositiveIntegerField(blank=True, null=True)),
                ("run_max_seconds", models.PositiveIntegerField(blank=True, null=True)),
                ("runs_at_once", models.PositiveIntegerField(blank=True, null=True)),
                ("user_budget_nusd", models.BigIntegerField(blank=True, null=True)),
                (
                    "at_limit",
                    models.CharField(
                        choices=[("pause", "Pause"), ("stop", "Stop"), ("fallback", "Fallback")],
                        default="pause",
                        max_length=8,
                    ),
                ),
                ("fallback_model", models.CharField(blank=True, max_length=200)),
                ("launch_quota", models.PositiveIntegerField(blank=True, null=True)),
                ("launch_window_s", models.PositiveIntegerField(default=3600)),
                ("keep_texts_days", models.PositiveIntegerField(blank=True, null=True)),
                ("is_demo", models.BooleanField(db_default=False, default=False)),
                ("created_at", models.DateTimeField(db_default=django.db.models.functions.datetime.Now())),
            ],
            options={
                "constraints": [
                    models.CheckConstraint(
                        condition=models.Q(("budget_nusd__gte", 0)), name="team_budget_not_negative"
                    ),
                    models.CheckConstraint(
                        condition=models.Q(("run_budget_nusd__gte", 0)), name="team_run_budget_not_negative"
                    ),
                    models.CheckConstraint(
                        condition=models.Q(("user_budget_nusd__gte", 0)), name="team_user_budget_not_negative"
                    ),
                    models.CheckConstraint(
                        condition=models.Q(("at_limit__in", ["pause", "stop", "fallback"])), name="team_at_limit_known"
                    ),
                    models.CheckConstraint(
                        condition=models.Q(("launch_window_s__gte", 1)), name="team_launch_window_positive"
                    ),
                    models.CheckConstraint(
                        condition=models.Q(("run_max_calls__gte", 1)), name="team_run_max_calls_positive"
                    ),
                    models.CheckConstraint(
                        condition=models.Q(("run_max_seconds__gte", 1)), name="team_run_max_seconds_positive"
                    ),
                    models.CheckConstraint(
                        condition=models.Q(("runs_at_once__gte", 1)), name="team_runs_at_once_positive"
                    ),
                    models.CheckConstraint(
                        condition=models.Q(("keep_texts_days__gte", 1)), name="team_keep_texts_days_positive"
                    ),
                ],
            },
        ),
        migrations.CreateModel(
            name="Membership",
            fields=[
                ("id", models.BigAutoField(auto_created=True, primary_key=True, serialize=False, verbose_name="ID")),
                (
                    "team",
                    models.ForeignKey(
                        on_delete=django.db.models.deletion.CASCADE, related_name="memberships", to="teams.team"
                    ),
                ),
                (
                    "user",
                    models.ForeignKey(
                        on_delete=django.db.models.deletion.CASCADE,
                        related_name="memberships",
                        to=settings.AUTH_USER_MODEL,
                    ),
                ),
                (
                    "role",
                    models.PositiveSmallIntegerField(
                        choices=[(10, "viewer"), (20, "runner"), (30, "editor"), (40, "owner")]
                    ),
                ),
                ("budget_nusd", models.BigIntegerField(blank=True, null=True)),
                ("created_at", models.DateTimeField(db_default=django.db.models.functions.datetime.Now())),
            ],
            options={
                "constraints": [
                    models.UniqueConstraint(fields=("team", "user"), name="membership_once_per_team"),
                    models.CheckConstraint(
                        condition=models.Q(("role__in", [10, 20, 30, 40])), name="membership_role_known"
                    ),
                    models.CheckConstraint(
                        condition=models.Q(("budget_nusd__gte", 0)), name="membership_budget_not_negative"
                    ),
                ],
            },
        ),
        migrations.CreateModel(
            name="SignInLink",
            fields=[
                ("id", models.BigAutoField(auto_created=True, primary_key=True, serialize=False, verbose_name="ID")),
                (
                    "user",
                    models.ForeignKey(
                        on_delete=django.db.models.deletion.CASCADE,
                        related_name="signin_links",
                        to=settings.AUTH_USER_MODEL,
                    ),
                ),
                ("secret_hash", models.CharField(max_length=64, unique=True)),
                ("created_at", models.DateTimeField(db_default=django.db.models.functions.datetime.Now())),
                ("expires_at", models.DateTimeField()),
                ("used_at", models.DateTimeField(null=True)),
            ],
        ),
        migrations.CreateModel(
            name="ProviderKey",
            fields=[
                ("id", models.BigAutoField(auto_created=True, primary_key=True, serialize=False, verbose_name="ID")),
                (
                    "team",
                    models.ForeignKey(
                        on_delete=django.db.models.deletion.CASCADE, related_name="provider_keys", to="teams.team"
                    ),
                ),
                ("provider", models.SlugField(max_length=40)),
                ("name", models.SlugField(default="default", max_length=60)),
                ("secret", models.BinaryField()),
                ("base_url", models.URLField(blank=True, max_length=500)),
                ("books_stated", models.BooleanField(db_default=False, default=False)),
                ("api_version", models.CharField(blank=True, db_default="", default="", max_length=40)),
                (
                    "model_ids",
                    django.contrib.postgres.fields.ArrayField(
                        base_field=models.CharField(max_length=200), db_default=[], default=list, size=None
                    ),
                ),
                ("tested_at", models.DateTimeField(blank=True, null=True)),
                ("test_fault", models.TextField(blank=True, db_default="", default="")),
                ("test_note", models.TextField(blank=True, db_default="", default="")),
                ("rpm", models.PositiveIntegerField(blank=True, null=True)),
                ("tpm", models.PositiveIntegerField(blank=True, null=True)),
                (
                    "created_by",
                    models.ForeignKey(
                        null=True,
                        on_delete=django.db.models.deletion.SET_NULL,
                        related_name="+",
                        to=settings.AUTH_USER_MODEL,
                    ),
                ),
                ("created_at", models.DateTimeField(db_default=django.db.models.functions.datetime.Now())),
            ],
            options={
                "constraints": [
                    models.UniqueConstraint(fields=("team", "provider", "name"), name="provider_key_once_per_name")
                ],
            },
        ),
        migrations.CreateModel(
            name="IdempotentAnswer",
            fields=[
                ("id", models.BigAutoField(auto_created=True, primary_key=True, serialize=False, verbose_name="ID")),
                (
                    "team",
                    models.ForeignKey(on_delete=django.db.models.deletion.CASCADE, related_name="+", to="teams.team"),
                ),
                ("key", models.CharField(max_length=200)),
                ("request_hash", models.CharField(max_length=64)),
                ("answer", teams.models.KeptJSON()),
                ("created_at", models.DateTimeField(db_default=django.db.models.functions.datetime.Now())),
            ],
            options={
                "constraints": [models.UniqueConstraint(fields=("team", "key"), name="idempotent_answer_once_per_key")],
            },
        ),
        migrations.CreateModel(
            name="ApiToken",
            fields=[
                ("id", models.BigAutoField(auto_created=True, primary_key=True, serialize=False, verbose_name="ID")),
                (
                    "team",
                    models.ForeignKey(
                        on_delete=django.db.models.deletion.CASCADE, related_name="api_tokens", to="teams.team"
                    ),
                ),
                (
                    "user",
                    models.ForeignKey(
                        on_delete=django.db.models.deletion.CASCADE,
                        related_name="api_tokens",
                        to=settings.AUTH_USER_MODEL,
                    ),
                ),
                ("name", models.CharField(blank=True, max_length=80)),
                ("prefix", models.CharField(max_length=12)),
                ("secret_hash", models.CharField(max_length=64, unique=True)),
                (
                    "scope",
                    models.CharField(
                        choices=[("read", "Read"), ("run", "Run"), ("edit", "Edit"), ("admin", "Admin")], max_length=8
                    ),
                ),
                ("created_at", models.DateTimeField(db_default=django.db.models.functions.datetime.Now())),
                ("expires_at", models.DateTimeField(blank=True, null=True)),
                ("last_used_at", models.DateTimeField(null=True)),
                ("revoked_at", models.DateTimeField(null=True)),
            ],
            options={
                "constraints": [
                    models.CheckConstraint(
                        condition=models.Q(("scope__in", ["read", "run", "edit", "admin"])), name="token_scope_known"
                    )
                ],
            },
        ),
        migrations.CreateModel(
            name="Webhook",
            fields=[
                ("id", models.BigAutoField(auto_created=True, primary_key=True, serialize=False, verbose_name="ID")),
                (
                    "team",
                    models.ForeignKey(
                        on_delete=django.db.models.deletion.CASCADE, related_name="webhooks", to="teams.team"
                    ),
                ),
                ("url", models.URLField(max_length=500)),
                ("secret", models.BinaryField()),
                (
                    "events",
                    django.contrib.postgres.fields.ArrayField(
                        base_field=models.CharField(
                            choices=[
                                ("budget.threshold", "A budget is at 50, 80 or 100 %"),
                                ("run.waiting", "A run waits for a budget or a person"),
                                ("run.failed", "A run failed"),
                                ("run.succeeded", "A run succeeded"),
                                ("report.week", "A week is over: what it cost"),
                                ("report.month", "A month is over: what it cost"),
                            ],
                            max_length=40,
                        ),
                        size=None,
                    ),
                ),
                ("active", models.BooleanField(default=True)),
                (
                    "created_by",
                    models.ForeignKey(
                        null=True,
                        on_delete=django.db.models.deletion.SET_NULL,
                        related_name="+",
                        to=settings.AUTH_USER_MODEL,
                    ),
                ),
                ("created_at", models.DateTimeField(db_default=django.db.models.functions.datetime.Now())),
            ],
        ),
        migrations.CreateModel(
            name="Delivery",
            fields=[
                ("id", models.UUIDField(default=uuid.uuid4, editable=False, primary_key=True, serialize=False)),
                (
                    "webhook",
                    models.ForeignKey(
                        on_delete=django.db.models.deletion.CASCADE, related_name="deliveries", to="teams.webhook"
                    ),
                ),
                ("event", models.CharField(max_length=40)),
                ("payload", teams.models.KeptJSON()),
                (
                    "state",
                    models.CharField(
                        choices=[("due", "Due"), ("sent", "Sent"), ("failed", "Failed")], default="due", max_length=6
                    ),
                ),
                ("attempts", models.PositiveSmallIntegerField(default=0)),
                ("next_try_at", models.DateTimeField(db_default=django.db.models.functions.datetime.Now(), null=True)),
                ("created_at", models.DateTimeField(db_default=django.db.models.functions.datetime.Now())),
                ("tried_at", models.DateTimeField(null=True)),
                ("status", models.PositiveSmallIntegerField(null=True)),
                ("error", models.TextField(blank=True)),
                ("response", models.TextField(blank=True)),
            ],
            options={
                "verbose_name_plural": "deliveries",
                "indexes": [
                    models.Index(
                        condition=models.Q(("state", "due")), fields=["webhook", "next_try_at"], name="delivery_due"
                    ),
                    models.Index(fields=["webhook", "-created_at"], name="delivery_newest"),
                ],
                "constraints": [
                    models.CheckConstraint(
                        condition=models.Q(("state__in", ["due", "sent", "failed"])), name="delivery_state_known"
                    ),
                    models.CheckConstraint(
                        condition=models.Q(
                            models.Q(("next_try_at__isnull", False), ("state", "due")),
                            models.Q(models.Q(("state", "due"), _negated=True), ("next_try_at", None)),
                            _connector="OR",
                        ),
                        name="delivery_tried_again_iff_due",
                    ),
                ],
            },
        ),
        migrations.AddField(
            model_name="team",
            name="members",
            field=models.ManyToManyField(related_name="teams", through="teams.Membership", to=settings.AUTH_USER_MODEL),
        ),
    ]
