"""Which of a machine's addresses an instance tells the registry, on a machine with two networks."""

import os
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

from tests import missing

ROOT = Path(__file__).resolve().parents[2]
# One cable, both ends on this machine: two interfaces, and the kernel needs no module for cards of its own.
TWO_NETWORKS = """
ip link set lo up && ip link add name left type veth peer name right || exit 90
ip address add 10.1.0.1/24 dev left && ip address add 10.2.0.1/24 dev right || exit 90
ip link set left up && ip link set right up || exit 90
exec "$@"
"""
NO_NETWORKS = 90
ASK = """
from common.nacos_agent.plan import make_plan
(seat,) = make_plan("OrderService", [], subscribe_only=False).seats
print(seat.registration.host)
"""


def asked(nacos: str, **variables: str) -> subprocess.CompletedProcess[str]:
    """OrderService's plan for the server at `nacos`, made where there are two networks."""
    if os.getuid() != 0 or not all(shutil.which(tool) for tool in ("unshare", "ip")):
        missing.skip("two networks were not tested: they need root, unshare and iproute2")
    given = {"DISCOVERY": "nacos", "NACOS_SERVER": nacos, "SERVICE_HOST": "0.0.0.0", **variables}
    ended = subprocess.run(
        ["unshare", "--net", "sh", "-c", TWO_NETWORKS, "sh", sys.executable, "-c", ASK],
        env={"PATH": os.environ["PATH"], "PYTHONPATH": str(ROOT), **given},
        cwd=ROOT,
        capture_output=True,
        text=True,
        timeout=60,
        check=False,
    )
    if ended.returncode == NO_NETWORKS or "unshare" in ended.stderr:
        missing.skip(f"two networks were not tested: {ended.stderr.strip()}")
    return ended


def told(nacos: str, **variables: str) -> str:
    """The address that it would register."""
    ended = asked(nacos, **variables)
    assert ended.returncode == 0, ended.stderr
    return ended.stdout.strip()


@pytest.mark.parametrize(("nacos", "address"), [("10.1.0.9", "10.1.0.1"), ("10.2.0.9", "10.2.0.1")])
def test_an_instance_tells_the_address_on_the_way_to_the_server(nacos: str, address: str) -> None:
    assert told(f"{nacos}:8848") == address


def test_a_server_that_no_network_leads_to_is_an_error_that_says_what_to_set() -> None:
    ended = asked("10.3.0.9:8848")

    assert ended.returncode != 0
    assert "SERVICE_ADVERTISE_HOST is missing, and no route leads to 10.3.0.9:8848" in ended.stderr


def test_the_address_listened_on_counts_before_the_way() -> None:
    assert told("10.2.0.9:8848", SERVICE_HOST="10.1.0.1") == "10.1.0.1"


def test_the_address_to_tell_counts_before_all() -> None:
    hosts = {"SERVICE_HOST": "10.1.0.1", "SERVICE_ADVERTISE_HOST": "orders-7.internal"}

    assert told("10.2.0.9:8848", **hosts) == "orders-7.internal"
