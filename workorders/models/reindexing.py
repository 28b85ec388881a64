from django.db import models
from django.utils.translation import gettext_lazy as _


class Reindexing(models.Model):
    """How far `manage.py reindex` has come with one index. Owed from the migration that changed how it is computed."""

    index = models.CharField(_("index"), max_length=100, unique=True)
    done = models.BigIntegerField(_("done up to the row"), default=0)
    # The last row that was there when the work began; newer ones are right from the start. None until then.
    until = models.BigIntegerField(_("to be done up to the row"), null=True, blank=True)

    class Meta:
        verbose_name = _("reindexing")
        verbose_name_plural = _("reindexings")

    def __str__(self) -> str:
        return self.index
