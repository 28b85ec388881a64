from django.db import models
from django.utils.translation import gettext_lazy as _


class Lease(models.Model):
    """认领: who has taken an order to work on it, and until when. One an order; it ends by itself."""

    order = models.OneToOneField(
        "WorkOrder", models.PROTECT, primary_key=True, related_name="lease", verbose_name=_("work order")
    )
    user = models.ForeignKey("User", models.PROTECT, related_name="leases", verbose_name=_("user"))
    until = models.DateTimeField(_("until"))

    class Meta:
        verbose_name = _("lease")
        verbose_name_plural = _("leases")

    def __str__(self) -> str:
        return f"{self.user} {self.until:%H:%M}"
