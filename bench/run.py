"""`make bench`: the golden mix and three ratios against a running stack, then the audits; Markdown out.

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
from pathlib import Path
from typing import Any

import requests

from common import clock
from common.config import read_environment
from common.ports import url_of
from scripts.demo import ADDRESS, audit
from scripts.stack.layout import DATABASES
from scripts.storyteller import Person, expect

ROOT = Path(__file__).resolve().parent.parent
GATEWAY = os.environ.get("GATEWAY_URL") or url_of("gateway", read_environment())
ORDER_DIRECT = url_of("OrderService", read_environment())
BARE = "http://127.0.0.1:8099"
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
        "BENCH_BUYER": alice.uuid.replace("-", ""),
        "BENCH_DATABASE": str(DATABASES / "order.sqlite3"),
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


def start_bare(environment: dict[str, str]) -> subprocess.Popen[bytes]:
    """Serve the bare view exactly as the services are served."""
    command = [
        sys.executable,
        "-m",
        "gunicorn",
        "-k",
        "gthread",
        "--threads",
        "4",
        "-w",
        "1",
        "--keep-alive",
        "75",
    ]
    command += ["-b", BARE.removeprefix("http://"), "--log-level", "error", "bench.bare:application"]
    process = subprocess.Popen(command, cwd=ROOT, env={**os.environ, **environment})
    time.sleep(3)
    rows = requests.get(f"{BARE}/orders", timeout=10).json()["data"]
    expect(len(rows) == 10, "the bare view lists the same ten orders", rows)
    return process


def compare(seconds: int, environment: dict[str, str]) -> dict[str, list[float]]:
    """Three rounds of each way, in turn, so that the machine's mood touches all alike."""
    ways = {
        "bare view, direct": f"{BARE}/orders",
        "order list, direct": f"{ORDER_DIRECT}/api/orders/?page_size=10",
        "order list, through the gateway": f"{GATEWAY}/api/orders/?page_size=10",
    }
    found: dict[str, list[float]] = {name: [] for name in ways}
    for turn in range(3):
        for name, url in ways.items():
            print(f"  round {turn + 1}/3: {name} …", flush=True)
            figures = wrk("list.lua", url, seconds, environment)
            expect(not figures["status_errors"], f"{name} answers without an error", figures)
            found[name].append(figures["per_second"])
    return found


def report(mix: dict[str, Any], ways: dict[str, list[float]]) -> str:
    medians = {name: statistics.median(values) for name, values in ways.items()}
    bare, direct, through = medians.values()
    lines = [
        f"## {clock.shanghai_date().isoformat()}, {os.cpu_count()} cores, {platform.machine()}, "
        f"Python {platform.python_version()}, SQLite, wrk -t1 -c{CONNECTIONS} on the same cores",
        "",
        "| what | req/s (median of 3) | ratio |",
        "|---|---|---|",
        f"| bare Django view (one raw query + orjson), direct | {bare:.0f} | 1 |",
        f"| order list, direct | {direct:.0f} | {direct / bare:.2f} of the bare view |",
        f"| order list, through the gateway | {through:.0f} | {through / direct:.2f} of direct |",
        "",
        f"Golden mix through the gateway: {mix['per_second']:.0f} req/s, p50 {mix['p50_ms']:.1f} ms, "
        f"p99 {mix['p99_ms']:.1f} ms, {mix['requests']} requests, {mix['status_errors']} error answers, "
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
    bare = start_bare(environment)
    try:
        ways = compare(arguments.seconds, environment)
    finally:
        bare.terminate()
        bare.wait()
    print("  the golden mix …", flush=True)
    with velocity_unwatched():
        mix = wrk("golden.lua", GATEWAY, arguments.seconds * 2, environment)
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
