from django.db import models
from django.utils.translation import gettext
from django.utils.translation import gettext_lazy as _

from workorders import telephones
from workorders.fields import EncryptedField, mask_telephone


class Call(models.Model):
    """来电: the telephone system announced that somebody calls. Announced twice it is one call."""

    source = models.CharField(_("source"), max_length=60)
    call_id = models.CharField(_("id in the telephone system"), max_length=100)
    phone = EncryptedField(_("telephone"), blank=True)
    line = models.CharField(_("line that was called"), max_length=40, blank=True)
    agent = models.CharField(_("operator it goes to"), max_length=150, blank=True)
    started_at = models.DateTimeField(_("started at"))
    announced_at = models.DateTimeField(_("announced at"))
    opened_at = models.DateTimeField(_("opened at the desk at"), null=True, blank=True)
    filed_at = models.DateTimeField(_("first became an appeal at"), null=True, blank=True)

    class Meta:
        verbose_name = _("call")
        verbose_name_plural = _("calls")
        ordering = ["-id"]
        constraints = [models.UniqueConstraint(fields=["call_id", "source"], name="call_announced_once")]
        indexes = [
            models.Index(fields=["agent", "-id"], condition=models.Q(opened_at=None), name="call_unopened_by_agent"),
            models.Index(fields=["announced_at"], condition=models.Q(filed_at=None), name="call_without_appeal"),
        ]

    def __str__(self) -> str:
        return self.call_id

    @property
    def number(self) -> str:
        """The telephone as a form takes it over: the numbers in what the telephone system sent."""
        return telephones.read(self.phone).text

    @property
    def masked_phone(self) -> str:
        return mask_telephone(self.phone) or gettext("Hidden number")
