"""The delivery job: it asks who the reader is and books how each delivery ended."""

from datetime import timedelta
from uuid import UUID

import pytest

from common.errors import PeerTimeout, PeerUnavailable
from common.testing.people import Person
from common.testing.race import race
from notification.models import NotificationDelivery
from notification.sagas.deliver import deliver_due
from notification.services.deliver import (
    HOLD,
    MOST_ATTEMPTS,
    deliveries_claim,
    deliveries_redrive,
    deliveries_settle,
)
from notification.states import DELIVERY_MACHINE, DeliveryDetail, DeliveryState

pytestmark = pytest.mark.django_db
USER = "/api/v1/user/{uuid}/"
STRANGER = Person("Nobody", UUID("01900000-0000-7000-8000-00000000dead"))


def states():
    return list(NotificationDelivery.objects.order_by("id").values_list("state", "detail"))


def test_a_known_reader_is_booked_delivered(user_service, alice, write):
    write(alice)

    assert deliver_due() is True

    assert states() == [(DeliveryState.DELIVERED, DeliveryDetail.SHOWN_IN_APP)]
    assert NotificationDelivery.objects.get().settled_at is not None
    assert deliver_due() is False


def test_nobody_by_that_name_is_booked(user_service, write):
    write(STRANGER)

    deliver_due()

    assert states() == [(DeliveryState.SKIPPED, DeliveryDetail.NO_SUCH_USER)]


def test_one_reader_is_looked_up_once_per_round(user_service, alice, write):
    for person in (alice, alice, STRANGER, alice):
        write(person)

    deliver_due()

    assert len(user_service.calls_to("UserService")) == 2
    assert NotificationDelivery.objects.filter(state=DeliveryState.QUEUED).count() == 0


@pytest.mark.parametrize("error", [PeerTimeout, PeerUnavailable])
def test_when_userservice_is_down_it_waits_longer_and_longer(user_service, alice, write, frozen_clock, error):
    write(alice)
    user_service.fail("UserService", error=error)
    pauses = []
    for _ in range(4):
        deliver_due()
        row = NotificationDelivery.objects.get()
        pauses.append((row.due_at - frozen_clock.now()).total_seconds())
        assert (row.state, row.last_error) == (DeliveryState.QUEUED, error.__name__)
        assert deliver_due() is False
        frozen_clock.set(row.due_at)
    user_service.heal()

    deliver_due()

    assert pauses == [5, 10, 20, 40]
    assert states() == [(DeliveryState.DELIVERED, DeliveryDetail.SHOWN_IN_APP)]


def test_after_too_many_tries_an_operator_must_look(user_service, alice, write, frozen_clock):
    write(alice)
    user_service.fail("UserService")
    for _ in range(MOST_ATTEMPTS):
        deliver_due()
        frozen_clock.move(hours=1)

    row = NotificationDelivery.objects.get()
    assert (row.state, row.detail, row.attempts) == (
        DeliveryState.FAILED,
        DeliveryDetail.GAVE_UP,
        MOST_ATTEMPTS,
    )
    assert deliver_due() is False

    user_service.heal()
    assert deliveries_redrive(ids=[row.id]) == 1
    deliver_due()
    assert states() == [(DeliveryState.DELIVERED, DeliveryDetail.SHOWN_IN_APP)]


def test_a_nonsense_answer_is_no_proof_of_absence(fake_transport, alice, write):
    fake_transport.on("GET", "UserService", USER, ["not", "an", "object"])
    write(alice)

    deliver_due()

    assert states() == [(DeliveryState.QUEUED, "")]


def test_the_message_is_read_before_any_delivery(api, alice, write):
    made = write(alice)

    assert api(alice).get(f"/api/notifications/{made['id']}/").status_code == 200


class TestClaims:
    def test_a_claimed_row_is_nobody_elses_until_its_holder_is_given_up(self, alice, write, frozen_clock):
        write(alice)
        first = deliveries_claim()

        assert len(first) == 1
        assert deliveries_claim() == []
        frozen_clock.move(seconds=HOLD.total_seconds() - 1)
        assert deliveries_claim() == []
        frozen_clock.move(seconds=1)
        second = deliveries_claim()

        # The first holder wakes up: what it has to say counts no more.
        assert deliveries_settle(due=first, event="skip", detail=DeliveryDetail.NO_SUCH_USER) == 0
        assert deliveries_settle(due=second, event="deliver", detail=DeliveryDetail.SHOWN_IN_APP) == 1
        assert states() == [(DeliveryState.DELIVERED, DeliveryDetail.SHOWN_IN_APP)]

    def test_a_round_costs_the_same_for_one_or_many(self, user_service, alice, write, count_sql):
        def cost():
            with count_sql() as log:
                deliver_due()
            return log.count

        write(alice)
        one = cost()
        for _ in range(20):
            write(alice)

        assert cost() == one == 4

    def test_settled_rows_stay_settled(self, user_service, alice, write, frozen_clock):
        write(alice)
        held = deliveries_claim()
        deliveries_settle(due=held, event="deliver", detail=DeliveryDetail.SHOWN_IN_APP)

        assert deliveries_settle(due=held, event="give_up", detail=DeliveryDetail.GAVE_UP) == 0
        frozen_clock.move(seconds=timedelta(days=2).total_seconds())
        assert deliveries_claim() == []


@pytest.mark.django_db(transaction=True)
def test_eight_workers_take_each_row_once(alice, write):
    for _ in range(40):
        write(alice)

    taken = race([lambda: deliveries_claim(limit=10)] * 8)

    ids = [one.id for claims in taken if not isinstance(claims, Exception) for one in claims]
    assert not [result for result in taken if isinstance(result, Exception)]
    assert len(ids) == len(set(ids))
    assert ids


@pytest.mark.parametrize("state", DeliveryState)
@pytest.mark.parametrize("event", DELIVERY_MACHINE.events())
def test_every_state_and_event_pair(state, event):
    allowed = {
        ("deliver", DeliveryState.QUEUED): DeliveryState.DELIVERED,
        ("skip", DeliveryState.QUEUED): DeliveryState.SKIPPED,
        ("give_up", DeliveryState.QUEUED): DeliveryState.FAILED,
        ("redrive", DeliveryState.FAILED): DeliveryState.QUEUED,
    }
    assert DELIVERY_MACHINE.allows(state, event) == ((event, state) in allowed)
    if (event, state) in allowed:
        assert DELIVERY_MACHINE.target(event) == allowed[event, state]


def test_messages_wait_while_an_operator_stops_delivery(user_service, alice, write, set_live):
    write(alice)
    set_live(notification_delivering=False)
    assert deliver_due() is False
    assert states() == [(DeliveryState.QUEUED, "")]

    set_live(notification_delivering=True)
    assert deliver_due() is True
    assert states() == [(DeliveryState.DELIVERED, DeliveryDetail.SHOWN_IN_APP)]
