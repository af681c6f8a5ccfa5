"""What is never changed is never emptied either, whoever asks: one function and one list for all of it.

Triggers for each row do not see TRUNCATE. A test finds tables that have those and are not in the list.
"""

from django.db import migrations

TABLES = {
    "teams_auditentry": "audit_log_is_kept",
    "agents_app_crewversion": "version_is_kept",
    "agents_app_libraryversion": "library_version_is_kept",
    "runs_bill": "bill_is_kept",
    "runs_closedbill": "closed_bill_is_kept",
    "runs_closedline": "closed_line_is_kept",
    "runs_closingentry": "closing_entry_is_kept",
}
"""Each with the name of its trigger. The log had one of its own, which the common one replaces."""

KEEP = "CREATE TRIGGER {name} BEFORE TRUNCATE ON {table} FOR EACH STATEMENT EXECUTE FUNCTION refuse_emptying();"
LET_GO = "DROP TRIGGER {name} ON {table};"

REFUSE = """
DROP TRIGGER audit_log_is_kept ON teams_auditentry;
DROP FUNCTION refuse_emptying_audit_log();
CREATE FUNCTION refuse_emptying() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    RAISE EXCEPTION '% is never emptied', TG_TABLE_NAME USING ERRCODE = 'restrict_violation';
END $$;
"""
ALLOW = """
DROP FUNCTION refuse_emptying();
CREATE FUNCTION refuse_emptying_audit_log() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    RAISE EXCEPTION 'the log is never emptied' USING ERRCODE = 'restrict_violation';
END $$;
CREATE TRIGGER audit_log_is_kept BEFORE TRUNCATE ON teams_auditentry
    FOR EACH STATEMENT EXECUTE FUNCTION refuse_emptying_audit_log();
"""


def for_all(statement: str) -> str:
    return "\n".join(statement.format(name=name, table=table) for table, name in TABLES.items())


class Migration(migrations.Migration):
    dependencies = [
        ("runs", "0039_calls_of_tools"),
        ("teams", "0017_log_by_kind"),
        ("agents_app", "0007_library"),
    ]

    operations = [migrations.RunSQL(REFUSE + for_all(KEEP), for_all(LET_GO) + ALLOW)]
