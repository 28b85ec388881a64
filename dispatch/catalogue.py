"""The responsibility catalogue 派单目录 that the product ships: one line a category, from how its kind is routed."""

from django.db import transaction

from dispatch.models import Responsibility
from workorders import reference
from workorders.models import Category, Unit

BASIS = {
    "street": "属地管理，《北京市接诉即办工作条例》第十二条第一款第（一）项",
    "district": "区政府统筹，《北京市接诉即办工作条例》第十二条第一款第（二）项",
    "sector": "职权法定，行业主管，《北京市接诉即办工作条例》第十一条第二款",
}


@transaction.atomic
def load() -> int:
    """Add the lines of categories that have none; how many."""
    categories = dict(Category.objects.values_list("code", "pk"))
    sectors = dict(Unit.objects.exclude(sector="").values_list("sector", "pk"))
    known = set(Responsibility.objects.filter(area=None).values_list("category_id", flat=True))
    lines = [
        Responsibility(
            category_id=categories[row["code"]],
            unit_id=sectors[row["sector"]] if row["route"] == "sector" else None,
            territory="" if row["route"] == "sector" else row["route"],
            basis=BASIS[row["route"]],
        )
        for row in reference.rows("categories")
        if categories[row["code"]] not in known
    ]
    return len(Responsibility.objects.bulk_create(lines))
