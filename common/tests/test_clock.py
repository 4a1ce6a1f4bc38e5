"""The clock: UTC inside, Shanghai days outside, and movable in tests."""

from datetime import UTC, date, datetime, timedelta, timezone

import pytest

from common import clock
from common.testing.clock import FrozenClock


def test_now_is_aware_utc_and_the_machines_time() -> None:
    before = datetime.now(UTC)

    assert before <= clock.now() <= datetime.now(UTC)
    assert clock.now().utcoffset() == timedelta(0)


@pytest.mark.parametrize(
    ("at", "day"),
    [
        (datetime(2026, 11, 21, 15, 59, 59, tzinfo=UTC), date(2026, 11, 21)),
        (datetime(2026, 11, 21, 16, 0, 0, tzinfo=UTC), date(2026, 11, 22)),
        (datetime(2026, 12, 31, 20, 0, 0, tzinfo=UTC), date(2027, 1, 1)),
    ],
)
def test_a_shanghai_day_begins_at_16_utc(at: datetime, day: date) -> None:
    assert clock.shanghai_date(at) == day


def test_shanghai_date_asks_the_clock() -> None:
    with FrozenClock(datetime(2026, 11, 21, 16, 0, tzinfo=UTC)):
        assert clock.shanghai_date() == date(2026, 11, 22)


def test_a_day_is_a_half_open_range() -> None:
    start, end = clock.day_range(date(2026, 11, 21))

    assert start == datetime(2026, 11, 20, 16, tzinfo=UTC)
    assert end == datetime(2026, 11, 21, 16, tzinfo=UTC)
    assert clock.shanghai_date(start) == date(2026, 11, 21)
    assert clock.shanghai_date(end) == date(2026, 11, 22)


def test_wire_times_end_in_z_whatever_the_zone() -> None:
    tokyo = timezone(timedelta(hours=9))

    assert clock.rfc3339(datetime(2026, 11, 21, 11, 0, tzinfo=tokyo)) == "2026-11-21T02:00:00Z"
    assert clock.rfc3339(datetime(2026, 11, 21, 2, 0, 0, 1500, tzinfo=UTC)) == "2026-11-21T02:00:00.001500Z"


def test_a_time_without_a_zone_is_refused() -> None:
    naive = datetime(2026, 11, 21)  # noqa: DTZ001

    for read in (clock.rfc3339, clock.shanghai_date, FrozenClock):
        with pytest.raises(ValueError, match="zone"):
            read(naive)


def test_alipays_timestamps_are_shanghai() -> None:
    assert clock.parse_shanghai("2026-11-21 10:00:00") == datetime(2026, 11, 21, 2, 0, tzinfo=UTC)


@pytest.mark.parametrize(
    "text",
    ["", "2026-11-21", "2026-11-21T10:00:00Z", "2026-02-30 10:00:00", "２０２６-11-21 10:00:00", "x" * 10000],
)
def test_other_timestamps_are_refused(text: str) -> None:
    with pytest.raises(ValueError):
        clock.parse_shanghai(text)


def test_a_frozen_clock_stands_moves_and_gives_way() -> None:
    with FrozenClock() as frozen:
        first = clock.now()
        assert clock.now() == first

        frozen.move(minutes=31)
        assert clock.now() - first == timedelta(minutes=31)

        with FrozenClock(datetime(2030, 1, 1, tzinfo=UTC)):
            assert clock.now().year == 2030
        assert clock.now() - first == timedelta(minutes=31)

    assert abs(clock.now() - datetime.now(UTC)) < timedelta(minutes=1)
