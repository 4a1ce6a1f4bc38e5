"""Calls that go on while the world breaks, and what became of each."""

import random
import threading
from collections import Counter
from collections.abc import Iterator
from contextlib import contextmanager
from urllib.parse import urlsplit

from common.discovery import Chooser
from common.exchange import OutboundCall, RawAnswer
from common.service_client import PooledTransport, ServiceClient
from common.service_registry import ServiceRegistry

# A call every so often: bounded, and enough to meet each moment of an outage.
PAUSE = 0.05


class Noting(PooledTransport):
    """The real transport, which notes the port that answered."""

    def __init__(self) -> None:
        super().__init__()
        self.answered: Counter[int] = Counter()

    def send(self, call: OutboundCall) -> RawAnswer:
        answer = super().send(call)
        self.answered[urlsplit(call.url).port or 0] += 1
        return answer


class Traffic:
    """GETs to one service, one after the other, until stopped."""

    def __init__(self, registry: ServiceRegistry, service: str) -> None:
        self.transport = Noting()
        self.failures: list[str] = []
        self.made = 0
        self._client = ServiceClient(registry, None, self.transport, timeout=3.0)
        self._service = service
        self._over = threading.Event()
        self._thread = threading.Thread(target=self._run, daemon=True)

    def once(self) -> None:
        """One call through the shared client: retries, breaker and ejection as in a service."""
        self.made += 1
        try:
            self._client.get(self._service, "/livez")
        except Exception as error:
            self.failures.append(f"{type(error).__name__}: {error}")

    def _run(self) -> None:
        while not self._over.wait(PAUSE):
            self.once()

    def start(self) -> None:
        self._thread.start()

    def stop(self) -> None:
        self._over.set()
        self._thread.join(30)


@contextmanager
def traffic(registry: ServiceRegistry, service: str) -> Iterator[Traffic]:
    """Running while the block runs; the block's end fails the test when a call failed."""
    made = Traffic(registry, service)
    made.start()
    try:
        yield made
    finally:
        made.stop()
    assert made.made > 0
    assert made.failures == [], f"{len(made.failures)} of {made.made} calls failed"


def shares(registry: ServiceRegistry, service: str, draws: int = 20_000) -> dict[int, float]:
    """Which part of many choices goes to each port; the draw is seeded, so the result is one and the same."""
    random.seed(20_250_115)
    chooser = Chooser(registry)
    counted = Counter(chooser.choose(service).port for _ in range(draws))
    return {port: count / draws for port, count in counted.items()}
