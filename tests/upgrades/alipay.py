"""What Alipay does to refunds in this suite: it is slow to answer, or says nothing believable at first."""

from datetime import UTC, datetime, timedelta
from typing import Any
from uuid import UUID

import requests

from scripts.storyteller import eventually
from tests.crash.books import Books
from tests.shop import ALIPAY, Order

FAULTS = f"{ALIPAY}/sim/faults/"
# Within what the caller waits; nothing waits for it but a run that has been killed by then.
SLOW_SECONDS = 3


def refund_is_slow(order: Order) -> None:
    """The next refund of this order is answered late."""
    _arm(order, kind="delay", seconds=SLOW_SECONDS)


def refund_is_asked(order: Order) -> None:
    """Returns when Alipay has the question and has not answered yet: its caller is in the middle of it."""
    eventually(lambda: _armed(order), lambda armed: not armed, "Alipay is asked for the refund")


def refund_is_unknown(order: Order) -> None:
    """The first try gets no answer to believe: the run waits until somebody asks again."""
    _arm(order, kind="unknown", when="before")


def refund_is_looked_for(books: Books, order: Order) -> None:
    books.refund_is_looked_for(order, datetime.now(UTC) - timedelta(hours=1))


def _arm(order: Order, **fault: Any) -> None:
    body = {"operation": "alipay.trade.refund", "subject": _number(order), **fault}
    requests.post(FAULTS, json=body, timeout=10).raise_for_status()


def _armed(order: Order) -> list[dict[str, Any]]:
    faults = requests.get(FAULTS, timeout=10).json()["faults"]
    return [fault for fault in faults if fault["subject"] == _number(order)]


def _number(order: Order) -> str:
    return UUID(order["payment_uuid"]).hex
