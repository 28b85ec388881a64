"""Changing keys and ciphers: all that is old is encrypted anew, in batches, and nothing is lost on the way."""

from io import StringIO
from typing import Any

import pytest
from django.core.management import CommandError, call_command
from django.db import connection

from intake.models import Complainant
from tests.test_fields import PERSON, key, keys, stored
from workorders import fields

__all__ = ["keys"]


def rotated() -> str:
    output = StringIO()
    call_command("rotate_keys", stdout=output, stderr=StringIO())
    return output.getvalue()


@pytest.mark.django_db
@pytest.mark.parametrize("change", [{"FIELD_KEYS": [key("new"), key("old")]}, {"FIELD_CIPHER": "SM4-GCM"}])
def test_rotating_encrypts_all_that_is_old_anew_and_the_second_time_nothing(
    change: dict[str, Any], keys: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("workorders.management.commands.rotate_keys.BATCH", 2)
    people = [Complainant.objects.create(**PERSON), *(Complainant.objects.create(name=f"诉求人{n}") for n in range(4))]
    for name, value in change.items():
        setattr(keys, name, value)
    people.append(Complainant.objects.create(**PERSON))
    assert "intake.complainant.name: 5 encrypted anew" in rotated()
    kept = [stored(person) for person in people]
    assert all(value.startswith(fields.current_prefix()) or not value for row in kept for value in row.values())
    assert "intake.complainant.phone: 0 encrypted anew" in rotated()
    assert [stored(person) for person in people] == kept
    if "FIELD_KEYS" in change:
        keys.FIELD_KEYS = [key("new")]
    assert Complainant.objects.get(pk=people[0].pk).shown == PERSON


@pytest.mark.django_db
def test_rotating_leaves_what_does_not_decrypt_says_which_and_goes_on(keys: Any) -> None:
    lost, good = (Complainant.objects.create(**PERSON) for _ in range(2))
    with connection.cursor() as cursor:
        cursor.execute("UPDATE intake_complainant SET phone = 'AES-256-GCM:gone:AAAA' WHERE id = %s", [lost.pk])
    keys.FIELD_KEYS = [key("new"), key("old")]
    errors = StringIO()
    with pytest.raises(CommandError, match="1 values do not decrypt"):
        call_command("rotate_keys", stdout=StringIO(), stderr=errors)
    assert f"intake.complainant.phone of row {lost.pk}" in errors.getvalue()
    assert stored(lost)["phone"] == "AES-256-GCM:gone:AAAA"
    assert stored(good)["phone"].startswith("AES-256-GCM:new:")
