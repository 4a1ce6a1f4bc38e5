"""The settings in force now: `live().order_expire_minutes`. Ask at the place of use, every time.

Room: plain. The environment's values (`configure`) lie under what the configuration centre publishes.
Whoever needs several values that belong together calls `live()` once and reads them from that.
"""

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import replace
from typing import Any

from common.live_table import LiveSettings

_in_force = LiveSettings()


def live() -> LiveSettings:
    """The values in force. Cheap; never raises."""
    return _in_force


def configure(settings: LiveSettings) -> None:
    """Begin with what the environment says."""
    global _in_force
    _in_force = settings


@contextmanager
def use_live(**values: Any) -> Iterator[None]:
    """Inside the block these values are in force, whatever anybody publishes. For tests."""
    global _in_force
    before = _in_force
    _in_force = replace(live(), **values)
    try:
        yield
    finally:
        _in_force = before
