"""Personal data at rest: authenticated encryption, and a keyed hash beside it for exact search (DESIGN §5).

A stored value reads `cipher:key id:base64(nonce + ciphertext)`. What it belongs to (model and field) is authenticated
too, so a value moved to another column does not decrypt.
"""

import base64
import binascii
import hashlib
import hmac
import os
import unicodedata
from collections.abc import Callable
from typing import Any

from cryptography.exceptions import InvalidTag
from cryptography.hazmat.primitives.ciphers import Cipher
from cryptography.hazmat.primitives.ciphers.aead import AESGCM
from cryptography.hazmat.primitives.ciphers.algorithms import SM4
from cryptography.hazmat.primitives.ciphers.modes import GCM
from django.conf import settings
from django.contrib.postgres.fields import ArrayField
from django.core.exceptions import ImproperlyConfigured
from django.db import models

from workorders import telephones

NONCE, TAG = 12, 16


class Undecipherable(ValueError):
    """The key is not there, or the value was tampered with."""


def keys() -> dict[str, bytes]:
    """Key id → 32 bytes; the first one encrypts."""
    pairs = (entry.partition(":") for entry in settings.FIELD_KEYS)
    try:
        found = {name: base64.b64decode(value, validate=True) for name, _colon, value in pairs}
    except binascii.Error:
        found = {}
    if not found or any(len(key) != 32 for key in found.values()):
        raise ImproperlyConfigured("FIELD_KEYS needs at least one id:key, each key 32 bytes in base64")
    return found


def _seal_aes(key: bytes, nonce: bytes, clear: bytes, owner: bytes) -> bytes:
    return AESGCM(key).encrypt(nonce, clear, owner)


def _open_aes(key: bytes, nonce: bytes, sealed: bytes, owner: bytes) -> bytes:
    return AESGCM(key).decrypt(nonce, sealed, owner)


def _seal_sm4(key: bytes, nonce: bytes, clear: bytes, owner: bytes) -> bytes:
    encryptor = Cipher(SM4(key[:16]), GCM(nonce)).encryptor()
    encryptor.authenticate_additional_data(owner)
    return encryptor.update(clear) + encryptor.finalize() + encryptor.tag


def _open_sm4(key: bytes, nonce: bytes, sealed: bytes, owner: bytes) -> bytes:
    decryptor = Cipher(SM4(key[:16]), GCM(nonce, sealed[-TAG:])).decryptor()
    decryptor.authenticate_additional_data(owner)
    return decryptor.update(sealed[:-TAG]) + decryptor.finalize()


CIPHERS = {"AES-256-GCM": (_seal_aes, _open_aes), "SM4-GCM": (_seal_sm4, _open_sm4)}


def encrypt(clear: str, owner: str) -> str:
    prefix, key = current_prefix(), next(iter(keys().values()))
    seal, _open = CIPHERS[settings.FIELD_CIPHER]
    nonce = os.urandom(NONCE)
    sealed = nonce + seal(key, nonce, clear.encode(), owner.encode())
    return f"{prefix}{base64.b64encode(sealed).decode()}"


def current_prefix() -> str:
    """What a value encrypted today begins with."""
    if settings.FIELD_CIPHER not in CIPHERS:
        raise ImproperlyConfigured(f"FIELD_CIPHER must be one of {', '.join(CIPHERS)}")
    return f"{settings.FIELD_CIPHER}:{next(iter(keys()))}:"


def decrypt(stored: str, owner: str) -> str:
    cipher, _colon, rest = stored.partition(":")
    key_id, _colon, encoded = rest.partition(":")
    if cipher not in CIPHERS:
        raise Undecipherable(f"a value of {owner} is not encrypted by any known cipher")
    if key_id not in keys():
        raise Undecipherable(f"FIELD_KEYS has no key {key_id}")
    try:
        raw = base64.b64decode(encoded, validate=True)
        return CIPHERS[cipher][1](keys()[key_id], raw[:NONCE], raw[NONCE:], owner.encode()).decode()
    except (InvalidTag, ValueError):
        raise Undecipherable(f"a value of {owner} does not decrypt with key {key_id}") from None


def blind_index(clear: str, normal: Callable[[str], str]) -> str:
    """A keyed hash of the normal form; empty for empty. Equal values meet, nothing else can be told from it."""
    form = normal(clear)
    if not form:
        return ""
    return hmac.new(base64.b64decode(settings.INDEX_KEY), form.encode(), hashlib.sha256).hexdigest()


def telephone_indexes(clear: str) -> list[str]:
    """Return a keyed hash for each number in a stored telephone; it is found by any of them."""
    return [blind_index(key, str) for key in telephones.keys_of(clear)]


def normal_text(value: str) -> str:
    return "".join(unicodedata.normalize("NFKC", value).split()).casefold()


def normal_phone(value: str) -> str:
    """Digits only: how telephones were told apart before they were read. The first migrations name it."""
    digits = "".join(character for character in unicodedata.normalize("NFKC", value) if character.isdigit())
    national = digits.removeprefix("00").removeprefix("86") if len(digits) > 11 else digits
    return national.removeprefix("0")


class EncryptedField(models.TextField):
    """Text in Python, ciphertext in the database."""

    @property
    def owner(self) -> str:
        return f"{self.model._meta.label_lower}.{self.name}"

    def get_prep_value(self, value: Any) -> Any:
        return encrypt(str(value), self.owner) if value else ""

    def from_db_value(self, value: Any, expression: Any, connection: Any) -> Any:
        return decrypt(value, self.owner) if value else ""

    def get_lookup(self, lookup_name: str) -> Any:
        """Every encryption differs, so comparing would find nothing in silence; search by the blind index."""
        if lookup_name == "isnull":
            return super().get_lookup(lookup_name)
        raise TypeError(f"{self.owner} is encrypted: filter by {self.name}_index")


class BlindIndexField(models.CharField):
    """Follows the encrypted field `source` on every save."""

    def __init__(self, source: str = "", normal: Callable[[str], str] = normal_text, **options: Any) -> None:
        self.source, self.normal = source, normal
        options.update(max_length=64, blank=True, db_index=True, editable=False, default="")
        super().__init__(**options)

    def deconstruct(self) -> Any:
        name, path, args, kwargs = super().deconstruct()
        for fixed in ("max_length", "blank", "db_index", "editable", "default"):
            kwargs.pop(fixed, None)
        return name, path, args, {**kwargs, "source": self.source, "normal": self.normal}

    def value_for(self, instance: models.Model) -> str:
        return blind_index(getattr(instance, self.source) or "", self.normal)

    def pre_save(self, model_instance: Any, add: bool) -> str:
        value = self.value_for(model_instance)
        setattr(model_instance, self.attname, value)
        return value


class TelephoneIndexField(ArrayField):
    """Follows the encrypted telephone `source` on every save: one hash for each number that stands in it."""

    def __init__(self, source: str = "", **options: Any) -> None:
        self.source = source
        options.update(base_field=models.CharField(max_length=64), blank=True, editable=False, default=list)
        super().__init__(**options)

    def deconstruct(self) -> Any:
        name, path, args, kwargs = super().deconstruct()
        for fixed in ("base_field", "blank", "editable", "default"):
            kwargs.pop(fixed, None)
        return name, path, args, {**kwargs, "source": self.source}

    def value_for(self, instance: models.Model) -> list[str]:
        return telephone_indexes(getattr(instance, self.source) or "")

    def pre_save(self, model_instance: Any, add: bool) -> list[str]:
        value = self.value_for(model_instance)
        setattr(model_instance, self.attname, value)
        return value


def indexes_of(instance: models.Model) -> dict[str, Any]:
    """Count all indexes of a row anew, for `update()`: field name → value."""
    index_fields = [
        field for field in instance._meta.fields if isinstance(field, BlindIndexField | TelephoneIndexField)
    ]
    return {field.attname: field.value_for(instance) for field in index_fields}


def mask_name(value: str) -> str:
    return value[:1] + "*" * min(len(value) - 1, 2) if value else ""


def mask_number(value: str) -> str:
    """138****1234; a short number keeps less, so that at least half of it stays hidden."""
    end = 4 if len(value) >= 8 else min(2, len(value) // 2)
    start = 3 if len(value) >= 11 else 0
    return value[:start] + "*" * (len(value) - start - end) + value[len(value) - end :]


def mask_telephone(value: str) -> str:
    """138****1234 for each number that stands in it; a text without a number shows its beginning only."""
    numbers = telephones.read(value).numbers
    return telephones.BETWEEN.join(mask_number(number.text) for number in numbers) or mask_text(value)


def mask_text(value: str) -> str:
    """The beginning, which in an address is the district; never more than half."""
    return value[: min(6, len(value) // 2)] + "…" if value else ""
