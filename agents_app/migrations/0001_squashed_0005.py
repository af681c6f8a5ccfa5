"""All tables as they are now, for a new database; one that has the migrations that this replaces needs nothing of it."""

import django.contrib.postgres.fields
import django.contrib.postgres.indexes
import django.contrib.postgres.search
import django.core.validators
import django.db.models.deletion
import django.db.models.functions.datetime
from django.conf import settings
from django.db import migrations, models

import teams.models

FORWARDS = """
CREATE FUNCTION refuse_version_change() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    IF (NEW.crew_id, NEW.number, NEW.spec::text, NEW.content_hash) IS DISTINCT FROM
       (OLD.crew_id, OLD.number, OLD.spec::text, OLD.content_hash) THEN
        RAISE EXCEPTION 'version % of crew % is frozen', OLD.number, OLD.crew_id
            USING ERRCODE = 'restrict_violation';
    END IF;
    RETURN NEW;
END $$;
CREATE TRIGGER version_is_frozen BEFORE UPDATE ON agents_app_crewversion
    FOR EACH ROW EXECUTE FUNCTION refuse_version_change();
"""

BACKWARDS = """
DROP TRIGGER version_is_frozen ON agents_app_crewversion;
DROP FUNCTION refuse_version_change();
"""


class Migration(migrations.Migration):
    replaces = [
        ("agents_app", "0001_initial"),
        ("agents_app", "0002_initial"),
        ("agents_app", "0003_frozen_versions"),
        ("agents_app", "0004_knowledge"),
        ("agents_app", "0005_json_as_it_was_written"),
    ]

    initial = True

    dependencies = [
        ("teams", "0001_squashed_0013"),
    ]

    operations = [
        migrations.CreateModel(
            name="Document",
            fields=[
                ("id", models.BigAutoField(auto_created=True, primary_key=True, serialize=False, verbose_name="ID")),
                (
                    "team",
                    models.ForeignKey(
                        on_delete=django.db.models.deletion.CASCADE, related_name="documents", to="teams.team"
                    ),
                ),
                ("title", models.CharField(max_length=200)),
                ("collection", models.CharField(default="default", max_length=80)),
                ("media_type", models.CharField(max_length=80)),
                ("size", models.PositiveIntegerField()),
                ("sha256", models.CharField(max_length=64)),
                (
                    "uploaded_by",
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
                    models.UniqueConstraint(
                        fields=("team", "collection", "sha256"), name="document_once_per_collection"
                    )
                ],
            },
        ),
        migrations.CreateModel(
            name="Passage",
            fields=[
                ("id", models.BigAutoField(auto_created=True, primary_key=True, serialize=False, verbose_name="ID")),
                (
                    "document",
                    models.ForeignKey(
                        on_delete=django.db.models.deletion.CASCADE, related_name="passages", to="agents_app.document"
                    ),
                ),
                ("position", models.PositiveIntegerField()),
                ("text", models.TextField()),
                ("folded_title", models.TextField()),
                ("folded_text", models.TextField()),
                (
                    "search",
                    models.GeneratedField(
                        db_persist=True,
                        expression=django.contrib.postgres.search.CombinedSearchVector(
                            django.contrib.postgres.search.CombinedSearchVector(
                                django.contrib.postgres.search.CombinedSearchVector(
                                    django.contrib.postgres.search.SearchVector(
                                        "folded_title", config="simple", weight="A"
                                    ),
                                    "||",
                                    django.contrib.postgres.search.SearchVector(
                                        "folded_title", config="english", weight="B"
                                    ),
                                    django.contrib.postgres.search.SearchConfig("simple"),
                                ),
                                "||",
                                django.contrib.postgres.search.SearchVector("folded_text", config="simple", weight="B"),
                                django.contrib.postgres.search.SearchConfig("simple"),
                            ),
                            "||",
                            django.contrib.postgres.search.SearchVector("folded_text", config="english", weight="C"),
                            django.contrib.postgres.search.SearchConfig("simple"),
                        ),
                        output_field=django.contrib.postgres.search.SearchVectorField(),
                    ),
                ),
            ],
            options={
                "ordering": ["document", "position"],
                "indexes": [django.contrib.postgres.indexes.GinIndex(fields=["search"], name="passage_search")],
                "constraints": [
                    models.UniqueConstraint(fields=("document", "position"), name="passage_once_per_document")
                ],
            },
        ),
        migrations.CreateModel(
            name="Crew",
            fields=[
                ("id", models.BigAutoField(auto_created=True, primary_key=True, serialize=False, verbose_name="ID")),
                (
                    "team",
                    models.ForeignKey(
                        on_delete=django.db.models.deletion.CASCADE, related_name="crews", to="teams.team"
                    ),
                ),
                ("slug", models.SlugField(max_length=80)),
                ("name", models.CharField(max_length=200)),
                ("description", models.TextField(blank=True)),
                ("process", models.CharField(default="sequential", max_length=16)),
                (
                    "options",
                    teams.models.KeptJSON(
                        default=dict, help_text="CrewSpec's other fields, where they are not at their default"
                    ),
                ),
                ("inputs", teams.models.KeptJSON(default=dict, help_text="default inputs, name to text")),
                ("revision", models.PositiveIntegerField(default=1)),
                ("builtin_key", models.CharField(blank=True, max_length=80)),
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
                ("updated_at", models.DateTimeField(auto_now=True)),
                ("archived_at", models.DateTimeField(blank=True, null=True)),
            ],
            options={
                "constraints": [
                    models.UniqueConstraint(fields=("team", "slug"), name="crew_slug_once_per_team"),
                    models.UniqueConstraint(
                        condition=models.Q(("builtin_key", ""), _negated=True),
                        fields=("team", "builtin_key"),
                        name="crew_builtin_once_per_team",
                    ),
                    models.CheckConstraint(
                        condition=models.Q(("process__in", ["sequential", "parallel", "hierarchical"])),
                        name="crew_process_known",
                    ),
                ],
            },
        ),
        migrations.CreateModel(
            name="Agent",
            fields=[
                ("id", models.BigAutoField(auto_created=True, primary_key=True, serialize=False, verbose_name="ID")),
                (
                    "crew",
                    models.ForeignKey(
                        on_delete=django.db.models.deletion.CASCADE, related_name="agents", to="agents_app.crew"
                    ),
                ),
                (
                    "key",
                    models.CharField(
                        max_length=64,
                        validators=[
                            django.core.validators.RegexValidator(
                                "^[a-z0-9][a-z0-9_]{0,63}$",
                                "Use lower-case letters, digits and underscores, starting with a letter or digit (at most 64).",
                            )
                        ],
                    ),
                ),
                ("position", models.PositiveIntegerField()),
                ("role", models.TextField(blank=True)),
                ("goal", models.TextField(blank=True)),
                ("backstory", models.TextField(blank=True)),
                ("llm", teams.models.KeptJSON(default=dict)),
                ("tools", teams.models.KeptJSON(default=list)),
                (
                    "options",
                    teams.models.KeptJSON(
                        default=dict, help_text="AgentSpec's other fields, where they are not at their default"
                    ),
                ),
            ],
            options={
                "ordering": ["position", "id"],
                "constraints": [models.UniqueConstraint(fields=("crew", "key"), name="agent_key_once_per_crew")],
            },
        ),
        migrations.CreateModel(
            name="CrewVersion",
            fields=[
                ("id", models.BigAutoField(auto_created=True, primary_key=True, serialize=False, verbose_name="ID")),
                (
                    "crew",
                    models.ForeignKey(
                        on_delete=django.db.models.deletion.CASCADE, related_name="versions", to="agents_app.crew"
                    ),
                ),
                ("number", models.PositiveIntegerField()),
                ("spec", teams.models.KeptJSON()),
                ("content_hash", models.CharField(max_length=64)),
                ("note", models.CharField(blank=True, max_length=200)),
                ("shared_at", models.DateTimeField(blank=True, null=True)),
                ("title", models.CharField(blank=True, max_length=200)),
                ("summary", models.TextField(blank=True)),
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
                "verbose_name": "version",
                "ordering": ["crew", "-number"],
                "constraints": [
                    models.UniqueConstraint(fields=("crew", "number"), name="version_number_once_per_crew"),
                    models.CheckConstraint(condition=models.Q(("number__gte", 1)), name="version_number_from_one"),
                ],
            },
        ),
        migrations.CreateModel(
            name="Task",
            fields=[
                ("id", models.BigAutoField(auto_created=True, primary_key=True, serialize=False, verbose_name="ID")),
                (
                    "crew",
                    models.ForeignKey(
                        on_delete=django.db.models.deletion.CASCADE, related_name="tasks", to="agents_app.crew"
                    ),
                ),
                (
                    "key",
                    models.CharField(
                        max_length=64,
                        validators=[
                            django.core.validators.RegexValidator(
                                "^[a-z0-9][a-z0-9_]{0,63}$",
                                "Use lower-case letters, digits and underscores, starting with a letter or digit (at most 64).",
                            )
                        ],
                    ),
                ),
                ("position", models.PositiveIntegerField()),
                ("name", models.CharField(blank=True, max_length=200)),
                ("description", models.TextField(blank=True)),
                ("expected_output", models.TextField(blank=True)),
                ("agent", models.CharField(blank=True, max_length=64)),
                (
                    "context",
                    django.contrib.postgres.fields.ArrayField(
                        base_field=models.CharField(max_length=64), blank=True, null=True, size=None
                    ),
                ),
                ("async_execution", models.BooleanField(default=False)),
                ("output_schema", teams.models.KeptJSON(blank=True, null=True)),
                (
                    "options",
                    teams.models.KeptJSON(
                        default=dict, help_text="TaskSpec's other fields, where they are not at their default"
                    ),
                ),
            ],
            options={
                "ordering": ["position", "id"],
                "constraints": [models.UniqueConstraint(fields=("crew", "key"), name="task_key_once_per_crew")],
            },
        ),
        migrations.AddField(
            model_name="crew",
            name="copied_from",
            field=models.ForeignKey(
                blank=True,
                null=True,
                on_delete=django.db.models.deletion.SET_NULL,
                related_name="+",
                to="agents_app.crewversion",
            ),
        ),
        migrations.RunSQL(FORWARDS, BACKWARDS),
    ]
