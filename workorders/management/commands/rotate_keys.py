from collections.abc import Iterator
from typing import Any

from django.apps import apps
from django.core.management.base import BaseCommand, CommandError
from django.db import transaction
from django.db.models import TextField
from django.db.models.functions import Cast

from workorders.fields import EncryptedField, Undecipherable, current_prefix, decrypt

BATCH = 500


def encrypted_fields() -> Iterator[EncryptedField]:
    for model in apps.get_models():
        yield from (field for field in model._meta.local_concrete_fields if isinstance(field, EncryptedField))


class Command(BaseCommand):
    help = "Encrypt anew, with the first key and the cipher that are set, all personal data that is not."

    def handle(self, *args: Any, **options: Any) -> None:
        lost = 0
        for field in encrypted_fields():
            done, failed = self._rotate(field)
            lost += failed
            self.stdout.write(
                f"{field.owner}: {done} encrypted anew" + (f", {failed} do not decrypt" if failed else "")
            )
        if lost:
            raise CommandError(f"{lost} values do not decrypt with the keys that are set; they were left as they are.")

    def _rotate(self, field: EncryptedField) -> tuple[int, int]:
        done = failed = last = 0
        while batch := self._rotate_batch(field, last):
            last = batch[-1][0]
            done += sum(good for _pk, good in batch)
            failed += sum(not good for _pk, good in batch)
        return done, failed

    @transaction.atomic
    def _rotate_batch(self, field: EncryptedField, after: int) -> list[tuple[int, bool]]:
        rows = field.model._base_manager.annotate(stored=Cast(field.name, TextField())).filter(pk__gt=after)
        stale = rows.exclude(stored="").exclude(stored__startswith=current_prefix()).order_by("pk").select_for_update()
        return [(pk, self._renew(field, pk, stored)) for pk, stored in stale.values_list("pk", "stored")[:BATCH]]

    def _renew(self, field: EncryptedField, pk: int, stored: str) -> bool:
        try:
            clear = decrypt(stored, field.owner)
        except Undecipherable as error:
            self.stderr.write(f"{field.owner} of row {pk}: {error}")
            return False
        field.model._base_manager.filter(pk=pk).update(**{field.name: clear})
        return True
