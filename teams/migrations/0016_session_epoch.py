"""People can end their other sessions: see ``User.session_epoch``."""

from django.db import migrations, models


class Migration(migrations.Migration):
    dependencies = [
        ("teams", "0015_audit_log"),
    ]

    operations = [
        migrations.AddField(
            model_name="user",
            name="session_epoch",
            field=models.PositiveIntegerField(db_default=0, default=0),
        ),
    ]
