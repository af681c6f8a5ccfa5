from django.db import migrations

# Rows so far were launched as whoever launched their batch.
ROWS_SO_FAR = [
    "SET LOCAL statement_timeout = 0",
    """
    UPDATE runs_batchrow SET added_by_id = batch.created_by_id, api_token_id = batch.api_token_id
    FROM runs_batch AS batch WHERE batch.id = runs_batchrow.batch_id
    """,
]


class Migration(migrations.Migration):
    dependencies = [
        ("runs", "0049_rows_say_who_launches_them"),
    ]

    operations = [
        migrations.RunSQL(ROWS_SO_FAR, migrations.RunSQL.noop),
    ]
