from django.db import models
from django.utils.translation import gettext_lazy as _


class SavedView(models.Model):
    """A list somebody comes back to: filters, order and columns, for themselves or for all of their unit."""

    owner = models.ForeignKey("User", models.CASCADE, related_name="saved_views", verbose_name=_("owner"))
    unit = models.ForeignKey(
        "Unit", models.PROTECT, null=True, related_name="+", verbose_name=_("shared with the unit")
    )
    name = models.CharField(_("name"), max_length=40)
    query = models.CharField(_("filters"), max_length=2000)

    class Meta:
        verbose_name = _("saved view")
        verbose_name_plural = _("saved views")
        ordering = ["name", "id"]
        constraints = [models.UniqueConstraint(fields=["owner", "name"], name="a_name_once_an_owner")]

    def __str__(self) -> str:
        return self.name
