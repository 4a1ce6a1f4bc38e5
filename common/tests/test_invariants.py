"""The checks that run after every test: each sees the damage it is for."""

import uuid
from typing import Any

import pytest
from django.db import transaction

from common import clock
from common.outbox.models import OutboxState
from common.outbox.publish import Event, publish
from common.sagas.models import SagaState
from common.sagas.runner import start
from common.testing.invariants import assert_history_agrees, assert_invariants
from common.tests.ring.models import Parcel, ParcelTransition, RingOutbox, RingSaga
from common.tests.ring.sagas import WEIGH
from common.tests.ring.services import parcel_pack
from common.tests.ring.states import ParcelStatus

pytestmark = [pytest.mark.django_db, pytest.mark.breaks_invariants]


def own_check() -> None:
    assert not Parcel.objects.filter(weight=13).exists(), "a parcel of 13"


@pytest.fixture
def event() -> Any:
    with transaction.atomic():
        publish(Event("parcel.received.v1", uuid.uuid4(), 1))
    return RingOutbox.objects.get()


@pytest.fixture
def saga() -> Any:
    with transaction.atomic():
        return start(WEIGH, key="k", context={}, entity=uuid.uuid4())


def _assert_broken() -> None:
    with pytest.raises(AssertionError):
        assert_invariants()


def test_sound_rows_pass(event: Any, saga: Any) -> None:
    assert_invariants()


def test_delivered_without_a_time_is_seen(event: Any) -> None:
    RingOutbox.objects.update(state=OutboxState.DELIVERED)

    _assert_broken()


def test_delivered_ahead_of_an_older_one_is_seen(event: Any) -> None:
    with transaction.atomic():
        publish(Event("parcel.received.v1", event.aggregate_id, 2))
    RingOutbox.objects.filter(version=2).update(
        state=OutboxState.DELIVERED, delivered_at=clock.now(), attempts=1
    )

    _assert_broken()


def test_a_saga_at_rest_with_a_lease_or_without_an_end_is_seen(saga: Any) -> None:
    RingSaga.objects.update(state=SagaState.DONE, finished_at=clock.now())
    _assert_broken()
    RingSaga.objects.update(lease_until=None)
    assert_invariants()
    RingSaga.objects.update(finished_at=None)
    _assert_broken()


def test_a_saga_turned_back_for_no_reason_is_seen(saga: Any) -> None:
    RingSaga.objects.update(state=SagaState.COMPENSATED, finished_at=clock.now(), lease_until=None)

    _assert_broken()


def test_a_state_that_no_history_leads_to_is_seen() -> None:
    parcel_pack(weight=1, actor="user:alice")
    assert_history_agrees(Parcel, ParcelTransition, states=ParcelStatus)
    Parcel.objects.update(status=ParcelStatus.LOST)

    with pytest.raises(AssertionError):
        assert_history_agrees(Parcel, ParcelTransition, states=ParcelStatus)


def test_the_service_adds_its_own(settings: Any) -> None:
    settings.CFMP_INVARIANTS = "common.tests.test_invariants.own_check"
    assert_invariants()
    Parcel.objects.create(weight=13)

    _assert_broken()
