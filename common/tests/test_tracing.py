"""Contexts: bound, carried by headers, and never taken from nonsense."""

import threading
import time

import pytest

from common import tracing
from common.tracing import RequestContext, bound, current, from_headers

TRACE = "00-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-01"


def test_outside_of_any_request_a_context_is_made_and_stays() -> None:
    seen: list[RequestContext] = []
    thread = threading.Thread(target=lambda: seen.extend([current(), current()]))
    thread.start()
    thread.join()

    assert seen[0] is seen[1]
    assert seen[0] is not current()


def test_a_bound_context_ends_with_its_block() -> None:
    outer = RequestContext(request_id="outer")
    with bound(outer):
        with bound(RequestContext(request_id="inner", actor="user:alice")):
            assert current().request_id == "inner"
        assert current() is outer


def test_headers_carry_a_context_in_any_letter_case() -> None:
    context = from_headers(
        {
            "x-REQUEST-id": "abc-123",
            "Traceparent": TRACE,
            "accept-language": "en-GB,en;q=0.9",
            "X-Deadline-Ms": "2000",
        },
        actor="service:OrderService",
    )

    assert context.request_id == "abc-123"
    assert context.trace_id == "4bf92f3577b34da6a3ce929d0e0e4736"
    assert context.traceparent != TRACE
    assert (context.language, context.actor) == ("en", "service:OrderService")
    assert context.deadline is not None and 1.5 < context.deadline - time.monotonic() <= 2.0


@pytest.mark.parametrize(
    "headers",
    [
        {},
        {"X-Request-ID": ""},
        {"X-Request-ID": "a" * 65},
        {"X-Request-ID": "a\nSet-Cookie: x"},
        {"X-Request-ID": "<script>"},
        {"X-Request-ID": "订单"},
        {"traceparent": "00-" + "0" * 32 + "-00f067aa0ba902b7-01"},
        {"traceparent": "00-4bf92f3577b34da6a3ce929d0e0e4736-" + "0" * 16 + "-01"},
        {"traceparent": "ff" + TRACE[2:]},
        {"traceparent": TRACE + "\n-x"},
        {"traceparent": TRACE.upper()},
        {"X-Deadline-Ms": "-5"},
        {"X-Deadline-Ms": "1e9"},
        {"X-Deadline-Ms": "９００"},
        {"X-Deadline-Ms": "9" * 40},
    ],
)
def test_what_is_malformed_is_made_anew(headers: dict[str, str]) -> None:
    context = from_headers(headers)

    assert context.request_id.isalnum() and len(context.request_id) == 32
    assert context.trace_id not in (TRACE, "0" * 32)
    assert len(context.traceparent) == 55
    assert context.deadline is None


def test_a_deadline_from_outside_is_not_trusted_when_told_so() -> None:
    assert from_headers({"X-Deadline-Ms": "1"}, trust_deadline=False).deadline is None


def test_a_deadline_is_bounded() -> None:
    deadline = from_headers({"X-Deadline-Ms": "999999999"}).deadline

    assert deadline is not None and deadline - time.monotonic() <= 300


@pytest.mark.parametrize(
    ("accept", "language"),
    [
        ("", "zh"),
        ("*", "zh"),
        ("en", "en"),
        ("en-US,en;q=0.9", "en"),
        ("zh-CN,zh;q=0.9,en;q=0.8", "zh"),
        ("en;q=0.8, zh;q=0.7", "en"),
        ("en;q=0.5, zh;q=0.5", "zh"),
        ("fr,en;q=0.1", "en"),
        ("english", "zh"),
        ("en;q=nan", "zh"),
        ("en;q=0", "zh"),
        ("," * 100000, "zh"),
    ],
)
def test_the_language_is_english_only_when_preferred(accept: str, language: str) -> None:
    assert from_headers({"Accept-Language": accept}).language == language


def test_a_child_keeps_the_trace_and_has_a_span_of_its_own() -> None:
    with bound(RequestContext(traceparent=TRACE)):
        first, second = tracing.child_traceparent(), tracing.child_traceparent()

    assert first != second
    assert {first[:36], second[:36]} == {TRACE[:36]}


def test_remaining_time_never_goes_below_zero() -> None:
    with bound(RequestContext()):
        assert tracing.remaining() is None
    with bound(RequestContext(deadline=time.monotonic() - 5)):
        assert tracing.remaining() == 0.0


def test_texts_are_chosen_by_language() -> None:
    with bound(RequestContext(language="en")):
        assert tracing.localized("是", "yes") == "yes"
    with bound(RequestContext()):
        assert tracing.localized("是", "yes") == "是"
