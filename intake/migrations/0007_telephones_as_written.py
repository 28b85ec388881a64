import django.contrib.postgres.indexes
from django.db import migrations

import intake.papers
import workorders.fields


class Migration(migrations.Migration):
    dependencies = [("intake", "0006_provisional_corrections")]

    operations = [
        migrations.AddField(
            "complainant",
            "phone_written",
            workorders.fields.EncryptedField(blank=True, default="", verbose_name="telephone as it was written"),
            preserve_default=False,
        ),
        migrations.AddField(
            "complainant", "phone_indexes", workorders.fields.TelephoneIndexField(size=None, source="phone")
        ),
        migrations.AlterField(
            "complainant",
            "identity_index",
            workorders.fields.BlindIndexField(normal=intake.papers.key_of, source="identity"),
        ),
        migrations.AddIndex(
            "complainant",
            django.contrib.postgres.indexes.GinIndex(
                fastupdate=False, fields=["phone_indexes"], name="complainant_by_phone"
            ),
        ),
    ]
