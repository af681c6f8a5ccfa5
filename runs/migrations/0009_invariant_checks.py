from django.db import migrations, models


class Migration(migrations.Migration):
    dependencies = [
        ("runs", "0008_price_tiers"),
    ]

    operations = [
        migrations.CreateModel(
            name="InvariantCheck",
            fields=[
                ("day", models.DateField(help_text="in UTC", primary_key=True, serialize=False)),
                ("checked_at", models.DateTimeField()),
                ("took_ms", models.IntegerField(null=True)),
                ("violations", models.JSONField(default=list)),
            ],
        ),
    ]
