from django.db import migrations

# As they stood in version 1 when messages came in: documents entered before need them as well.
SECTIONS = {"notices": {"quiet": "22:00-07:00", "digest_minutes": 60}}


def add(apps, schema_editor):
    for policy in apps.get_model("workorders", "Policy").objects.all():
        policy.document = {**SECTIONS, **policy.document}
        policy.save(update_fields=["document"])


class Migration(migrations.Migration):
    dependencies = [("workorders", "0005_feed")]

    operations = [migrations.RunPython(add, migrations.RunPython.noop)]
