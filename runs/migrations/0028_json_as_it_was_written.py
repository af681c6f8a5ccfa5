"""JSON in columns of the type ``json``, which keeps the order of keys. Orders that ``jsonb`` lost stay lost.

Each table is rewritten once. Labels of runs are found by the same index as before, on the labels as ``jsonb``.
"""

from django.contrib.postgres.indexes import GinIndex, OpClass
from django.db import migrations, models
from django.db.models.functions import Cast

import teams.models

COLUMNS = {
    "runs_run": ("inputs", "metadata", "output_json"),
    "runs_taskrun": ("output_json",),
    "runs_call": ("params", "messages", "reply"),
}
INDEX = "CREATE INDEX run_metadata ON runs_run USING gin ({column} jsonb_path_ops);"


def to(json_type: str, indexed: str) -> str:
    altered = (
        f"ALTER TABLE {table} {', '.join(f'ALTER COLUMN {name} TYPE {json_type} USING {name}::{json_type}' for name in names)};"
        for table, names in COLUMNS.items()
    )
    return "\n".join(
        ["SET LOCAL statement_timeout = 0;", "DROP INDEX run_metadata;", *altered, INDEX.format(column=indexed)]
    )


def altered(model: str, name: str, **options: object) -> migrations.AlterField:
    return migrations.AlterField(model, name, teams.models.KeptJSON(**options))


class Migration(migrations.Migration):
    dependencies = [("runs", "0027_prices_have_parts"), ("teams", "0011_json_as_it_was_written")]
    operations = [
        migrations.RunSQL(
            to("json", "((metadata)::jsonb)"),
            to("jsonb", "metadata"),
            state_operations=[
                migrations.RemoveIndex("run", "run_metadata"),
                altered("run", "inputs", default=dict),
                altered("run", "metadata", default=dict),
                altered("run", "output_json", null=True),
                altered("taskrun", "output_json", null=True),
                altered("call", "params", default=dict),
                altered("call", "messages", default=list),
                altered("call", "reply", null=True),
                migrations.AddIndex(
                    "run",
                    GinIndex(OpClass(Cast("metadata", models.JSONField()), name="jsonb_path_ops"), name="run_metadata"),
                ),
            ],
        )
    ]
