"""The schedule itself, by a clock the test holds: eight deliveries, 4m 10m 10m 1h 2h 6h 15h apart."""

from datetime import datetime, timedelta
from decimal import Decimal

import pytest
from alipay_simulator import states
from alipay_simulator.delivery import Reply, claim, deliver, due
from alipay_simulator.models import Notification, Trade, Traffic
from alipay_simulator.notifications import notify_about
from django.conf import settings
from django.utils import timezone

from config.figures import NoticeCollector

pytestmark = pytest.mark.django_db
GAPS = [4, 10, 10, 60, 120, 360, 900]


class Clock:
    def __init__(self) -> None:
        self.at = timezone.now()

    def __call__(self) -> datetime:
        return self.at


class Door:
    """A merchant that answers what it is told to and remembers when it was asked."""

    def __init__(self, clock: Clock, *replies: Reply) -> None:
        self.clock = clock
        self.replies = list(replies)
        self.asked: list[datetime] = []

    def __call__(self, url: str, form: str) -> Reply:
        self.asked.append(self.clock())
        return self.replies.pop(0) if self.replies else Reply(200, "failure")


@pytest.fixture
def notification() -> Notification:
    now = timezone.now()
    trade = Trade.objects.create(
        trade_no="2026112122000000000000000001",
        out_trade_no="scheduled",
        product=states.PAGE,
        status=states.TRADE_SUCCESS,
        total_amount=Decimal("299.00"),
        subject="tea",
        notify_url="http://127.0.0.1:1/notify",
        buyer_id="2088722000000011",
        buyer_logon_id="a***@sandbox.com",
        created_at=now,
        paid_at=now,
    )
    booked = notify_about(trade, states.TRADE_SUCCESS)
    assert booked is not None
    return booked


def run(clock: Clock, door: Door, *, until: timedelta) -> None:
    """Moves the clock on to whatever is due next, as long as that is before `until` from now."""
    end = clock.at + until
    while True:
        pending = Notification.objects.filter(state=Notification.State.PENDING).order_by("next_at").first()
        if pending is None or pending.next_at > end:
            return
        clock.at = max(clock.at, pending.next_at)
        for row in due(clock.at):
            deliver(row, post=door, now=clock)


@pytest.mark.parametrize("scale", [1.0, 0.01])
def test_eight_deliveries_by_the_scaled_schedule(
    notification: Notification, scale: float, settings: object
) -> None:
    _scale(settings, scale)
    clock = Clock()
    door = Door(clock)
    run(clock, door, until=timedelta(days=3))
    gaps = [
        (later - earlier).total_seconds() for earlier, later in zip(door.asked, door.asked[1:], strict=False)
    ]
    assert gaps == pytest.approx([minutes * 60 * scale for minutes in GAPS])
    notification.refresh_from_db()
    assert (notification.state, notification.attempts) == ("exhausted", 8)


@pytest.mark.parametrize("attempt", [1, 2, 5, 8])
def test_success_ends_the_schedule(notification: Notification, attempt: int) -> None:
    clock = Clock()
    door = Door(clock, *[Reply(200, "failure")] * (attempt - 1), Reply(200, "success"))
    run(clock, door, until=timedelta(days=3))
    notification.refresh_from_db()
    assert (notification.state, len(door.asked)) == ("delivered", attempt)


@pytest.mark.parametrize(
    "reply",
    [
        Reply(200, "Success"),
        Reply(200, "success "),
        Reply(200, ""),
        Reply(302, "success"),
        Reply(500, "success"),
        Reply(0, "ConnectTimeout"),
    ],
)
def test_only_the_exact_word_with_200_counts(notification: Notification, reply: Reply) -> None:
    clock = Clock()
    door = Door(clock, reply, Reply(200, "success"))
    run(clock, door, until=timedelta(days=3))
    assert len(door.asked) == 2


def test_two_notifiers_deliver_once(notification: Notification) -> None:
    clock = Clock()
    door = Door(clock, Reply(200, "success"))
    first, second = due(clock.at)[0], due(clock.at)[0]
    assert claim(first, clock.at) is True
    assert deliver(second, post=door, now=clock) is False
    assert door.asked == []


def test_a_notifier_killed_while_sending_is_taken_over(notification: Notification) -> None:
    clock = Clock()
    door = Door(clock, Reply(200, "success"))
    assert claim(due(clock.at)[0], clock.at)
    assert due(clock.at) == []
    run(clock, door, until=timedelta(minutes=2))
    assert len(door.asked) == 1
    assert door.asked[0] - notification.next_at >= timedelta(seconds=59)


def test_what_is_being_sent_when_all_is_forgotten_leaves_nothing_behind(notification: Notification) -> None:
    clock = Clock()
    door = Door(clock, Reply(200, "success"))

    def reset_meanwhile(url: str, form: str) -> Reply:
        Notification.objects.all().delete()
        return door(url, form)

    assert deliver(notification, post=reset_meanwhile, now=clock)
    assert len(door.asked) == 1
    assert not Traffic.objects.filter(kind="notify").exists()


def _scale(settings_fixture: object, scale: float) -> None:
    from dataclasses import replace

    settings_fixture.SANDBOX = replace(settings.SANDBOX, notify_scale=scale)


def told() -> dict[str, float]:
    return {one.name: one.samples[0].value for one in NoticeCollector().collect()}


def test_what_the_notifier_owes_is_told(notification: Notification) -> None:
    notification.next_at, notification.attempts = timezone.now() - timedelta(seconds=90), 3
    notification.save()

    found = told()

    assert found["sandbox_notice_oldest_seconds"] == pytest.approx(90, abs=20)
    assert (found["sandbox_notices_due"], found["sandbox_notice_attempts"]) == (1, 3)


def test_a_notifier_that_owes_nothing_is_not_late() -> None:
    assert set(told().values()) == {0}
