from typing import Any

from django.contrib.postgres.indexes import GinIndex
from django.db import models
from django.utils.translation import gettext_lazy as _

from intake import papers
from workorders import telephones
from workorders.fields import (
    BlindIndexField,
    EncryptedField,
    TelephoneIndexField,
    mask_name,
    mask_number,
    mask_telephone,
    mask_text,
    telephone_indexes,
)


class Complainant(models.Model):
    """诉求人: who asked. Everything that names a person is encrypted, and masked unless shown.

    `phone` holds the numbers that were read (13900001234、010-12345678转8001), or, where there was none, the text as it
    was written. `phone_written` keeps what stood beside the numbers.
    """

    name = EncryptedField(_("name"), blank=True)
    name_index = BlindIndexField("name")
    phone = EncryptedField(_("telephone"), blank=True)
    phone_written = EncryptedField(_("telephone as it was written"), blank=True)
    phone_indexes = TelephoneIndexField("phone")
    identity = EncryptedField(_("identity number"), blank=True)
    identity_index = BlindIndexField("identity", papers.key_of)
    address = EncryptedField(_("address"), blank=True)
    address_index = BlindIndexField("address")

    class Meta:
        verbose_name = _("complainant")
        verbose_name_plural = _("complainants")
        # Without the list of pending entries, which every look-up of a caller would have to read.
        indexes = [GinIndex(fields=["phone_indexes"], name="complainant_by_phone", fastupdate=False)]

    def __str__(self) -> str:
        return self.masked["name"] or str(_("anonymous"))

    @property
    def masked(self) -> dict[str, str]:
        return {
            "name": mask_name(self.name),
            "phone": mask_telephone(self.phone),
            "identity": mask_number(self.identity),
            "address": mask_text(self.address),
        }

    @property
    def shown(self) -> dict[str, str]:
        written = {"phone_written": self.phone_written} if self.phone_written else {}
        return {
            "name": self.name,
            "phone": self.phone,
            "identity": self.identity,
            "address": self.address,
            **written,
        }

    @property
    def doubts(self) -> list[str]:
        """Sentences on what is to be asked again: no part of any number stands in them."""
        telephone, paper = telephones.read(self.phone), papers.read(self.identity)
        sentences: list[Any] = []
        if not telephone.numbers and self.phone:
            sentences.append(_("What stands here as the telephone is no number. It is kept as it was written."))
        elif not telephone.is_clear:
            sentences.append(_("This telephone number has too few or too many digits, or begins as no number does."))
        if not paper.is_sound and paper.kind:
            sentences.append(_("The check digit of the identity number is wrong: %(kind)s.") % {"kind": paper.kind})
        elif not paper.is_sound:
            sentences.append(_("The identity number fits no known paper. It is kept as it was written."))
        return [str(sentence) for sentence in sentences]

    @classmethod
    def by_phone(cls, phone: str) -> "models.QuerySet[Complainant]":
        """Return who left any of these numbers, however they are written."""
        indexes = telephone_indexes(phone)
        return cls.objects.filter(phone_indexes__overlap=indexes) if indexes else cls.objects.none()


def as_kept(typed: dict[str, Any]) -> dict[str, Any]:
    """Return what a complainant's row keeps of what was typed: the numbers that were read; nothing that is empty."""
    telephone, paper = telephones.read(typed["phone"]), papers.read(typed["identity"])
    written = telephone.written if telephone.numbers and telephone.rest else ""
    kept = {**typed, "phone": telephone.text, "phone_written": written, "identity": paper.text}
    return {field: value for field, value in kept.items() if value}
