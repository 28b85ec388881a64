from django.db import models
from django.utils.translation import gettext_lazy as _

from workorders.fields import (
    BlindIndexField,
    EncryptedField,
    blind_index,
    mask_name,
    mask_number,
    mask_text,
    normal_phone,
)


class Complainant(models.Model):
    """诉求人: who asked. One row a telephone; everything that names a person is encrypted, and masked unless shown."""

    name = EncryptedField(_("name"), blank=True)
    name_index = BlindIndexField("name")
    phone = EncryptedField(_("telephone"), blank=True)
    phone_index = BlindIndexField("phone", normal_phone)
    identity = EncryptedField(_("identity number"), blank=True)
    identity_index = BlindIndexField("identity")
    address = EncryptedField(_("address"), blank=True)
    address_index = BlindIndexField("address")

    class Meta:
        verbose_name = _("complainant")
        verbose_name_plural = _("complainants")

    def __str__(self) -> str:
        return self.masked["name"] or str(_("anonymous"))

    @property
    def masked(self) -> dict[str, str]:
        return {
            "name": mask_name(self.name),
            "phone": mask_number(self.phone),
            "identity": mask_number(self.identity),
            "address": mask_text(self.address),
        }

    @property
    def shown(self) -> dict[str, str]:
        return {"name": self.name, "phone": self.phone, "identity": self.identity, "address": self.address}

    @classmethod
    def by_phone(cls, phone: str) -> "models.QuerySet[Complainant]":
        return cls.objects.filter(phone_index=blind_index(phone, normal_phone)).exclude(phone_index="")
