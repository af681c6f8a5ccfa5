"""JSON in columns of the type ``json``, which keeps the order of keys. Orders that ``jsonb`` lost stay lost.

Values of ``json`` cannot be compared, so the trigger that keeps versions frozen compares a spec's text.
"""

from django.db import migrations

import teams.models

COLUMNS = {
    "agents_app_crew": ("options", "inputs"),
    "agents_app_agent": ("llm", "tools", "options"),
    "agents_app_task": ("output_schema", "options"),
    "agents_app_crewversion": ("spec",),
}
FROZEN = """
CREATE OR REPLACE FUNCTION refuse_version_change() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    IF (NEW.crew_id, NEW.number, NEW.spec{cast}, NEW.content_hash) IS DISTINCT FROM
       (OLD.crew_id, OLD.number, OLD.spec{cast}, OLD.content_hash) THEN
        RAISE EXCEPTION 'version % of crew % is frozen', OLD.number, OLD.crew_id
            USING ERRCODE = 'restrict_violation';
    END IF;
    RETURN NEW;
END $$;
"""


def to(json_type: str, cast: str) -> str:
    altered = (
        f"ALTER TABLE {table} {', '.join(f'ALTER COLUMN {name} TYPE {json_type} USING {name}::{json_type}' for name in names)};"
        for table, names in COLUMNS.items()
    )
    return "\n".join(["SET LOCAL statement_timeout = 0;", *altered, FROZEN.format(cast=cast)])


def altered(model: str, name: str, **options: object) -> migrations.AlterField:
    return migrations.AlterField(model, name, teams.models.KeptJSON(**options))


class Migration(migrations.Migration):
    dependencies = [("agents_app", "0004_knowledge"), ("teams", "0011_json_as_it_was_written")]
    operations = [
        migrations.RunSQL(
            to("json", "::text"),
            to("jsonb", ""),
            state_operations=[
                altered(
                    "crew",
                    "options",
                    default=dict,
                    help_text="CrewSpec's other fields, where they are not at their default",
                ),
                altered("crew", "inputs", default=dict, help_text="default inputs, name to text"),
                altered("agent", "llm", default=dict),
                altered("agent", "tools", default=list),
                altered(
                    "agent",
                    "options",
                    default=dict,
                    help_text="AgentSpec's other fields, where they are not at their default",
                ),
                altered("task", "output_schema", null=True, blank=True),
                altered(
                    "task",
                    "options",
                    default=dict,
                    help_text="TaskSpec's other fields, where they are not at their default",
                ),
                altered("crewversion", "spec"),
            ],
        )
    ]
