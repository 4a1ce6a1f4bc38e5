"""A statement written once answers what its queryset would, for whoever asks."""

import uuid
from datetime import timedelta
from typing import Any

import pytest
from django.db.models import Func, IntegerField

from common import clock
from common.prepared import Statement
from common.tests.ring.models import RingOutbox

pytestmark = pytest.mark.django_db

STAND_IN = uuid.UUID("5bd0a3a6-5c1e-4d56-9d6b-8f0d3c5a7e11")
NAMES = ("id", "event_id", "aggregate_id", "type", "data", "state", "occurred_at", "lease_until")


def _told(aggregate: uuid.UUID, version: int) -> None:
    RingOutbox.objects.create(
        event_id=uuid.uuid4(),
        type="parcel.sent.v1",
        aggregate_id=aggregate,
        version=version,
        data={"名": version},
        destination="OrderService",
        path="/event/inbox",
        lease_until=clock.now() + timedelta(seconds=version) if version % 2 else None,
    )


def _of(aggregate: uuid.UUID) -> Any:
    rows = RingOutbox.objects.filter(aggregate_id=aggregate, destination="OrderService")
    return rows.order_by("-version").values(*NAMES)


@pytest.fixture
def two() -> tuple[uuid.UUID, uuid.UUID]:
    first, second = uuid.uuid4(), uuid.uuid4()
    for version in range(1, 5):
        _told(first, version)
    _told(second, 1)
    return first, second


def test_it_answers_what_the_queryset_would(two: tuple[uuid.UUID, uuid.UUID], count_sql: Any) -> None:
    statement = Statement(_of(STAND_IN)[1:3], [STAND_IN])
    first, second = two

    with count_sql() as log:
        asked = statement.rows(first), statement.rows(second), statement.rows(uuid.uuid4())

    assert asked == (list(_of(first)[1:3]), list(_of(second)[1:3]), [])
    assert len(asked[0]) == 2 and log.count == 3


def test_many_values_have_their_places(two: tuple[uuid.UUID, uuid.UUID]) -> None:
    stand_ins = [-1, -2, -3]
    statement = Statement(RingOutbox.objects.filter(pk__in=stand_ins).values("version"), stand_ins)
    known = list(_of(two[0]).values_list("id", flat=True))

    found = statement.rows(*known[:3])

    assert sorted(row["version"] for row in found) == [2, 3, 4]
    with pytest.raises(ValueError):
        statement.rows(known[0])


def test_a_number_of_all_rows_is_one_row(two: tuple[uuid.UUID, uuid.UUID]) -> None:
    all_rows = Func(function="COUNT", template="%(function)s(*)", output_field=IntegerField())
    statement = Statement(_of(STAND_IN).order_by().values(count=all_rows), [STAND_IN])

    counts = [statement.rows(aggregate)[0]["count"] for aggregate in (*two, uuid.uuid4())]

    assert counts == [4, 1, 0]


def test_a_stand_in_that_is_not_there_is_a_slip(db: None) -> None:
    with pytest.raises(ValueError):
        Statement(_of(uuid.uuid4()), [STAND_IN])
