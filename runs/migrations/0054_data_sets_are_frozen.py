"""Versions of data sets and their rows never change, and are never emptied: only who made one goes when the account
does."""

from django.db import migrations

FREEZE = """
CREATE FUNCTION refuse_change_of_data_set() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    RAISE EXCEPTION 'versions of data sets and their rows never change' USING ERRCODE = 'restrict_violation';
END $$;
CREATE TRIGGER data_set_row_is_frozen BEFORE UPDATE ON runs_datasetrow
    FOR EACH ROW EXECUTE FUNCTION refuse_change_of_data_set();
CREATE TRIGGER data_set_version_is_frozen
    BEFORE UPDATE OF data_set_id, number, block, row_count, chars, columns ON runs_datasetversion
    FOR EACH ROW EXECUTE FUNCTION refuse_change_of_data_set();
CREATE TRIGGER data_set_row_is_kept BEFORE TRUNCATE ON runs_datasetrow
    FOR EACH STATEMENT EXECUTE FUNCTION refuse_emptying();
CREATE TRIGGER data_set_version_is_kept BEFORE TRUNCATE ON runs_datasetversion
    FOR EACH STATEMENT EXECUTE FUNCTION refuse_emptying();
"""
LET_GO = """
DROP TRIGGER data_set_version_is_kept ON runs_datasetversion;
DROP TRIGGER data_set_row_is_kept ON runs_datasetrow;
DROP TRIGGER data_set_version_is_frozen ON runs_datasetversion;
DROP TRIGGER data_set_row_is_frozen ON runs_datasetrow;
DROP FUNCTION refuse_change_of_data_set();
"""


class Migration(migrations.Migration):
    dependencies = [("runs", "0053_data_sets_and_schedules")]
    operations = [migrations.RunSQL(FREEZE, LET_GO)]
