"""Orders written in full-width digits and letters are cut anew: the same words in either width find them."""

from typing import Any

from django.db import migrations

from workorders.search import tokens_of

WIDE = "[０-９Ａ-Ｚａ-ｚ]"


def cut_anew(apps: Any, _editor: Any) -> None:
    orders = apps.get_model("workorders", "WorkOrder").objects
    for field in ("title", "matter", "address"):
        for order in orders.filter(**{f"{field}__regex": WIDE}).iterator(1000):
            orders.filter(pk=order.pk).update(tokens=tokens_of(order))


class Migration(migrations.Migration):
    dependencies = [("workorders", "0013_telephones")]
    operations = [migrations.RunPython(cut_anew, migrations.RunPython.noop)]
