"""The simulator's switches that outlive a process: a clock that can be moved on, and the notify triggers."""

from datetime import datetime, timedelta
from typing import Any

from django.utils import timezone

from alipay_simulator.models import Setting
from alipay_simulator.states import DEFAULT_TRIGGERS, PRODUCTS, TRIGGERS

CLOCK = "clock_offset_seconds"
TRIGGERS_NAME = "notify_triggers"
# Past the year 9999 there is no date, and nothing would answer any more.
FARTHEST = 10 * 365 * 86400


def now() -> datetime:
    """Alipay's clock: the real one plus what the control API moved it on (requests' timestamps apart)."""
    return timezone.now() + timedelta(seconds=clock_offset())


def clock_offset() -> float:
    return float(_read(CLOCK, 0))


def clock_advance(seconds: float) -> float:
    """Moves the clock on (never back: deliveries would repeat) and returns the whole offset.

    Raises ValueError, also when it would be more than ten years ahead.
    """
    if not seconds >= 0:
        raise ValueError("the clock only goes forward")
    offset = clock_offset() + seconds
    if offset > FARTHEST:
        raise ValueError(f"the clock goes {FARTHEST} seconds ahead at most")
    _write(CLOCK, offset)
    return offset


def triggers_of(product: str) -> tuple[str, ...]:
    changed: dict[str, list[str]] = _read(TRIGGERS_NAME, {})
    return tuple(changed.get(product, DEFAULT_TRIGGERS[product]))


def triggers_all() -> dict[str, tuple[str, ...]]:
    return {product: triggers_of(product) for product in PRODUCTS}


def triggers_set(product: str, triggers: list[str]) -> None:
    """Raises ValueError for a product or trigger that does not exist."""
    unknown = [name for name in triggers if name not in TRIGGERS]
    if product not in PRODUCTS or unknown:
        raise ValueError(f"products: {PRODUCTS}; triggers: {TRIGGERS}")
    _write(TRIGGERS_NAME, {**_read(TRIGGERS_NAME, {}), product: triggers})


def settings_reset() -> None:
    Setting.objects.all().delete()


def _read(name: str, default: Any) -> Any:
    return next(iter(Setting.objects.filter(pk=name).values_list("value", flat=True)), default)


def _write(name: str, value: Any) -> None:
    Setting.objects.update_or_create(name=name, defaults={"value": value})
