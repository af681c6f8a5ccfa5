"""The log by kind of object, and what its filters need; and nobody empties it, whoever asks.

The words have an index where PostgreSQL lets us have one: the extension is part of it and may be created by the owner
of a database. Where it may not, the same search reads the entries one by one.
"""

from django.db import migrations, models

WORDS = """
DO $$
BEGIN
    CREATE EXTENSION IF NOT EXISTS pg_trgm;
    CREATE INDEX audit_words ON teams_auditentry USING gin (upper(person) gin_trgm_ops, upper(object) gin_trgm_ops);
EXCEPTION WHEN insufficient_privilege OR undefined_file OR undefined_object OR feature_not_supported THEN
    RAISE NOTICE 'Words of the log have no index: %', SQLERRM;
END
$$
"""
REFUSE_EMPTYING = """
CREATE FUNCTION refuse_emptying_audit_log() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    RAISE EXCEPTION 'the log is never emptied' USING ERRCODE = 'restrict_violation';
END $$;
CREATE TRIGGER audit_log_is_kept BEFORE TRUNCATE ON teams_auditentry
    FOR EACH STATEMENT EXECUTE FUNCTION refuse_emptying_audit_log();
"""
ALLOW_EMPTYING = """
DROP TRIGGER audit_log_is_kept ON teams_auditentry;
DROP FUNCTION refuse_emptying_audit_log();
"""


class Migration(migrations.Migration):
    dependencies = [("teams", "0016_session_epoch")]

    operations = [
        migrations.AddField(
            model_name="auditentry",
            name="kind",
            field=models.GeneratedField(
                db_persist=True,
                expression=models.Func(models.F("action"), models.Value("."), models.Value(1), function="split_part"),
                output_field=models.CharField(max_length=40),
            ),
        ),
        migrations.AddIndex(
            model_name="auditentry", index=models.Index(fields=["team", "kind", "-id"], name="audit_of_kind")
        ),
        migrations.AddIndex(
            model_name="auditentry", index=models.Index(fields=["team", "action", "-id"], name="audit_of_action")
        ),
        migrations.AddIndex(
            model_name="auditentry", index=models.Index(fields=["team", "way", "-id"], name="audit_of_way")
        ),
        migrations.AddIndex(model_name="auditentry", index=models.Index(fields=["team", "at"], name="audit_of_days")),
        migrations.RunSQL(WORDS, "DROP INDEX IF EXISTS audit_words"),
        migrations.RunSQL(REFUSE_EMPTYING, ALLOW_EMPTYING),
    ]
