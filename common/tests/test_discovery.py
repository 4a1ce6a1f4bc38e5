"""Finding an instance: the static source, the weights, and leaving out what just failed."""

import random
import time
from collections import Counter

import pytest

from common import config
from common.discovery import Chooser, make_registry
from common.errors import PeerUnavailable
from common.service_registry import Instance, ServiceRegistry, StaticRegistry

A, B = "http://10.0.0.1:8001", "http://10.0.0.2:8001"


class Listed(ServiceRegistry):
    def __init__(self, *instances: Instance) -> None:
        self.known = list(instances)

    def instances(self, service: str) -> list[Instance]:
        return self.known


@pytest.mark.parametrize(
    ("url", "host", "port", "shown"),
    [
        ("http://127.0.0.1:8001", "127.0.0.1", 8001, "http://127.0.0.1:8001"),
        ("https://orders.example", "orders.example", 443, "https://orders.example:443"),
        ("http://[::1]:8001/base/", "::1", 8001, "http://[::1]:8001/base"),
    ],
)
def test_an_instance_is_read_from_its_url(url: str, host: str, port: int, shown: str) -> None:
    instance = Instance.from_url(url)

    assert (instance.host, instance.port, instance.url) == (host, port, shown)


@pytest.mark.parametrize("url", ["", "8001", "//host:1", "ftp://host", "http://", "http://h:99999"])
def test_other_urls_are_refused(url: str) -> None:
    with pytest.raises(ValueError):
        Instance.from_url(url)


def test_the_static_registry_knows_what_it_was_told() -> None:
    registry = StaticRegistry({"OrderService": A, "PaymentService": (A, B), "UserService": ()})

    assert [one.url for one in registry.instances("OrderService")] == [A]
    assert [one.url for one in registry.instances("PaymentService")] == [A, B]
    assert registry.instances("UserService") == registry.instances("Nobody") == []


def test_the_registry_is_made_from_the_settings() -> None:
    settings = config.load("OrderService", {"PAYMENT_SERVICE_URL": f"{A},{B}"})

    assert [one.url for one in make_registry(settings).instances("PaymentService")] == [A, B]


def test_nobody_to_call_is_an_unavailable_peer() -> None:
    resting = Instance.from_url(A)

    for registry in (StaticRegistry({}), Listed(Instance(resting.host, resting.port, weight=0))):
        with pytest.raises(PeerUnavailable) as refused:
            Chooser(registry).choose("OrderService")
        assert refused.value.reason == "no instance"


def test_weights_share_the_calls() -> None:
    random.seed(7)
    chooser = Chooser(
        Listed(Instance("a", 1, weight=3), Instance("b", 1, weight=1), Instance("c", 1, weight=0))
    )

    chosen = Counter(chooser.choose("OrderService").host for _ in range(2000))

    assert set(chosen) == {"a", "b"}
    assert 2 < chosen["a"] / chosen["b"] < 4.5


def test_an_instance_that_keeps_failing_is_left_out() -> None:
    chooser = Chooser(StaticRegistry({"OrderService": (A, B)}), failures=2, rest_seconds=60)
    bad = Instance.from_url(A)
    chooser.failed(bad)
    chooser.failed(bad)

    assert {chooser.choose("OrderService").url for _ in range(50)} == {B}


def test_one_success_clears_the_count() -> None:
    chooser = Chooser(StaticRegistry({"OrderService": (A, B)}), failures=2, rest_seconds=60)
    shaky = Instance.from_url(A)
    for _ in range(3):
        chooser.failed(shaky)
        chooser.worked(shaky)

    assert {chooser.choose("OrderService").url for _ in range(50)} == {A, B}


def test_it_comes_back_after_its_rest() -> None:
    chooser = Chooser(StaticRegistry({"OrderService": (A, B)}), failures=1, rest_seconds=0, return_seconds=0)
    chooser.failed(Instance.from_url(A))

    assert {chooser.choose("OrderService").url for _ in range(50)} == {A, B}


def test_an_instance_that_takes_no_connection_is_left_out_at_once() -> None:
    chooser = Chooser(StaticRegistry({"OrderService": (A, B)}))
    chooser.failed(Instance.from_url(A), unreached=True)

    assert {chooser.choose("OrderService").url for _ in range(50)} == {B}


def share_of_a(chooser: Chooser) -> float:
    random.seed(11)
    return Counter(chooser.choose("OrderService").url for _ in range(2000))[A] / 2000


def test_it_comes_back_slowly() -> None:
    chooser = Chooser(StaticRegistry({"OrderService": (A, B)}), rest_seconds=0, return_seconds=1000)
    chooser.failed(Instance.from_url(A), unreached=True)
    first = share_of_a(chooser)
    chooser.worked(Instance.from_url(A))
    chooser._records[A].out_until -= 500
    halfway = share_of_a(chooser)
    chooser._records[A].out_until -= 500

    assert (round(first, 1), round(halfway, 1), round(share_of_a(chooser), 1)) == (0.1, 0.4, 0.5)


def test_one_failure_on_the_way_back_leaves_it_out_again() -> None:
    chooser = Chooser(StaticRegistry({"OrderService": (A, B)}), rest_seconds=60, return_seconds=60)
    chooser.failed(Instance.from_url(A), unreached=True)
    chooser.worked(Instance.from_url(A))
    chooser._records[A].out_until -= 61
    assert 0 < share_of_a(chooser) < 0.2

    chooser.failed(Instance.from_url(A))

    assert share_of_a(chooser) == 0


def test_what_is_long_gone_is_forgotten() -> None:
    chooser = Chooser(StaticRegistry({}), rest_seconds=0.01, return_seconds=0)
    for port in range(1, 50):
        chooser.failed(Instance("10.0.0.1", port), unreached=True)
    time.sleep(0.05)
    chooser.failed(Instance("10.0.0.1", 50), unreached=True)

    assert set(chooser._records) == {"http://10.0.0.1:50"}


def test_when_all_are_out_all_are_in() -> None:
    chooser = Chooser(StaticRegistry({"OrderService": A}), failures=1, rest_seconds=60)
    chooser.failed(Instance.from_url(A))

    assert chooser.choose("OrderService").url == A
