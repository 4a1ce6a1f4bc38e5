"""People who buy while things die around them, and the programs that die."""

import functools
import threading
import time
import xmlrpc.client
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from pathlib import Path
from typing import Any, TypeVar

import requests
from supervisor.xmlrpc import SupervisorTransport

from scripts.storyteller import StoryBroken, eventually, press
from tests.conftest import Stack
from tests.crash.flows import World, is_given_back, is_paid
from tests.shop import Order, trade

T = TypeVar("T")
PATIENCE = 120.0
BUYERS = 3


class Trade:
    """People who buy without a break until they are told to stop; every second order is cancelled again."""

    def __init__(self, world: World) -> None:
        self._world, self._shop = world, world.shop
        self._over = threading.Event()
        self.paid: list[Order] = []
        self.cancelled: list[Order] = []

    @contextmanager
    def going_on(self) -> Iterator["Trade"]:
        with ThreadPoolExecutor(BUYERS) as pool:
            buyers = [pool.submit(self._buy_on) for _ in range(BUYERS)]
            try:
                yield self
            finally:
                self._over.set()
            for buyer in buyers:
                buyer.result()

    def wait_until_somebody_buys(self) -> None:
        before = len(self.paid) + len(self.cancelled)
        eventually(
            lambda: len(self.paid) + len(self.cancelled) > before, bool, "somebody buys again", PATIENCE
        )

    def come_to_its_end(self) -> None:
        assert self.paid and self.cancelled
        for order in self.paid:
            self._until(lambda order=order: is_paid(self._world, order))
        for order in self.cancelled:
            self._until(lambda order=order: is_given_back(self._world, order))

    def _buy_on(self) -> None:
        number = 0
        while not self._over.is_set():
            order = self._pay()
            if number % 2:
                self._patiently(functools.partial(self._cancel, order))
            (self.cancelled if number % 2 else self.paid).append(order)
            number += 1

    def _pay(self) -> Order:
        order = self._patiently(self._shop.place)
        created = self._patiently(lambda: self._payable(order))
        self._patiently(lambda: self._press(created))
        self._until(lambda: _require_paid(self._shop.order(order)))
        return created

    def _cancel(self, order: Order) -> None:
        seen = self._shop.order(order)
        if seen["status"] != 3 and not seen["cancelling"]:
            self._shop.alice.post(f"/api/orders/{order['order_id']}/cancel/", {"reason": "r"})

    def _payable(self, order: Order) -> Order:
        created = self._shop.create(order)
        if not created["payment_data"]:
            raise StoryBroken("the payment is still being opened")
        return created

    def _press(self, created: Order) -> None:
        there = trade(created)["trade"]
        if there is None or there["status"] == "WAIT_BUYER_PAY":
            press(created["payment_data"]["url"], "cashier-pay")

    def _until(self, holds: Callable[[], object]) -> None:
        self._patiently(holds, lambda: self._world.books.alipay_waits_no_longer())

    def _patiently(self, act: Callable[[], T], between: Callable[[], object] = lambda: None) -> T:
        """As a person does whose page does not load: again, for as long as it takes."""
        end = time.monotonic() + PATIENCE
        while True:
            try:
                return act()
            except (AssertionError, KeyError, requests.RequestException):
                if time.monotonic() > end:
                    raise
            between()
            time.sleep(0.3)


def _require_paid(seen: Order) -> None:
    assert seen["payment_status"] == "paid", seen


def programs(stack: Stack) -> dict[str, int]:
    """Each running program's main process, as supervisor says."""
    transport = SupervisorTransport(None, None, f"unix://{stack.var}/run/supervisor.sock")
    server: Any = xmlrpc.client.ServerProxy("http://127.0.0.1", transport=transport)
    found = server.supervisor.getAllProcessInfo()
    return {program["name"]: program["pid"] for program in found if program["statename"] == "RUNNING"}


def children(pid: int) -> list[int]:
    """The processes it started."""
    return [int(child) for child in Path(f"/proc/{pid}/task/{pid}/children").read_text().split()]


def comes_back(stack: Stack, name: str, pid: int) -> None:
    eventually(lambda: programs(stack).get(name, pid), lambda now: now != pid, f"{name} is back", PATIENCE)
