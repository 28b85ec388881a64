"""Personal data at rest: nobody reads it in the table, whoever has the keys finds and reads it, keys can be changed."""

import base64
from typing import Any

import pytest
from django.core.exceptions import ImproperlyConfigured
from django.db import connection
from django.test.utils import CaptureQueriesContext
from hypothesis import given
from hypothesis import strategies as st

from intake.models import Complainant
from workorders import fields
from workorders.fields import blind_index, decrypt, encrypt, mask_name, mask_number, mask_text, normal_text

OWNER = "intake.complainant.name"
PERSON = {
    "name": "王小明",
    "phone": "13800001234",
    "identity": "110101199001011234",
    "address": "朝阳区酒仙桥路10号院3号楼",
}
CIPHERS = ["AES-256-GCM", "SM4-GCM"]


def key(name: str) -> str:
    return f"{name}:{base64.b64encode(name.encode().ljust(32, b'.')).decode()}"


def stored(person: Complainant) -> dict[str, str]:
    with connection.cursor() as cursor:
        cursor.execute("SELECT name, phone, identity, address FROM intake_complainant WHERE id = %s", [person.pk])
        return dict(zip(PERSON, cursor.fetchone(), strict=True))


@pytest.fixture
def keys(settings: Any) -> Any:
    settings.FIELD_KEYS, settings.FIELD_CIPHER = [key("old")], "AES-256-GCM"
    return settings


@pytest.mark.django_db
def test_nothing_of_a_complainant_can_be_read_in_the_table() -> None:
    person = Complainant.objects.create(**PERSON)
    with connection.cursor() as cursor:
        cursor.execute("SELECT complainant::text FROM intake_complainant complainant WHERE id = %s", [person.pk])
        row = cursor.fetchone()[0]
    for value in PERSON.values():
        assert value not in row
        assert base64.b64encode(value.encode()).decode().rstrip("=") not in row
    assert Complainant.objects.get(pk=person.pk).shown == PERSON


@pytest.mark.django_db
def test_equal_values_are_not_equal_in_the_table() -> None:
    one, other = (stored(Complainant.objects.create(**PERSON)) for _ in range(2))
    assert not set(one.values()) & set(other.values())


@pytest.mark.django_db
@pytest.mark.parametrize("cipher", CIPHERS)
def test_each_cipher_gives_back_what_it_was_given(cipher: str, keys: Any) -> None:
    keys.FIELD_CIPHER = cipher
    person = Complainant.objects.create(**PERSON)
    assert all(value.startswith(f"{cipher}:old:") for value in stored(person).values())
    assert Complainant.objects.get(pk=person.pk).shown == PERSON


@given(st.text(st.characters(codec="utf-8"), min_size=1), st.sampled_from(CIPHERS))
def test_any_text_comes_back(clear: str, cipher: str) -> None:
    sealed = fields.CIPHERS[cipher]
    assert (
        sealed[1](b"k" * 32, b"n" * 12, sealed[0](b"k" * 32, b"n" * 12, clear.encode(), b"o"), b"o").decode() == clear
    )
    assert decrypt(encrypt(clear, OWNER), OWNER) == clear


@pytest.mark.parametrize("cipher", CIPHERS)
def test_a_value_moved_to_another_column_does_not_decrypt(cipher: str, keys: Any) -> None:
    keys.FIELD_CIPHER = cipher
    with pytest.raises(fields.Undecipherable):
        decrypt(encrypt("王小明", OWNER), "intake.complainant.address")


@pytest.mark.django_db
def test_a_value_moved_to_another_column_in_the_database_is_noticed() -> None:
    person = Complainant.objects.create(**PERSON)
    with connection.cursor() as cursor:
        cursor.execute("UPDATE intake_complainant SET address = name WHERE id = %s", [person.pk])
    with pytest.raises(fields.Undecipherable):
        person.refresh_from_db()


@pytest.mark.parametrize("cipher", CIPHERS)
def test_whatever_is_done_to_a_stored_value_it_is_noticed_and_not_shown_in_the_error(cipher: str, keys: Any) -> None:
    keys.FIELD_CIPHER = cipher
    good = encrypt("王小明", OWNER)
    prefix, raw = good.rsplit(":", 1)[0], base64.b64decode(good.rsplit(":", 1)[1])
    changed = [base64.b64encode(raw[:at] + bytes([raw[at] ^ 1]) + raw[at + 1 :]).decode() for at in range(len(raw))]
    cut = [base64.b64encode(raw[:length]).decode() for length in range(len(raw))]
    other = {"AES-256-GCM": "SM4-GCM", "SM4-GCM": "AES-256-GCM"}[cipher]
    for bad in [
        *(f"{prefix}:{part}" for part in [*changed, *cut, "!!"]),
        "王小明",
        "",
        ":::",
        f"{other}:old:{good.rsplit(':', 1)[1]}",
    ]:
        with pytest.raises(fields.Undecipherable) as caught:
            decrypt(bad, OWNER)
        assert "王小明" not in str(caught.value)


def test_a_key_that_is_not_there_is_named(keys: Any) -> None:
    old = encrypt("王小明", OWNER)
    keys.FIELD_KEYS = [key("new")]
    with pytest.raises(fields.Undecipherable, match="no key old"):
        decrypt(old, OWNER)


@pytest.mark.parametrize("bad", [[], ["k1"], ["k1:"], ["k1:c2hvcnQ="], ["k1:?"], [key("good"), "k2:c2hvcnQ="]])
def test_keys_that_are_none_are_refused(bad: list[str], keys: Any) -> None:
    keys.FIELD_KEYS = bad
    with pytest.raises(ImproperlyConfigured, match="FIELD_KEYS"):
        encrypt("王小明", OWNER)


def test_a_cipher_that_is_none_is_refused(keys: Any) -> None:
    keys.FIELD_CIPHER = "ROT13"
    with pytest.raises(ImproperlyConfigured, match="FIELD_CIPHER"):
        encrypt("王小明", OWNER)


@pytest.mark.django_db
def test_the_old_key_still_reads_and_the_first_one_writes(keys: Any) -> None:
    old = Complainant.objects.create(**PERSON)
    keys.FIELD_KEYS = [key("new"), key("old")]
    new = Complainant.objects.create(**PERSON)
    assert [stored(person)["name"].split(":")[1] for person in (old, new)] == ["old", "new"]
    assert Complainant.objects.get(pk=old.pk).shown == Complainant.objects.get(pk=new.pk).shown == PERSON


@pytest.mark.django_db
@pytest.mark.parametrize(
    ("kept", "asked"),
    [
        (
            "13800001234",
            ["+86 138 0000 1234", "138-0000-1234", "0086-13800001234", " １３８００００１２３４ ", "013800001234"],
        ),
        (
            "010-6505 1234",
            ["01065051234", "+86 10 65051234", "(010)65051234", "+86 (0)10 6505 1234", "0086 10 6505-1234"],
        ),
        ("65051234", ["6505-1234", "６５０５ １２３４"]),
        ("12345", ["1 2345"]),
    ],
)
def test_a_telephone_is_found_however_it_is_written(kept: str, asked: list[str]) -> None:
    person = Complainant.objects.create(phone=kept)
    Complainant.objects.create(phone="13900001234")
    assert [list(Complainant.by_phone(phone)) for phone in asked] == [[person]] * len(asked)


@pytest.mark.django_db
def test_searching_uses_the_index_and_never_the_value() -> None:
    with CaptureQueriesContext(connection) as queries:
        list(Complainant.by_phone("13800001234"))
    assert "13800001234" not in queries[0]["sql"]
    assert list(Complainant.by_phone("")) == list(Complainant.by_phone("no digits")) == []


@pytest.mark.django_db
def test_the_index_follows_the_value() -> None:
    person = Complainant.objects.create(**PERSON)
    person.phone, person.name = "13900005678", ""
    person.save()
    assert list(Complainant.by_phone("139-0000-5678")) == [person]
    assert (list(Complainant.by_phone(PERSON["phone"])), person.name_index) == ([], "")


def test_the_index_says_nothing_without_its_key(settings: Any) -> None:
    before = blind_index("王 小明", normal_text)
    assert before == blind_index("王小明", normal_text) != blind_index("王小", normal_text)
    settings.INDEX_KEY = base64.b64encode(b"another key").decode()
    assert blind_index("王小明", normal_text) != before


@pytest.mark.parametrize(
    "lookup", ["phone", "phone__exact", "phone__in", "phone__icontains", "phone__startswith", "phone__gt"]
)
def test_comparing_with_the_encrypted_column_is_refused_instead_of_finding_nothing(lookup: str) -> None:
    for ask in (Complainant.objects.filter, Complainant.objects.exclude):
        with pytest.raises(TypeError, match="filter by phone_index"):
            ask(**{lookup: "13800001234"})


@pytest.mark.parametrize(
    ("mask", "clear", "masked"),
    [
        *[
            (mask_name, *pair)
            for pair in [("", ""), ("王", "王"), ("王明", "王*"), ("王小明", "王**"), ("欧阳小明", "欧**")]
        ],
        *[
            (mask_number, *pair)
            for pair in [("", ""), ("1", "*"), ("12", "*2"), ("12345", "***45"), ("65051234", "****1234")]
        ],
        *[
            (mask_number, *pair)
            for pair in [("13800001234", "138****1234"), ("110101199001011234", "110***********1234")]
        ],
        *[
            (mask_text, *pair)
            for pair in [("", ""), ("东", "…"), ("酒仙桥路10号", "酒仙桥…"), (PERSON["address"], "朝阳区酒仙桥…")]
        ],
    ],
)
def test_a_mask_keeps_what_tells_two_people_apart_and_no_more(mask: Any, clear: str, masked: str) -> None:
    assert mask(clear) == masked


@given(st.text(min_size=1, max_size=30), st.sampled_from([mask_number, mask_text]))
def test_no_mask_shows_all_of_a_number_or_an_address(clear: str, mask: Any) -> None:
    assert mask(clear) != clear or set(clear) <= {"*", "…"}
