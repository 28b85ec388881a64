from django.db import models
from django.utils.translation import gettext_lazy as _

from workorders.fields import EncryptedField


class Appeal(models.Model):
    """诉求: what a person asked, in the original words, through one channel. Several can stand under one order."""

    class Channel(models.TextChoices):
        PHONE = "phone", _("Telephone")
        WEB = "web", _("Web")
        APP = "app", _("App")
        COUNTER = "counter", _("Counter")
        MAIL = "mail", _("Mail")
        TRANSFER = "transfer", _("Transfer")

    class GreenChannel(models.TextChoices):
        ELDERLY = "elderly", _("Elderly person")
        DISABLED = "disabled", _("Person with a disability")
        OTHER = "other", _("Other person who needs help")

    order = models.ForeignKey(
        "workorders.WorkOrder", models.PROTECT, related_name="appeals", verbose_name=_("work order")
    )
    complainant = models.ForeignKey(
        "Complainant", models.PROTECT, null=True, related_name="appeals", verbose_name=_("complainant")
    )
    # 来电: none where it came by another channel, or the telephone system announces nothing.
    call = models.ForeignKey(
        "Call", models.PROTECT, null=True, related_name="appeals", verbose_name=_("call"), db_index=False
    )
    channel = models.CharField(_("channel"), max_length=20, choices=Channel)
    words = models.TextField(_("original words"))
    received_at = models.DateTimeField(_("received at"))
    anonymous_to_unit = models.BooleanField(
        _("wishes to stay unknown to the handling unit"),
        default=False,
        help_text=_("Units get neither name nor telephone; the hotline passes messages on."),
    )
    call_back_at = models.DateTimeField(_("wishes to be called back at"), null=True, blank=True)  # 预约回访时间
    green_channel = models.CharField(_("green channel"), max_length=20, choices=GreenChannel, blank=True)  # 绿色通道
    on_behalf_by = EncryptedField(_("filed on behalf of the complainant by"), blank=True)  # 代办
    home_visit = models.BooleanField(_("needs a visit at home"), default=False)  # 上门
    source = models.CharField(_("source"), max_length=60, blank=True)
    source_id = models.CharField(_("id in the source"), max_length=100, blank=True)

    class Meta:
        verbose_name = _("appeal")
        verbose_name_plural = _("appeals")
        ordering = ["received_at", "id"]
        indexes = [
            models.Index(fields=["call"], condition=models.Q(call__isnull=False), name="appeal_of_call"),
            models.Index(fields=["order"], condition=~models.Q(green_channel=""), name="appeal_in_green_channel"),
        ]
        constraints = [
            models.UniqueConstraint(
                fields=["source", "source_id"], condition=~models.Q(source_id=""), name="appeal_taken_once"
            )
        ]

    def __str__(self) -> str:
        return f"{self.get_channel_display()} {self.received_at:%Y-%m-%d %H:%M}"
