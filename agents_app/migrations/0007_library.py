"""Agents that a team keeps for many crews, their versions, which the database keeps as they are, and the links."""

import django.contrib.postgres.fields
import django.db.models.deletion
import django.db.models.functions.datetime
import django.db.models.functions.text
from django.conf import settings
from django.db import migrations, models

import teams.models

FORWARDS = """
CREATE FUNCTION refuse_library_change() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    IF (NEW.agent_id, NEW.number, NEW.spec::text) IS DISTINCT FROM (OLD.agent_id, OLD.number, OLD.spec::text) THEN
        RAISE EXCEPTION 'version % of agent % of the library is frozen', OLD.number, OLD.agent_id
            USING ERRCODE = 'restrict_violation';
    END IF;
    RETURN NEW;
END $$;
CREATE TRIGGER library_version_is_frozen BEFORE UPDATE ON agents_app_libraryversion
    FOR EACH ROW EXECUTE FUNCTION refuse_library_change();
"""

BACKWARDS = """
DROP TRIGGER library_version_is_frozen ON agents_app_libraryversion;
DROP FUNCTION refuse_library_change();
"""


class Migration(migrations.Migration):
    dependencies = [
        ("agents_app", "0006_templates"),
        ("teams", "0019_programs"),
        migrations.swappable_dependency(settings.AUTH_USER_MODEL),
    ]

    operations = [
        migrations.CreateModel(
            name="LibraryAgent",
            fields=[
                ("id", models.BigAutoField(auto_created=True, primary_key=True, serialize=False, verbose_name="ID")),
                ("name", models.CharField(max_length=200)),
                ("spec", teams.models.KeptJSON()),
                ("number", models.PositiveIntegerField(default=1)),
                ("revision", models.PositiveIntegerField(default=1)),
                ("role", models.TextField(blank=True)),
                ("model_id", models.CharField(max_length=200)),
                (
                    "tool_names",
                    django.contrib.postgres.fields.ArrayField(
                        base_field=models.CharField(max_length=64), blank=True, default=list, size=None
                    ),
                ),
                ("created_at", models.DateTimeField(db_default=django.db.models.functions.datetime.Now())),
                ("changed_at", models.DateTimeField(auto_now=True)),
                (
                    "changed_by",
                    models.ForeignKey(
                        null=True,
                        on_delete=django.db.models.deletion.SET_NULL,
                        related_name="+",
                        to=settings.AUTH_USER_MODEL,
                    ),
                ),
                (
                    "created_by",
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
                        on_delete=django.db.models.deletion.CASCADE, related_name="library_agents", to="teams.team"
                    ),
                ),
            ],
            options={
                "verbose_name": "agent of the library",
            },
        ),
        migrations.CreateModel(
            name="LibraryVersion",
            fields=[
                ("id", models.BigAutoField(auto_created=True, primary_key=True, serialize=False, verbose_name="ID")),
                ("number", models.PositiveIntegerField()),
                ("spec", teams.models.KeptJSON()),
                ("note", models.CharField(blank=True, max_length=200)),
                ("created_at", models.DateTimeField(db_default=django.db.models.functions.datetime.Now())),
                (
                    "agent",
                    models.ForeignKey(
                        on_delete=django.db.models.deletion.CASCADE,
                        related_name="versions",
                        to="agents_app.libraryagent",
                    ),
                ),
                (
                    "created_by",
                    models.ForeignKey(
                        null=True,
                        on_delete=django.db.models.deletion.SET_NULL,
                        related_name="+",
                        to=settings.AUTH_USER_MODEL,
                    ),
                ),
            ],
            options={
                "verbose_name": "version",
                "ordering": ["agent", "-number"],
            },
        ),
        migrations.CreateModel(
            name="LibraryLink",
            fields=[
                ("id", models.BigAutoField(auto_created=True, primary_key=True, serialize=False, verbose_name="ID")),
                ("key", models.CharField(max_length=64)),
                (
                    "crew",
                    models.ForeignKey(
                        on_delete=django.db.models.deletion.CASCADE, related_name="library_links", to="agents_app.crew"
                    ),
                ),
                (
                    "base",
                    models.ForeignKey(
                        on_delete=django.db.models.deletion.CASCADE,
                        related_name="links",
                        to="agents_app.libraryversion",
                    ),
                ),
            ],
            options={
                "verbose_name": "link with the library",
            },
        ),
        migrations.AddConstraint(
            model_name="libraryagent",
            constraint=models.UniqueConstraint(
                models.F("team"), django.db.models.functions.text.Lower("name"), name="library_name_once_per_team"
            ),
        ),
        migrations.AddConstraint(
            model_name="libraryversion",
            constraint=models.UniqueConstraint(fields=("agent", "number"), name="library_number_once_per_agent"),
        ),
        migrations.AddConstraint(
            model_name="librarylink",
            constraint=models.UniqueConstraint(fields=("crew", "key"), name="library_link_once_per_agent"),
        ),
        migrations.RunSQL(FORWARDS, BACKWARDS),
    ]
