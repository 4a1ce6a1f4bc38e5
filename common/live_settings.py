"""The settings in force now: `live().order_expire_minutes`. Ask at the place of use, every time.

Room: plain. The service's own document lies over `cfmp-common.yaml`, that over the environment: a variable is
what an instance starts with, a published value is meant for all of them, and a variable forgotten on one host
may not undo it there. Who needs values that belong together calls `live()` once and reads them from that.
"""

import threading
import time
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import replace
from typing import Any

from common.config_store import Published, documents_for
from common.live_table import LiveSettings
from common.log import get_logger, set_level
from common.settings_table import Settings
from common.snapshots import Watched

log = get_logger(__name__)

# How long a change may stay unseen: between two looks at the files `live()` costs nothing.
LOOK_SECONDS = 0.25


class Overlay:
    """`base` under the documents of `sources`, the stronger one last. Safe to share between threads."""

    def __init__(
        self,
        base: LiveSettings,
        sources: Sequence[Watched[Published]] = (),
        look_seconds: float = LOOK_SECONDS,
    ) -> None:
        self._base = base
        self._sources = sources
        self._pause = look_seconds
        self._lock = threading.Lock()
        self._next_look = 0.0 if sources else float("inf")
        self._found: tuple[Published | None, ...] = (None,) * len(sources)
        self._in_force = base

    def values(self) -> LiveSettings:
        """The values in force. A document that cannot be understood leaves its last good one in force."""
        if time.monotonic() >= self._next_look and self._lock.acquire(blocking=False):
            try:
                self._look()
            finally:
                self._lock.release()
        return self._in_force

    def found(self) -> list[Published]:
        """The documents in force, the stronger one last."""
        self.values()
        return [one for one in self._found if one is not None]

    def _look(self) -> None:
        found = tuple(source.value() for source in self._sources)
        if any(now is not before for now, before in zip(found, self._found, strict=True)):
            self._found = found
            self._switch(_merged(self._base, found))
        self._next_look = time.monotonic() + self._pause

    def _switch(self, values: LiveSettings) -> None:
        before, self._in_force = self._in_force, values
        changed = [name for name in vars(values) if getattr(values, name) != getattr(before, name)]
        if values.log_level != before.log_level:
            set_level(values.log_level)
        if changed:
            log.info("live_settings_changed", settings=changed)


def _merged(base: LiveSettings, found: Sequence[Published | None]) -> LiveSettings:
    values: dict[str, Any] = {}
    for one in found:
        values |= one.document.values if one else {}
    return replace(base, **values)


_overlay = Overlay(LiveSettings())


def live() -> LiveSettings:
    """The values in force. Cheap; never raises."""
    return _overlay.values()


def documents_in_force() -> list[Published]:
    """The documents that have a say in `live()`, the stronger one last."""
    return _overlay.found()


def configure(settings: Settings) -> None:
    """Follow the documents of `settings`' service from now on; `settings` are the values under them."""
    global _overlay
    documents = documents_for(settings)
    _overlay = Overlay(settings, documents.watched() if documents else ())


@contextmanager
def use_live(**values: Any) -> Iterator[None]:
    """Inside the block these values are in force, whatever anybody publishes. For tests."""
    global _overlay
    before = _overlay
    _overlay = Overlay(replace(live(), **values))
    try:
        yield
    finally:
        _overlay = before
