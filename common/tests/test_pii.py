"""Personal data at rest: ciphertext in the column, found by blind index, readable while keys change."""

from dataclasses import replace
from io import StringIO
from typing import Any

import pytest
from cryptography.fernet import Fernet
from django.core.exceptions import FieldError
from django.core.management import CommandError, call_command
from django.db import connection

from common import pii
from common.tests.ring.models import Parcel

HOME = "上海市浦东新区世纪大道 100 号"
OLD, NEW = Fernet.generate_key().decode(), Fernet.generate_key().decode()

pytestmark = pytest.mark.django_db


@pytest.fixture
def keys(settings: Any) -> Any:
    def use(*given: str) -> None:
        settings.CFMP = replace(settings.CFMP, pii_keys=given)

    use(OLD)
    return use


def stored(column: str = "address") -> list[str | None]:
    with connection.cursor() as cursor:
        cursor.execute(f"SELECT {column} FROM ring_parcel ORDER BY id")
        return [row[0] for row in cursor.fetchall()]


def rotate(*arguments: str) -> str:
    said = StringIO()
    call_command("pii_rotate", *arguments, stdout=said)
    return said.getvalue()


def test_the_database_sees_only_ciphertext(keys: Any) -> None:
    parcel = Parcel.objects.create(address=HOME, phone="13812345678")

    assert Parcel.objects.get(pk=parcel.pk).address == HOME
    assert list(Parcel.objects.values_list("address", "phone")) == [(HOME, "13812345678")]
    [address], [phone] = stored(), stored("phone")
    assert address and phone
    assert address.startswith("gAAAA")
    assert "世纪" not in address and "138" not in Fernet(OLD).decrypt(address).decode()


def test_nothing_and_the_empty_text_stay_what_they_are(keys: Any) -> None:
    Parcel.objects.create(address="", phone=None)

    assert (stored(), stored("phone")) == ([""], [None])
    assert Parcel.objects.get().address == ""
    assert Parcel.objects.filter(phone__isnull=True).count() == 1


@pytest.mark.parametrize("lookup", ["address", "address__contains", "address__in", "address__startswith"])
def test_an_encrypted_column_cannot_be_searched_by_mistake(keys: Any, lookup: str) -> None:
    with pytest.raises(FieldError, match="blind index"):
        Parcel.objects.filter(**{lookup: [HOME] if lookup.endswith("in") else HOME}).exists()


def test_a_row_is_found_by_its_blind_index(keys: Any) -> None:
    Parcel.objects.create(address=HOME, address_index=pii.blind_index(HOME))
    Parcel.objects.create(address="别处", address_index=pii.blind_index("别处"))

    found = Parcel.objects.get(address_index=pii.blind_index(f"  {HOME} "))

    assert found.address == HOME


def test_a_blind_index_depends_on_its_key(settings: Any) -> None:
    before = pii.blind_index(HOME)
    settings.CFMP = replace(settings.CFMP, pii_index_key="another index key of at least 32 characters")

    assert pii.blind_index(HOME) != before
    assert len(before) == 64


def test_an_old_key_still_reads_and_the_new_one_writes(keys: Any) -> None:
    Parcel.objects.create(address=HOME)
    keys(NEW, OLD)
    Parcel.objects.create(address=HOME)

    assert [parcel.address for parcel in Parcel.objects.all()] == [HOME, HOME]
    old, new = stored()
    assert Fernet(OLD).decrypt(old or "") and Fernet(NEW).decrypt(new or "")


def test_rotation_lets_the_old_key_go(keys: Any) -> None:
    Parcel.objects.bulk_create(Parcel(address=f"{HOME} {number}", phone=None) for number in range(7))
    Parcel.objects.create(address="", phone="13812345678")
    keys(NEW, OLD)

    assert "ring.Parcel.address: 7 old, 0 unreadable" in rotate()

    keys(NEW)
    assert sorted(parcel.address for parcel in Parcel.objects.all()) == [
        "",
        *(f"{HOME} {n}" for n in range(7)),
    ]
    assert Parcel.objects.get(phone__isnull=False).phone == "13812345678"


def test_rotating_twice_changes_nothing(keys: Any) -> None:
    Parcel.objects.create(address=HOME)
    keys(NEW, OLD)
    rotate()
    once = stored()

    assert "address: 0 old" in rotate()
    assert stored() == once


def test_a_dry_run_only_counts(keys: Any) -> None:
    Parcel.objects.create(address=HOME)
    before = stored()
    keys(NEW, OLD)

    assert "address: 1 old" in rotate("--dry-run")
    assert stored() == before


def test_what_fits_no_key_is_told_and_left_alone(keys: Any) -> None:
    Parcel.objects.create(address=HOME)
    before = stored()
    keys(NEW)

    with pytest.raises(CommandError, match="1 values fit no key"):
        rotate()
    assert stored() == before
    with pytest.raises(pii.PiiUnreadable) as refusal:
        Parcel.objects.get()
    assert HOME not in str(refusal.value) and (before[0] or "") not in str(refusal.value)


def test_a_tampered_value_is_noticed(keys: Any) -> None:
    Parcel.objects.create(address=HOME)
    with connection.cursor() as cursor:
        cursor.execute("UPDATE ring_parcel SET address = %s", [(stored()[0] or "")[:-6] + "AAAAA="])

    with pytest.raises(pii.PiiUnreadable):
        Parcel.objects.get()
