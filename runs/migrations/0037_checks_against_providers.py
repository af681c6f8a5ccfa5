"""Providers' exports are held against the ledger; what people say about keys and columns of theirs is remembered."""

import django.db.models.deletion
import django.db.models.functions.datetime
from django.conf import settings
from django.db import migrations, models

import teams.models


class Migration(migrations.Migration):
    dependencies = [
        ("runs", "0036_closed_bills"),
        ("teams", "0012_test_provider_keys"),
        migrations.swappable_dependency(settings.AUTH_USER_MODEL),
    ]

    operations = [
        migrations.CreateModel(
            name="ExportColumns",
            fields=[
                ("id", models.BigAutoField(auto_created=True, primary_key=True, serialize=False, verbose_name="ID")),
                ("digest", models.CharField(max_length=64)),
                ("choice", teams.models.KeptJSON()),
                (
                    "said_by",
                    models.ForeignKey(
                        null=True,
                        on_delete=django.db.models.deletion.SET_NULL,
                        related_name="+",
                        to=settings.AUTH_USER_MODEL,
                    ),
                ),
                (
                    "team",
                    models.ForeignKey(on_delete=django.db.models.deletion.CASCADE, related_name="+", to="teams.team"),
                ),
            ],
            options={
                "constraints": [
                    models.UniqueConstraint(fields=("team", "digest"), name="export_columns_once_per_head")
                ],
            },
        ),
        migrations.CreateModel(
            name="Reconciliation",
            fields=[
                ("id", models.BigAutoField(auto_created=True, primary_key=True, serialize=False, verbose_name="ID")),
                ("made_at", models.DateTimeField(db_default=django.db.models.functions.datetime.Now())),
                ("name", models.CharField(max_length=200)),
                ("provider", models.CharField(max_length=40)),
                ("since", models.DateField()),
                ("until", models.DateField(help_text="the last day, in UTC")),
                ("theirs_nusd", models.BigIntegerField(null=True)),
                ("ours_nusd", models.BigIntegerField()),
                ("theirs", teams.models.KeptJSON()),
                ("ours", teams.models.KeptJSON()),
                ("notes", teams.models.KeptJSON(default=list)),
                (
                    "made_by",
                    models.ForeignKey(
                        null=True,
                        on_delete=django.db.models.deletion.SET_NULL,
                        related_name="+",
                        to=settings.AUTH_USER_MODEL,
                    ),
                ),
                (
                    "team",
                    models.ForeignKey(
                        on_delete=django.db.models.deletion.CASCADE, related_name="reconciliations", to="teams.team"
                    ),
                ),
            ],
            options={
                "verbose_name": "check against a provider",
                "ordering": ["-made_at", "-pk"],
                "indexes": [models.Index(fields=["team", "-made_at", "-id"], name="reconciliation_newest")],
            },
        ),
        migrations.CreateModel(
            name="TheirKey",
            fields=[
                ("id", models.BigAutoField(auto_created=True, primary_key=True, serialize=False, verbose_name="ID")),
                ("provider", models.CharField(max_length=40)),
                ("name", models.CharField(max_length=200)),
                ("credential", models.CharField(max_length=120)),
                (
                    "said_by",
                    models.ForeignKey(
                        null=True,
                        on_delete=django.db.models.deletion.SET_NULL,
                        related_name="+",
                        to=settings.AUTH_USER_MODEL,
                    ),
                ),
                (
                    "team",
                    models.ForeignKey(on_delete=django.db.models.deletion.CASCADE, related_name="+", to="teams.team"),
                ),
            ],
            options={
                "constraints": [
                    models.UniqueConstraint(fields=("team", "provider", "name"), name="their_key_once_per_name")
                ],
            },
        ),
    ]
