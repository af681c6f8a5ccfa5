"""A version's spec never changes once it is written: the database refuses, whoever asks."""

from django.db import migrations

FORWARDS = """
CREATE FUNCTION refuse_version_change() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    IF (NEW.crew_id, NEW.number, NEW.spec, NEW.content_hash) IS DISTINCT FROM
       (OLD.crew_id, OLD.number, OLD.spec, OLD.content_hash) THEN
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
    dependencies = [("agents_app", "0002_initial")]
    operations = [migrations.RunSQL(FORWARDS, BACKWARDS)]
