"""`make bench`: the order list against a bare view in its place, the golden mix, the audits; Markdown out.

Room: bench. Load goes to loopback only and is bounded in time. Absolute figures move from machine to machine;
the ratios are what to compare, so every pair is measured in one run, in turn.
"""

import argparse
import json
import os
import platform
import statistics
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import requests

from bench.processes import bare_in_place, cpu_seconds, pids
from common import clock
from common.config import read_environment
from common.ports import url_of
from scripts.demo import ADDRESS, audit
from scripts.storyteller import Person, expect

ROOT = Path(__file__).resolve().parent.parent
GATEWAY = os.environ.get("GATEWAY_URL") or url_of("gateway", read_environment())
ORDER_DIRECT = url_of("OrderService", read_environment())
LIST = "/api/orders/?page_size=10"
CONNECTIONS = 16
# One buyer pays hundreds of times here, which the velocity policies are there to stop.
VELOCITY_POLICIES = (4, 5, 6)


def wrk(script: str, url: str, seconds: int, environment: dict[str, str]) -> dict[str, Any]:
    """Run wrk with one thread; answer the figures its script prints."""
    command = ["wrk", "-t1", f"-c{CONNECTIONS}", f"-d{seconds}s", "--timeout", "10s", "-s", script, url]
    done = subprocess.run(
        command,
        cwd=ROOT / "bench",
        env={**os.environ, **environment},
        capture_output=True,
        text=True,
        check=True,
    )
    figures: dict[str, Any] = json.loads(done.stdout.strip().splitlines()[-1])
    return figures


def prepare() -> dict[str, str]:
    """Log Alice in, place twenty orders to list; answer what the wrk scripts read from the environment."""
    alice, bob = Person("Alice", GATEWAY).log_in(), Person("Bob", GATEWAY).log_in()
    goods = alice.get("/api/product/2/")
    line = {"product_uuid": goods["product_uuid"], "quantity": 1}
    body = {"products": [line], "seller_uuid": bob.uuid, "payment_method": 0, **ADDRESS}
    orders = [alice.post("/api/orders/", body)["data"] for _ in range(20)]
    return {
        "BENCH_TOKEN": str(alice.session.headers["Authorization"]).removeprefix("Bearer "),
        "BENCH_PRODUCT": goods["product_uuid"],
        "BENCH_SELLER": bob.uuid,
        "BENCH_ORDER": orders[0]["order_uuid"],
        "BENCH_BUYER": alice.uuid,
    }


@contextmanager
def velocity_unwatched() -> Iterator[None]:
    """Switch the velocity policies off for the length of the mix, as an operator would."""
    olive = Person("Olive", GATEWAY).log_in()

    def switch(enabled: bool) -> None:
        body = {"policies": [{"policy_id": number, "is_enabled": enabled} for number in VELOCITY_POLICIES]}
        olive.call("PUT", "/api/security/policies/update/", body, 200)

    switch(False)
    try:
        yield
    finally:
        switch(True)


@dataclass
class Way:
    """One way to the list: requests per second and CPU milliseconds per request of each round."""

    per_second: list[float] = field(default_factory=list)
    cpu_ms: list[float] = field(default_factory=list)

    @property
    def speed(self) -> float:
        return statistics.median(self.per_second)

    @property
    def cost(self) -> float:
        return statistics.median(self.cpu_ms)


def compare(seconds: int, environment: dict[str, str]) -> dict[str, Way]:
    """Three rounds of each way, in turn, so that the machine's mood touches all alike."""
    found: dict[str, Way] = {}
    for turn in range(3):
        print(f"  round {turn + 1}/3 …", flush=True)
        with bare_in_place(ORDER_DIRECT, environment) as bare:
            rows = requests.get(f"{ORDER_DIRECT}{LIST}", timeout=10).json()["data"]
            expect(len(rows) == 10, "the bare view lists the same ten orders", rows)
            _measure(found, "bare view", bare, seconds, environment)
        _measure(found, "order list", pids()["order"], seconds, environment)
    return found


def _measure(found: dict[str, Way], name: str, main: int, seconds: int, environment: dict[str, str]) -> None:
    for through, host in (("direct", ORDER_DIRECT), ("through the gateway", GATEWAY)):
        wrk("list.lua", f"{host}{LIST}", 1, environment)  # every process has answered once
        before = cpu_seconds(main)
        figures = wrk("list.lua", f"{host}{LIST}", seconds, environment)
        spent = cpu_seconds(main) - before
        expect(not figures["status_errors"], f"{name}, {through}, answers without an error", figures)
        way = found.setdefault(f"{name}, {through}", Way())
        way.per_second.append(figures["per_second"])
        way.cpu_ms.append(1000 * spent / figures["requests"])


def report(mix: dict[str, Any], ways: dict[str, Way]) -> str:
    lines = [
        f"## {clock.shanghai_date().isoformat()}, {os.cpu_count()} cores, {platform.machine()}, "
        f"Python {platform.python_version()}, SQLite, wrk -t1 -c{CONNECTIONS} on the same cores",
        "",
        "| what | req/s (median of 3) | of the bare view's | CPU ms per request | of the bare view's |",
        "|---|---|---|---|---|",
    ]
    for name, way in sorted(ways.items(), key=lambda item: item[0].partition(", ")[2]):
        bare = ways[f"bare view, {name.partition(', ')[2]}"]
        speed, cost = way.speed / bare.speed, way.cost / bare.cost
        lines.append(f"| {name} | {way.speed:.0f} | {speed:.2f} | {way.cost:.2f} | {cost:.2f} |")
    lines += [
        "",
        f"Golden mix through the gateway: {mix['per_second']:.0f} req/s, p50 {mix['p50_ms']:.1f} ms, "
        f"p99 {mix['p99_ms']:.1f} ms, {mix['cpu_ms']:.1f} CPU ms per request in the whole stack, "
        f"{mix['requests']} requests, {mix['status_errors']} error answers, "
        f"{mix['socket_errors']} socket errors; "
        "the audits of money and orders found no difference afterwards.",
        "",
    ]
    return "\n".join(lines)


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--seconds", type=int, default=8, choices=range(1, 61), metavar="1-60")
    parser.add_argument("--record", action="store_true", help="append to bench/RESULTS.md")
    arguments = parser.parse_args()
    print("Preparing: twenty orders to list", flush=True)
    environment = prepare()
    ways = compare(arguments.seconds, environment)
    print("  the golden mix …", flush=True)
    with velocity_unwatched():
        before = cpu_seconds(*pids().values())
        mix = wrk("golden.lua", GATEWAY, arguments.seconds * 2, environment)
        mix["cpu_ms"] = 1000 * (cpu_seconds(*pids().values()) - before) / max(1, mix["requests"])
    if mix["status_errors"] or mix["socket_errors"]:
        print(f"The mix met errors, so it proves nothing: {mix}", file=sys.stderr)
        print("Start the stack with GATEWAY_USER_REQUESTS=1000000 for a bench.", file=sys.stderr)
        return 1
    time.sleep(10)
    audit()
    text = report(mix, ways)
    print("\n" + text)
    if arguments.record:
        with (ROOT / "bench/RESULTS.md").open("a") as results:
            results.write("\n" + text)
    return 0


if __name__ == "__main__":
    sys.exit(main())
