"""A release that runs: web and worker of the order service from one tree, processes of the test's own."""

import os
import re
import signal
import subprocess
import sys
from contextlib import ExitStack, suppress
from http.client import HTTPConnection

from common.testing.processes import processes_with
from scripts.storyteller import Person, eventually
from tests.checkout import PATIENCE, Checkout
from tests.conftest import Stack
from tests.shop import BOOKMARK, Order, Shop, basket

ROLES = ("web", "worker")
# The gateway asks every second and believes a refusal at once: time for a stop that nobody notices.
OWN = {"WEB_CONCURRENCY": "1", "DRAIN_SECONDS": "5"}


class Release:
    """One side. People speak with its web directly, not through the gateway."""

    def __init__(self, stack: Stack, checkout: Checkout, name: str, port: int) -> None:
        self.checkout, self.name, self.port = checkout, name, port
        self._place = stack.var / "run" / f"order-{name}"
        self._log = (stack.var / "log" / f"order-{name}.log").open("ab")
        self._processes: list[subprocess.Popen[bytes]] = []

    @property
    def runs_now(self) -> bool:
        return bool(self._processes)

    def start(self) -> None:
        """Returns when its web is ready."""
        self._processes = [self._launched(role) for role in ROLES]
        eventually(self._is_ready, bool, f"the {self.name} release is ready", PATIENCE)

    def stop(self) -> None:
        """In order, as an upgrade stops it."""
        for one in self._processes:
            one.send_signal(signal.SIGTERM)
        assert [one.wait(PATIENCE) for one in self._processes] == [0, 0]
        self._processes = []

    def kill(self) -> None:
        """SIGKILL for every process of it; those of a launcher first, which would end them more kindly."""
        eventually(self._is_killed, bool, f"the {self.name} release is dead", PATIENCE)
        for one in self._processes:
            one.wait(PATIENCE)
        self._processes = []

    def _is_killed(self) -> bool:
        """Nothing was left to kill: a dead one is seen for a moment, and a master may have forked another."""
        living = processes_with(f"SERVICE_RUN_DIR={self._place}")
        for pid in sorted(living, reverse=True):
            with suppress(ProcessLookupError):
                os.kill(pid, signal.SIGKILL)
        return not living

    def close(self) -> None:
        if self.runs_now:
            self.kill()
        self._log.close()

    def manage(self, *command: str) -> str:
        done = self.checkout.run("order-service", "manage.py", *command)
        assert done.returncode == 0, f"{self.name}: {command}: {done.stdout}{done.stderr}"
        return done.stdout

    def runs(self) -> dict[str, str]:
        """The sagas that have not ended, as `saga list` tells of them, by the UUID of their order."""
        lines = self.manage("saga", "list").splitlines()
        return {found[1]: line for line in lines if (found := re.search(r"entity (\S+)", line))}

    def meet(self, shop: Shop) -> None:
        """Let Carol, who buys, and Bob, who sells, speak with this side."""
        bob = Person("Bob", shop.gateway).log_in()
        self.buyer, self.seller = (self._known_here(person) for person in (shop.carol, bob))

    def place(self) -> Order:
        order: Order = self.buyer.post("/api/orders/", basket(BOOKMARK, 1))["data"]
        return order

    def pay(self, order: Order) -> Order:
        """The order with its payment: `payment_uuid`, `payment_data`."""
        return {**order, **self.buyer.post(f"/api/orders/{order['order_id']}/pay/")["data"]}

    def cancel(self, order: Order, *, status: int | tuple[int, ...] = (200, 202)) -> None:
        self.buyer.post(f"/api/orders/{order['order_id']}/cancel/", {"reason": "changed"}, status=status)

    def order(self, order: Order) -> Order:
        seen: Order = self.buyer.get(f"/api/orders/{order['order_id']}/")["data"]
        return seen

    def until(self, order: Order, **wanted: object) -> Order:
        def holds(seen: Order) -> bool:
            return all(seen[name] == value for name, value in wanted.items())

        what = f"the {self.name} release shows {order['order_id']} as {wanted}"
        seen: Order = eventually(lambda: self.order(order), holds, what, PATIENCE)
        return seen

    def _known_here(self, person: Person) -> Person:
        there = Person(person.name, f"http://127.0.0.1:{self.port}")
        there.session.headers.update(person.session.headers)
        return there

    def _launched(self, role: str) -> subprocess.Popen[bytes]:
        own = {**OWN, "SERVICE_PORT": str(self.port), "SERVICE_RUN_DIR": str(self._place)}
        root = self.checkout.root
        return subprocess.Popen(
            [sys.executable, "-m", "common.launcher", role],
            cwd=root / "order-service",
            env={**self.checkout.environment(), **own, "PYTHONPATH": str(root)},
            stdout=self._log,
            stderr=self._log,
        )

    def _is_ready(self) -> bool:
        for one in self._processes:
            assert one.poll() is None, f"a process of the {self.name} release ended: {one.args}"
        with ExitStack() as closing:
            connection = HTTPConnection("127.0.0.1", self.port, timeout=5)
            closing.callback(connection.close)
            try:
                connection.request("GET", "/readyz")
                return connection.getresponse().status == 200
            except OSError:
                return False
