"""Finds an instance to call: weighted random over healthy ones, with passive ejection and slow return.

Room: network. Where instances come from is a `ServiceRegistry`; the choice is the same for every source.
"""

import random
import threading
import time
from collections.abc import Collection, Sequence
from dataclasses import dataclass

from common.config import Settings
from common.errors import PeerUnavailable
from common.service_registry import Instance, NacosRegistry, ServiceRegistry, StaticRegistry
from common.snapshots import SnapshotFolder

# What an instance that comes back gets at first, of its weight.
_FIRST_SHARE = 0.1


def make_registry(settings: Settings) -> ServiceRegistry:
    """The registry that `DISCOVERY` asks for."""
    if settings.discovery == "nacos":
        return NacosRegistry(SnapshotFolder.of(settings.run_dir))
    return StaticRegistry(settings.service_urls)


@dataclass
class _Record:
    """How one instance did: failures in a row, and until when it is left out (monotonic; 0: it never was)."""

    failures: int = 0
    out_until: float = 0.0


class Chooser:
    """Chooses instances and remembers which of them just failed.

    An instance that fails `failures` times in a row, or takes no connection once, is left out for
    `rest_seconds`; then its share grows from a tenth to its whole weight within `return_seconds`, and one
    failure on the way leaves it out again. When all are out, all are in: a wrong guess of ours may not make
    a peer unreachable.
    """

    def __init__(
        self,
        registry: ServiceRegistry,
        *,
        failures: int = 3,
        rest_seconds: float = 10.0,
        return_seconds: float = 20.0,
    ) -> None:
        self.registry = registry
        self._failures = failures
        self._rest = rest_seconds
        self._return = return_seconds
        self._lock = threading.Lock()
        self._records: dict[str, _Record] = {}

    def choose(self, service: str, without: Collection[str] = ()) -> Instance:
        """One instance of `service` whose url is not in `without`.

        Raises PeerUnavailable when there is none; its reason says whether there ever was one.
        """
        known = [one for one in self.registry.instances(service) if one.weight > 0 and one.url not in without]
        if not known:
            raise PeerUnavailable(peer=service, reason=self.registry.why_none(service))
        if len(known) == 1:
            return known[0]
        weights = self._weights(known)
        return random.choices(known, weights if any(weights) else [one.weight for one in known])[0]

    def has_other(self, service: str, without: Collection[str]) -> bool:
        """Whether `choose` would find one."""
        return any(one.weight > 0 and one.url not in without for one in self.registry.instances(service))

    def failed(self, instance: Instance, *, unreached: bool = False) -> None:
        """Tell that a call found `instance` broken or slow; `unreached`: it took no connection."""
        now = time.monotonic()
        with self._lock:
            record = self._records.setdefault(instance.url, _Record())
            record.failures += 1
            if unreached or self._returning(record, now) or record.failures >= self._failures:
                record.out_until = now + self._rest
            self._forget_the_recovered(now)

    def worked(self, instance: Instance) -> None:
        """Tell that `instance` answered. Its share keeps growing at the same pace."""
        record = self._records.get(instance.url)
        if record is not None:
            record.failures = 0

    def _weights(self, known: Sequence[Instance]) -> list[float]:
        if not self._records:
            return [one.weight for one in known]
        now = time.monotonic()
        return [one.weight * self._share(self._records.get(one.url), now) for one in known]

    def _share(self, record: _Record | None, now: float) -> float:
        """0 while left out, then growing from a tenth to 1."""
        if record is None or not record.out_until:
            return 1.0
        back_for = now - record.out_until
        if back_for < 0:
            return 0.0
        return min(1.0, _FIRST_SHARE + (1 - _FIRST_SHARE) * back_for / self._return) if self._return else 1.0

    def _returning(self, record: _Record, now: float) -> bool:
        return bool(record.out_until) and 0 <= now - record.out_until < self._return

    def _forget_the_recovered(self, now: float) -> None:
        # Ports change with every restart: records of what is long gone must not pile up.
        long_ago = now - self._return - self._rest
        for url in [url for url, one in self._records.items() if 0 < one.out_until < long_ago]:
            del self._records[url]
