from django.conf import settings
from django.db import models
from django.utils.translation import gettext_lazy as _

from workorders.fields import EncryptedField


class StoredAnswer(models.Model):
    """What a POST with an Idempotency-Key was answered, for a day. Written in the transaction of the act itself.

    The answer is encrypted: it may hold what was revealed.
    """

    caller = models.ForeignKey(settings.AUTH_USER_MODEL, models.CASCADE, related_name="+", verbose_name=_("caller"))
    key = models.CharField(_("idempotency key"), max_length=255)
    fingerprint = models.CharField(_("hash of the request"), max_length=64)
    code = models.PositiveSmallIntegerField(_("HTTP status"), default=0)
    headers = models.JSONField(_("headers"), default=dict)
    body = EncryptedField(_("answer"), blank=True)
    created_at = models.DateTimeField(_("created at"), db_index=True)

    class Meta:
        verbose_name = _("stored answer")
        verbose_name_plural = _("stored answers")
        constraints = [models.UniqueConstraint(fields=["caller", "key"], name="one_answer_a_key")]

    def __str__(self) -> str:
        return self.key
