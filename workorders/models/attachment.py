from django.db import models
from django.utils.translation import gettext_lazy as _


class Attachment(models.Model):
    """A file that came with an event. Its content is named by what it is (SHA-256), its name is only shown."""

    order = models.ForeignKey("WorkOrder", models.PROTECT, related_name="attachments", verbose_name=_("work order"))
    event = models.ForeignKey("Event", models.PROTECT, related_name="attachments", verbose_name=_("event"))
    file = models.FileField(_("file"), upload_to="attachments/%Y/%m/%d/")
    name = models.CharField(_("name"), max_length=200)
    content_type = models.CharField(_("content type"), max_length=100)
    size = models.PositiveIntegerField(_("size in bytes"))
    sha256 = models.CharField(max_length=64)

    class Meta:
        verbose_name = _("attachment")
        verbose_name_plural = _("attachments")
        ordering = ["id"]

    def __str__(self) -> str:
        return self.name
