"""Finds an instance to call: weighted random over healthy ones, with passive ejection.

Room: network. The source of instances is a `ServiceRegistry`; this module has the static one and
the choice, which is the same for every source.
"""

import random
import threading
import time
from collections.abc import Mapping, Sequence

from common.config import Settings
from common.errors import PeerUnavailable
from common.service_registry import Instance, ServiceRegistry


class StaticRegistry(ServiceRegistry):
    """Fixed addresses, from `*_SERVICE_URL`."""

    def __init__(self, urls: Mapping[str, Sequence[str] | str]) -> None:
        self._instances = {
            name: [Instance.from_url(url) for url in _many(given)] for name, given in urls.items()
        }

    def instances(self, service: str) -> list[Instance]:
        return list(self._instances.get(service, []))


def _many(given: Sequence[str] | str) -> Sequence[str]:
    return [given] if isinstance(given, str) else given


def make_registry(settings: Settings) -> ServiceRegistry:
    """The registry that `DISCOVERY` asks for. Raises ValueError for one that is not built."""
    if settings.discovery != "static":
        raise ValueError(f"DISCOVERY={settings.discovery} is not built yet: use static")
    return StaticRegistry(settings.service_urls)


class Chooser:
    """Chooses instances and remembers which of them just failed.

    An instance that fails `failures` times in a row is left out for `rest_seconds`. When all are out,
    all are in again: a wrong guess of ours may not make a peer unreachable.
    """

    def __init__(self, registry: ServiceRegistry, *, failures: int = 3, rest_seconds: float = 10.0) -> None:
        self._registry = registry
        self._failures = failures
        self._rest = rest_seconds
        self._lock = threading.Lock()
        self._failed: dict[str, int] = {}
        self._out_until: dict[str, float] = {}

    def choose(self, service: str) -> Instance:
        """Raises PeerUnavailable when the registry knows no instance that takes traffic."""
        known = [instance for instance in self._registry.instances(service) if instance.weight > 0]
        if not known:
            raise PeerUnavailable(peer=service, reason="no instance")
        fit = [instance for instance in known if not self._is_out(instance)] or known
        return random.choices(fit, weights=[instance.weight for instance in fit])[0]

    def failed(self, instance: Instance) -> None:
        """Tell that a call to `instance` found it broken, slow or gone."""
        with self._lock:
            count = self._failed[instance.url] = self._failed.get(instance.url, 0) + 1
            if count >= self._failures:
                self._out_until[instance.url] = time.monotonic() + self._rest

    def worked(self, instance: Instance) -> None:
        """Tell that `instance` answered."""
        if instance.url in self._failed:
            with self._lock:
                self._failed.pop(instance.url, None)
                self._out_until.pop(instance.url, None)

    def _is_out(self, instance: Instance) -> bool:
        return self._out_until.get(instance.url, 0.0) > time.monotonic()
