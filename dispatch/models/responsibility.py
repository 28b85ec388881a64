from django.db import models
from django.utils.translation import gettext_lazy as _


class Responsibility(models.Model):
    """One line of the responsibility catalogue 派单目录: category × area → unit.

    The unit is named, or it is the territorial one 属地: the street or the district that the order's area lies in. A line
    without an area holds everywhere. The most specific line wins: by category first, then by area.
    """

    class Territory(models.TextChoices):
        STREET = "street", _("The street or township of the place")
        DISTRICT = "district", _("The district of the place")

    category = models.ForeignKey("workorders.Category", models.PROTECT, verbose_name=_("category"))
    area = models.ForeignKey("workorders.Area", models.PROTECT, null=True, blank=True, verbose_name=_("area"))
    unit = models.ForeignKey("workorders.Unit", models.PROTECT, null=True, blank=True, verbose_name=_("unit"))
    territory = models.CharField(_("territorial unit"), max_length=20, choices=Territory, blank=True)
    basis = models.CharField(_("basis"), max_length=200, blank=True)

    class Meta:
        verbose_name = _("line of the responsibility catalogue")
        verbose_name_plural = _("responsibility catalogue")
        ordering = ["category__path", "area__path"]
        constraints = [
            models.UniqueConstraint(
                fields=["category", "area"], nulls_distinct=False, name="one_line_a_category_and_area"
            ),
            models.CheckConstraint(condition=models.Q(unit=None) ^ models.Q(territory=""), name="unit_or_territory"),
        ]

    def __str__(self) -> str:
        return f"{self.category} → {self.unit or self.get_territory_display()}"
