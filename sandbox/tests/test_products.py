"""ProductService: the published shapes, and the published holes, which must stay holes."""

import threading

import pytest
import requests
from products.catalogue import BOB, GOODS, product_uuid

from tests.live import Live

TEA = product_uuid(1)


@pytest.fixture
def stocked(live: Live) -> Live:
    live.sim("products/1/", {"stock": 100, "price": "299.00", "status": 0}, port="product")
    return live


def stock(live: Live) -> int:
    return int(requests.get(f"{live.product}/api/product/1/", timeout=10).json()["stock"])


def update(live: Live, quantity: object, reference: object = 1, timeout: float = 10) -> requests.Response:
    url = f"{live.product}/api/product/{reference}/update-stock/"
    return requests.post(url, json={"quantity": quantity}, timeout=timeout)


@pytest.mark.parametrize("path", ["product/1", f"product/{TEA}", "products/1", f"products/{TEA}"])
def test_goods_are_found_by_number_and_uuid(live: Live, path: str) -> None:
    good = requests.get(f"{live.product}/api/{path}/", timeout=10).json()
    assert (good["product_id"], good["product_uuid"]) == (1, str(TEA))
    assert (good["title"], good["price"], good["status"]) == ("青瓷茶具套装", "299.00", 0)
    assert good["user_info"] == {"user_id": str(BOB[0]), "username": "Bob"}
    assert good["media"] == [{"media": "/api/product/media/tea-set.svg"}]


def test_the_shelf_outlasts_the_demo() -> None:
    """It buys one or three of these each time it is told, and brings back one kind alone."""
    bought = {1: 3, 12: 1}

    assert all(GOODS[number - 1].stock >= 100 * pieces for number, pieces in bought.items())


def test_the_shelf_has_twelve_goods_with_pictures(live: Live) -> None:
    goods = requests.get(f"{live.product}/api/product/", timeout=10).json()["results"]
    assert [good["title"] for good in goods] == [good.title for good in GOODS]
    for good in goods:
        picture = requests.get(live.product + good["media"][0]["media"], timeout=10)
        assert picture.headers["Content-Type"] == "image/svg+xml"
        assert b"<svg" in picture.content


def test_unknown_goods_are_404(live: Live) -> None:
    assert requests.get(f"{live.product}/api/product/999/", timeout=10).status_code == 404


@pytest.mark.parametrize(
    "body",
    [
        {"stock": -1},
        {"stock": 10**20},
        {"stock": "x"},
        {"status": 7},
        *({"price": price} for price in ("-1.00", "0.001", "NaN", "123456789.00", None)),
    ],
)
def test_a_shelf_is_not_set_to_nonsense(stocked: Live, body: dict) -> None:
    url = f"{stocked.product}/sim/products/1/"
    assert requests.post(url, json={**body, "status": body.get("status", 2)}, timeout=10).status_code == 400
    good = requests.get(f"{stocked.product}/api/product/1/", timeout=10).json()
    assert (good["stock"], good["price"], good["status"]) == (100, "299.00", 0)


def test_more_than_a_column_holds_is_refused(stocked: Live) -> None:
    assert update(stocked, 10**20).status_code == 400
    assert stock(stocked) == 100


@pytest.mark.parametrize("reference", [1, TEA])
def test_stock_is_changed(stocked: Live, reference: object) -> None:
    answer = update(stocked, -3, reference).json()
    assert answer["success"] is True
    assert answer["data"] == {"old_stock": 100, "current_stock": 97}
    assert stock(stocked) == 97


@pytest.mark.parametrize("quantity", [-101, 0, "3", None, True, 1.5])
def test_short_stock_and_nonsense_are_refused(stocked: Live, quantity: object) -> None:
    answer = update(stocked, quantity)
    assert (answer.status_code, answer.json()["success"]) == (400, False)
    assert stock(stocked) == 100


def test_a_repeated_call_counts_twice(stocked: Live) -> None:
    url = f"{stocked.product}/api/product/1/update-stock/"
    for _ in range(2):
        requests.post(url, json={"quantity": -5}, headers={"Idempotency-Key": "same"}, timeout=10)
    assert stock(stocked) == 90


def test_two_callers_at_once_lose_an_update(stocked: Live) -> None:
    """The pause stretches the hole between reading and writing; the second write wins."""
    stocked.arm("pause", operation="update-stock", seconds=1.5, port="product")
    slow = threading.Thread(target=update, args=(stocked, -10))
    slow.start()
    while stocked.sim("faults/", port="product")["faults"]:
        pass
    update(stocked, -1)
    slow.join()
    assert stock(stocked) == 90


def test_restore_stock_is_absent_until_its_dialect_is_spoken(stocked: Live) -> None:
    url = f"{stocked.product}/api/products/{TEA}/restore-stock/"
    body = {"quantity": 4, "reason": "order_cancelled", "order_id": "CFMP2026112100000001"}
    assert requests.post(url, json=body, timeout=10).status_code == 404
    assert stock(stocked) == 100
    stocked.sim("dialect/", {"dialect": "restore"}, port="product")
    assert requests.post(url, json=body, timeout=10).json()["data"]["current_stock"] == 104
    assert requests.post(url, json={"quantity": -4}, timeout=10).status_code == 400
    assert stock(stocked) == 104


@pytest.mark.parametrize(("when", "left"), [("before", 100), ("after", 95)])
@pytest.mark.parametrize("kind", ["drop", "timeout"])
def test_a_call_without_an_answer_may_or_may_not_have_counted(
    stocked: Live, kind: str, when: str, left: int
) -> None:
    stocked.arm(kind, operation="update-stock", when=when, seconds=0.2, port="product")
    with pytest.raises(requests.ConnectionError):
        update(stocked, -5)
    assert stock(stocked) == left


@pytest.mark.parametrize(("when", "left"), [("before", 100), ("after", 95)])
def test_an_error_page_says_nothing_about_the_effect(stocked: Live, when: str, left: int) -> None:
    stocked.arm("http_error", operation="update-stock", when=when, status=503, port="product")
    assert update(stocked, -5).status_code == 503
    assert stock(stocked) == left


def test_a_delay_after_the_effect_outlives_an_impatient_caller(stocked: Live) -> None:
    stocked.arm("delay", operation="update-stock", when="after", seconds=1, port="product")
    with pytest.raises(requests.ReadTimeout):
        update(stocked, -5, timeout=0.3)
    assert stock(stocked) == 95


def test_faults_can_be_aimed_listed_and_cleared(stocked: Live) -> None:
    stocked.arm("http_error", operation="detail", subject="2", remaining=None, port="product")
    assert requests.get(f"{stocked.product}/api/product/1/", timeout=10).status_code == 200
    assert requests.get(f"{stocked.product}/api/product/2/", timeout=10).status_code == 502
    assert [fault["kind"] for fault in stocked.sim("faults/", port="product")["faults"]] == ["http_error"]
    requests.delete(f"{stocked.product}/sim/faults/", timeout=10)
    assert requests.get(f"{stocked.product}/api/product/2/", timeout=10).status_code == 200


def test_a_port_arms_only_its_own_faults(live: Live) -> None:
    for body in ({"kind": "forge"}, {"kind": "delay", "target": "alipay"}):
        assert requests.post(f"{live.product}/sim/faults/", json=body, timeout=10).status_code == 400


@pytest.mark.parametrize("body", [{"stock": "many"}, {"price": "dear"}, {"status": None}])
def test_goods_are_not_set_to_nonsense(stocked: Live, body: dict) -> None:
    answer = requests.post(f"{stocked.product}/sim/products/1/", json=body, timeout=10)
    assert answer.status_code == 400
    assert stock(stocked) == 100
