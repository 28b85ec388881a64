from django.db import migrations

# As they stood in version 1 when requests came in: orders under an older document need them as well.
SECTIONS = {
    "returns": {"window": {"value": 1, "unit": "working_day"}, "per_order": 2, "per_unit": 1},
    "extension": {"notice": {"value": 1, "unit": "working_day"}, "per_round": 1, "longest_days": 10},
}


def add(apps, schema_editor):
    for policy in apps.get_model("workorders", "Policy").objects.all():
        policy.document = {**SECTIONS, **policy.document}
        policy.save(update_fields=["document"])


class Migration(migrations.Migration):
    dependencies = [("workorders", "0002_ledger_and_numbers")]

    operations = [migrations.RunPython(add, migrations.RunPython.noop)]
