from django.db import models
from django.utils.translation import gettext_lazy as _

from workorders.models import Category


class Dossier(models.Model):
    """一事一档: one case, one file. `seal` is the hash of the ledger's last event, the archiving itself."""

    order = models.OneToOneField(
        "workorders.WorkOrder", models.PROTECT, related_name="dossier", verbose_name=_("work order")
    )
    retention = models.CharField(_("retention class"), max_length=20, choices=Category.Retention)
    archived_at = models.DateTimeField(_("archived at"))
    keep_until = models.DateField(_("keep until"), null=True)
    events = models.PositiveIntegerField(_("events"))
    seal = models.CharField(_("seal"), max_length=64)

    class Meta:
        verbose_name = _("dossier")
        verbose_name_plural = _("dossiers")
        ordering = ["-id"]

    def __str__(self) -> str:
        return str(self.order)
