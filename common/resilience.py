"""What keeps one slow or dead peer from taking us down: breaker, bulkhead, retries, deadline.

Room: network, but it makes no calls itself. pybreaker counts failures and tenacity repeats;
`common.service_client` decides what is repeatable.
"""

import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Any, TypeVar

import pybreaker
import tenacity

from common.counters import BREAKER_OPEN
from common.errors import PeerBroken, PeerTimeout, PeerUnavailable
from common.tracing import remaining

T = TypeVar("T")
_FAILURES = (PeerBroken, PeerTimeout, PeerUnavailable)


class _TellsState(pybreaker.CircuitBreakerListener):
    """Keeps the figure of one peer's breaker."""

    def __init__(self, peer: str) -> None:
        self._figure = BREAKER_OPEN.labels(peer)

    def state_change(self, cb: Any, old_state: Any, new_state: Any) -> None:
        self._figure.set(int(new_state.name != pybreaker.STATE_CLOSED))


class Breaker:
    """Stops calling a peer that keeps failing, and lets calls try again after `rest_seconds`."""

    def __init__(self, peer: str, *, failures: int = 8, rest_seconds: float = 5.0) -> None:
        self._peer = peer
        self._breaker = pybreaker.CircuitBreaker(
            fail_max=failures,
            reset_timeout=rest_seconds,
            # A refusal (4xx) is a peer in good health; only these say that it is not.
            exclude=[lambda error: not isinstance(error, _FAILURES)],
            throw_new_error_on_trip=False,
            name=peer,
            listeners=[_TellsState(peer)],
        )

    @property
    def is_open(self) -> bool:
        return self._breaker.current_state == pybreaker.STATE_OPEN

    @contextmanager
    def guard(self) -> Iterator[None]:
        """Around one attempt. Raises PeerUnavailable, with nothing sent, while the breaker is open."""
        try:
            # `calling()`, not `call()`: pybreaker holds its lock for the whole of call(), which would
            # let only one thread at a time talk to the peer.
            with self._breaker.calling():
                yield
        except pybreaker.CircuitBreakerError:
            raise PeerUnavailable(peer=self._peer, reason="breaker open", retry_after=1) from None


class Bulkhead:
    """At most `limit` calls to one peer at once, so that its slowness cannot hold every thread."""

    def __init__(self, peer: str, *, limit: int = 32, patience_seconds: float = 0.5) -> None:
        self._peer = peer
        self._patience = patience_seconds
        self._places = threading.BoundedSemaphore(limit)

    @contextmanager
    def place(self) -> Iterator[None]:
        """Around one attempt. Raises PeerUnavailable, with nothing sent, when no place gets free."""
        left = remaining()
        patience = self._patience if left is None else min(self._patience, left)
        if not self._places.acquire(timeout=patience):
            raise PeerUnavailable(peer=self._peer, reason="bulkhead full", retry_after=1)
        try:
            yield
        finally:
            self._places.release()


def time_for(peer: str, timeout: float) -> float:
    """Seconds one attempt may take: `timeout`, or what the deadline leaves.

    Raises PeerUnavailable, with nothing sent, when the deadline has passed.
    """
    left = remaining()
    if left is None:
        return timeout
    if left <= 0.001:
        raise PeerUnavailable(peer=peer, reason="deadline passed")
    return min(timeout, left)


class RetryPolicy:
    """Up to `attempts` tries with a growing random pause, never past the deadline."""

    def __init__(
        self,
        *,
        attempts: int = 3,
        first_pause: float = 0.05,
        longest_pause: float = 1.0,
    ) -> None:
        self.attempts = attempts
        self._pause = tenacity.wait_random_exponential(multiplier=first_pause, max=longest_pause)

    def run(self, attempt: Callable[[], T], *, repeatable: bool, within: float = 60.0) -> T:
        """Run `attempt`; again when it failed and may be repeated. Raises the last PeerError.

        A call that is not `repeatable` is repeated only when nothing had been sent. No attempt begins
        `within` seconds after the first one: quick failures are repeated, a peer that hangs is not.
        """
        retrying = tenacity.Retrying(
            retry=tenacity.retry_if_exception(lambda error: _may_repeat(error, repeatable)),
            wait=self._pause,
            stop=tenacity.stop_any(
                tenacity.stop_after_attempt(self.attempts),
                tenacity.stop_before_delay(within),
                _NoTimeLeft(),
            ),
            reraise=True,
        )
        return retrying(attempt)


def _may_repeat(error: BaseException, repeatable: bool) -> bool:
    if isinstance(error, PeerUnavailable):
        # Our own guards said no; trying again at once would only get the same answer.
        return error.reason not in {"breaker open", "bulkhead full", "deadline passed"}
    return repeatable and isinstance(error, _FAILURES)


class _NoTimeLeft(tenacity.stop.stop_base):
    """Stops when the pause alone would outlast the deadline."""

    def __call__(self, state: tenacity.RetryCallState) -> bool:
        left = remaining()
        return left is not None and left <= state.upcoming_sleep
