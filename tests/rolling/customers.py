"""People who buy and look without a break, and never try anything twice: each answer has to be good."""

import threading
import time
import uuid
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from dataclasses import dataclass, field
from typing import Any

import requests

from scripts.storyteller import press
from tests.shop import BOOKMARK, Order, Shop, basket, payment_of

BUYERS = 2
READERS = 2
# Far below what the gateway allows one user; what is measured is loss, not speed.
PAUSE = 0.2


@dataclass
class Books:
    """What was answered. `broken` has every answer nobody should get, in words."""

    placed: dict[str, Order] = field(default_factory=dict)
    paid: list[Order] = field(default_factory=list)
    answers: int = 0
    broken: list[str] = field(default_factory=list)


class Customers:
    """Threads with a connection each, as browsers have."""

    def __init__(self, shop: Shop) -> None:
        self.shop, self.books = shop, Books()
        self._over = threading.Event()
        self._lock = threading.Lock()

    @contextmanager
    def busy(self) -> Iterator[Books]:
        with ThreadPoolExecutor(BUYERS + READERS) as pool:
            running = [pool.submit(self._again, self._buy) for _ in range(BUYERS)]
            running += [pool.submit(self._again, self._look) for _ in range(READERS)]
            try:
                yield self.books
            finally:
                self._over.set()
            for each in running:
                each.result()

    def _again(self, act: Callable[[requests.Session], None]) -> None:
        session = requests.Session()
        session.headers.update(self.shop.alice.session.headers)
        while not self._over.is_set():
            try:
                act(session)
            except (AssertionError, requests.RequestException) as broken:
                self.books.broken.append(f"{time.strftime('%X')} {type(broken).__name__}: {broken}")
            time.sleep(PAUSE)

    def _buy(self, session: requests.Session) -> None:
        key = str(uuid.uuid4())
        order = self._ask(session, "POST", "/api/orders/", basket(BOOKMARK, 1), key)["data"]
        self.books.placed[key] = order
        created = self._ask(session, "POST", "/api/payment/create/", payment_of(order), str(uuid.uuid4()))
        press(created["data"]["payment_data"]["url"], "cashier-pay")
        self.books.paid.append(order)

    def _look(self, session: requests.Session) -> None:
        for path in ("/api/orders/", "/api/payment/records/", "/api/notifications/"):
            self._ask(session, "GET", path)

    def _ask(
        self, session: requests.Session, method: str, path: str, body: Any = None, key: str | None = None
    ) -> Any:
        headers = {"Idempotency-Key": key} if key else {}
        answer = session.request(method, self.shop.gateway + path, json=body, headers=headers, timeout=30)
        assert answer.status_code in (200, 201), f"{method} {path}: {answer.status_code} {answer.text[:300]}"
        with self._lock:
            self.books.answers += 1
        return answer.json()
