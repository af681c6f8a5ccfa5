"""JSON in columns of the type ``json``, which keeps the order of keys. Orders that ``jsonb`` lost stay lost."""

from django.db import migrations

import teams.models

TO = """
SET LOCAL statement_timeout = 0;
ALTER TABLE teams_delivery ALTER COLUMN payload TYPE {type} USING payload::{type};
ALTER TABLE teams_idempotentanswer ALTER COLUMN answer TYPE {type} USING answer::{type};
"""


class Migration(migrations.Migration):
    dependencies = [("teams", "0010_provider_keys_book_stated_costs")]
    operations = [
        migrations.RunSQL(
            TO.format(type="json"),
            TO.format(type="jsonb"),
            state_operations=[
                migrations.AlterField("delivery", "payload", teams.models.KeptJSON()),
                migrations.AlterField("idempotentanswer", "answer", teams.models.KeptJSON()),
            ],
        )
    ]
