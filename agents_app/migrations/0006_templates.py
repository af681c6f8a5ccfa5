"""What a team says of the versions that it shares gets a row of its own, one for a crew."""

import django.contrib.postgres.fields
import django.db.models.deletion
import django.db.models.functions.datetime
from django.conf import settings
from django.db import migrations, models

import teams.models

ROWS = """
INSERT INTO agents_app_template
    (crew_id, version_id, title, description, tags, model_ids, examples, shared_by_id, shared_at, revision)
SELECT DISTINCT ON (version.crew_id) version.crew_id, version.id, coalesce(nullif(version.title, ''), crew.name),
    version.summary, '{}', coalesce(asked.models, '{}'), '{}', version.created_by_id, version.shared_at, 1
FROM agents_app_crewversion AS version
JOIN agents_app_crew AS crew ON crew.id = version.crew_id
CROSS JOIN LATERAL (
    SELECT array_agg(DISTINCT coalesce(agent -> 'llm' ->> 'model', 'gpt-4o-mini')) AS models
    FROM jsonb_array_elements(coalesce(version.spec::jsonb -> 'agents', '[]')) AS agent
) AS asked
WHERE version.shared_at IS NOT NULL
ORDER BY version.crew_id, version.number DESC;
SET CONSTRAINTS ALL IMMEDIATE;
SET CONSTRAINTS ALL DEFERRED;
"""


class Migration(migrations.Migration):
    dependencies = [
        migrations.swappable_dependency(settings.AUTH_USER_MODEL),
        ("agents_app", "0001_squashed_0005"),
    ]

    operations = [
        migrations.CreateModel(
            name="Template",
            fields=[
                ("id", models.BigAutoField(auto_created=True, primary_key=True, serialize=False, verbose_name="ID")),
                ("title", models.CharField(max_length=200)),
                ("description", models.TextField(blank=True)),
                (
                    "tags",
                    django.contrib.postgres.fields.ArrayField(
                        base_field=models.CharField(max_length=40), blank=True, default=list, size=None
                    ),
                ),
                (
                    "model_ids",
                    django.contrib.postgres.fields.ArrayField(
                        base_field=models.CharField(max_length=200), blank=True, default=list, size=None
                    ),
                ),
                ("examples", teams.models.KeptJSON(default=dict)),
                ("shared_at", models.DateTimeField(db_default=django.db.models.functions.datetime.Now())),
                ("revision", models.PositiveIntegerField(default=1)),
                ("given_from", models.BigIntegerField(blank=True, null=True)),
                (
                    "crew",
                    models.OneToOneField(
                        on_delete=django.db.models.deletion.CASCADE, related_name="template", to="agents_app.crew"
                    ),
                ),
                (
                    "shared_by",
                    models.ForeignKey(
                        null=True,
                        on_delete=django.db.models.deletion.SET_NULL,
                        related_name="+",
                        to=settings.AUTH_USER_MODEL,
                    ),
                ),
                (
                    "version",
                    models.ForeignKey(
                        on_delete=django.db.models.deletion.CASCADE, related_name="+", to="agents_app.crewversion"
                    ),
                ),
            ],
        ),
        migrations.RunSQL(ROWS, migrations.RunSQL.noop),
        migrations.RemoveField(model_name="crewversion", name="title"),
        migrations.RemoveField(model_name="crewversion", name="summary"),
        migrations.AddIndex(
            model_name="crewversion", index=models.Index(fields=["content_hash"], name="version_of_content")
        ),
    ]
