"""The log of what was done in a team. The database refuses to change it, whoever asks."""

import django.db.models.deletion
import django.db.models.functions.datetime
from django.db import migrations, models

import teams.models.kept_json

# What is older than 13 months may go, and so may a made-up team with its rows. Nothing is ever changed.
REFUSE = """
CREATE FUNCTION refuse_change_of_audit_log() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    IF TG_OP = 'DELETE' AND (OLD.at < statement_timestamp() - interval '13 months'
                             OR EXISTS (SELECT FROM teams_team WHERE id = OLD.team_id AND is_demo)) THEN
        RETURN OLD;
    END IF;
    RAISE EXCEPTION 'the log is never changed' USING ERRCODE = 'restrict_violation';
END $$;
CREATE TRIGGER audit_log_is_frozen BEFORE UPDATE OR DELETE ON teams_auditentry
    FOR EACH ROW EXECUTE FUNCTION refuse_change_of_audit_log();
"""
ALLOW = """
DROP TRIGGER audit_log_is_frozen ON teams_auditentry;
DROP FUNCTION refuse_change_of_audit_log();
"""


class Migration(migrations.Migration):
    dependencies = [
        ("teams", "0014_invitations"),
    ]

    operations = [
        migrations.CreateModel(
            name="AuditEntry",
            fields=[
                ("id", models.BigAutoField(auto_created=True, primary_key=True, serialize=False, verbose_name="ID")),
                ("at", models.DateTimeField(db_default=django.db.models.functions.datetime.Now())),
                ("person_id", models.BigIntegerField()),
                ("person", models.CharField(max_length=254)),
                (
                    "way",
                    models.CharField(
                        choices=[
                            ("page", "on a page"),
                            ("token", "by an API token"),
                            ("command", "by a command on the server"),
                        ],
                        max_length=8,
                    ),
                ),
                ("address", models.CharField(blank=True, max_length=64)),
                ("token", models.CharField(blank=True, max_length=12)),
                ("action", models.CharField(max_length=40)),
                ("object_id", models.CharField(max_length=40)),
                ("object", models.CharField(max_length=300)),
                ("detail", teams.models.kept_json.KeptJSON(default=dict)),
                (
                    "team",
                    models.ForeignKey(on_delete=django.db.models.deletion.CASCADE, related_name="+", to="teams.team"),
                ),
            ],
            options={
                "verbose_name_plural": "audit entries",
                "indexes": [
                    models.Index(fields=["team", "-id"], name="audit_newest"),
                    models.Index(fields=["at"], name="audit_oldest"),
                ],
            },
        ),
        migrations.RunSQL(REFUSE, ALLOW),
    ]
