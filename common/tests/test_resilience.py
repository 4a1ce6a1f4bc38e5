"""Breaker, bulkhead, retries and deadlines, each alone."""

import threading
import time

import pytest

from common.errors import PeerBroken, PeerError, PeerRejected, PeerTimeout, PeerUnavailable
from common.resilience import Breaker, Bulkhead, RetryPolicy, time_for
from common.tracing import RequestContext, bound


def fail(breaker: Breaker, error: Exception) -> None:
    with pytest.raises(type(error)), breaker.guard():
        raise error


@pytest.mark.parametrize("error", [PeerBroken, PeerTimeout, PeerUnavailable])
def test_a_breaker_opens_after_failures_in_a_row(error: type[PeerError]) -> None:
    breaker = Breaker("PaymentService", failures=3, rest_seconds=60)
    for _ in range(3):
        assert not breaker.is_open
        fail(breaker, error(reason="first hand"))

    assert breaker.is_open
    ran = []
    with pytest.raises(PeerUnavailable) as refused, breaker.guard():
        ran.append(1)
    assert (ran, refused.value.reason, refused.value.peer) == ([], "breaker open", "PaymentService")


def test_refusals_successes_and_slips_of_ours_do_not_open_it() -> None:
    breaker = Breaker("PaymentService", failures=2, rest_seconds=60)
    for _ in range(5):
        fail(breaker, PeerTimeout())
        with breaker.guard():
            pass
    for _ in range(5):
        fail(breaker, PeerRejected())
        fail(breaker, KeyError("ours"))

    assert not breaker.is_open


def test_after_its_rest_one_try_decides() -> None:
    breaker = Breaker("PaymentService", failures=1, rest_seconds=0)
    fail(breaker, PeerTimeout())
    fail(breaker, PeerTimeout())
    assert breaker.is_open

    with breaker.guard():
        pass
    assert not breaker.is_open


def test_a_breaker_lets_calls_run_side_by_side() -> None:
    breaker = Breaker("PaymentService")
    together = threading.Barrier(4, timeout=5)

    def call() -> None:
        with breaker.guard():
            together.wait()

    threads = [threading.Thread(target=call) for _ in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()

    assert not together.broken


def test_a_full_bulkhead_refuses_and_frees_places_even_after_errors() -> None:
    bulkhead = Bulkhead("PaymentService", limit=2, patience_seconds=0)
    with bulkhead.place(), bulkhead.place():
        with pytest.raises(PeerUnavailable) as refused, bulkhead.place():
            pass
        assert refused.value.reason == "bulkhead full"
    for _ in range(3):
        with pytest.raises(PeerBroken), bulkhead.place():
            raise PeerBroken
    with bulkhead.place(), bulkhead.place():
        pass


def test_waiting_for_a_place_ends_with_the_deadline() -> None:
    bulkhead = Bulkhead("PaymentService", limit=1, patience_seconds=60)
    with (
        bulkhead.place(),
        bound(RequestContext(deadline=time.monotonic())),
        pytest.raises(PeerUnavailable),
        bulkhead.place(),
    ):
        pass


class Script:
    """Raises what it was given, one after another, and then works."""

    def __init__(self, *errors: Exception) -> None:
        self.errors = list(errors)
        self.tries = 0

    def __call__(self) -> str:
        self.tries += 1
        if self.errors:
            raise self.errors.pop(0)
        return "done"


@pytest.mark.parametrize("error", [PeerTimeout(), PeerBroken(), PeerUnavailable(reason="NewConnectionError")])
def test_a_repeatable_call_is_repeated(error: PeerError) -> None:
    script = Script(error, error)

    assert RetryPolicy(first_pause=0).run(script, repeatable=True) == "done"
    assert script.tries == 3


@pytest.mark.parametrize("error", [PeerTimeout(), PeerBroken()])
def test_an_unknown_outcome_is_never_repeated_blindly(error: PeerError) -> None:
    script = Script(error)

    with pytest.raises(type(error)):
        RetryPolicy(first_pause=0).run(script, repeatable=False)
    assert script.tries == 1


def test_what_was_never_sent_is_repeated_for_every_call() -> None:
    script = Script(PeerUnavailable(reason="NewConnectionError"))

    assert RetryPolicy(first_pause=0).run(script, repeatable=False) == "done"


@pytest.mark.parametrize(
    "error",
    [
        PeerRejected(peer_status=409),
        PeerRejected(peer_status=429, retry_after=1),
        PeerUnavailable(reason="breaker open"),
        PeerUnavailable(reason="bulkhead full"),
        PeerUnavailable(reason="deadline passed"),
        ValueError("ours"),
    ],
)
def test_an_answer_and_our_own_refusals_are_final(error: Exception) -> None:
    script = Script(error)

    with pytest.raises(type(error)):
        RetryPolicy(first_pause=0).run(script, repeatable=True)
    assert script.tries == 1


def test_the_last_error_comes_out_after_the_last_try() -> None:
    script = Script(PeerTimeout(reason="a"), PeerTimeout(reason="b"), PeerBroken(reason="c"), PeerTimeout())

    with pytest.raises(PeerBroken) as last:
        RetryPolicy(attempts=3, first_pause=0).run(script, repeatable=True)
    assert (script.tries, last.value.reason) == (3, "c")


def test_no_try_starts_after_the_deadline() -> None:
    script = Script(*[PeerTimeout()] * 5)

    with bound(RequestContext(deadline=time.monotonic())), pytest.raises(PeerTimeout):
        RetryPolicy(first_pause=0).run(script, repeatable=True)
    assert script.tries == 1


def test_a_peer_that_hangs_is_not_asked_again() -> None:
    script = Script(*[PeerTimeout()] * 5)

    with pytest.raises(PeerTimeout):
        RetryPolicy(first_pause=0).run(script, repeatable=True, within=0)
    assert script.tries == 1


def test_an_attempt_gets_what_the_deadline_leaves() -> None:
    with bound(RequestContext()):
        assert time_for("PaymentService", 5) == 5
    with bound(RequestContext(deadline=time.monotonic() + 60)):
        assert time_for("PaymentService", 5) == 5
    with bound(RequestContext(deadline=time.monotonic() + 2)):
        assert 1 < time_for("PaymentService", 5) <= 2
    with (
        bound(RequestContext(deadline=time.monotonic())),
        pytest.raises(PeerUnavailable, match="not available"),
    ):
        time_for("PaymentService", 5)
