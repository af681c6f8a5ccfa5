"""An index by which a word is found in the errors of runs, where PostgreSQL lets us have one.

The extension is part of PostgreSQL and may be created by the owner of a database; where it is missing or not allowed,
the same search reads the errors one by one.
"""

from django.db import migrations

CREATE = """
DO $$
BEGIN
    CREATE EXTENSION IF NOT EXISTS pg_trgm;
    CREATE INDEX run_error_words ON runs_run USING gin (upper(error) gin_trgm_ops) WHERE error <> '';
EXCEPTION WHEN insufficient_privilege OR undefined_file OR undefined_object OR feature_not_supported THEN
    RAISE NOTICE 'Words of errors have no index: %', SQLERRM;
END
$$
"""


class Migration(migrations.Migration):
    dependencies = [("runs", "0025_indexes_of_crews_and_days")]

    operations = [migrations.RunSQL(CREATE, "DROP INDEX IF EXISTS run_error_words")]
