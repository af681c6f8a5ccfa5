"""Claims of idempotency keys without an answer go: their processes are gone, and answers are made differently now."""

from django.db import migrations, models


def delete_claims(apps, schema_editor):
    apps.get_model("teams", "IdempotentAnswer").objects.filter(answer=None).delete()


class Migration(migrations.Migration):
    dependencies = [("teams", "0004_count_tries")]

    operations = [
        migrations.RunPython(delete_claims, migrations.RunPython.noop),
        migrations.AlterField(model_name="idempotentanswer", name="answer", field=models.JSONField()),
    ]
