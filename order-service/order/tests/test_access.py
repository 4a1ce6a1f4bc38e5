"""Nobody's business: every path, every method, every caller. Unknown and not-yours look the same."""

from typing import Any

import pytest

from common.testing.people import ALICE, BOB, CAROL, MALLORY, OLIVE, mint_user_token
from common.testing.service_tokens import service_token
from order.models import Order, OrderOutbox, OrderTransition
from order.tests.world import World

pytestmark = pytest.mark.django_db

METHODS = ("GET", "POST", "PUT", "PATCH", "DELETE")
# path -> method -> what (Alice buys, Bob sells, Mallory, Olive operates, nobody, PaymentService) get.
# A method that is not listed is 405 for everybody.
OPEN: dict[str, dict[str, tuple[int, int, int, int, int, int]]] = {
    "/api/orders/": {
        "GET": (200, 200, 200, 200, 401, 401),
        "POST": (400, 400, 400, 400, 401, 401),
    },
    "/api/orders/sold/": {"GET": (200, 200, 200, 200, 401, 401)},
    "/api/orders/stats/": {"GET": (200, 200, 200, 200, 401, 401)},
    "/api/orders/{ref}/": {
        "GET": (200, 200, 404, 200, 401, 401),
        "PUT": (400, 403, 404, 403, 401, 401),
        "PATCH": (400, 403, 404, 403, 401, 401),
        "DELETE": (409, 409, 404, 403, 401, 401),
    },
    "/api/orders/{ref}/cancel/": {
        "POST": (200, 403, 404, 200, 401, 401),
        "PUT": (200, 403, 404, 200, 401, 401),
    },
    "/api/orders/{ref}/complete/": {
        "POST": (409, 403, 404, 409, 401, 401),
        "PUT": (409, 403, 404, 409, 401, 401),
    },
    "/api/orders/{ref}/pay/": {"POST": (200, 403, 404, 403, 401, 401)},
    "/api/orders/{ref}/ship/": {"POST": (403, 409, 404, 409, 401, 401)},
    "/api/orders/{ref}/logistics/": {"GET": (200, 200, 404, 200, 401, 401)},
    "/api/orders/{ref}/timeline/": {"GET": (200, 200, 404, 200, 401, 401)},
    "/api/orders/internal/orders/{ref}/": {
        "GET": (401, 401, 401, 401, 401, 200),
        "PATCH": (401, 401, 401, 401, 401, 400),
    },
    "/api/orders/internal/{ref}/": {
        "GET": (401, 401, 401, 401, 401, 200),
        "PATCH": (401, 401, 401, 401, 401, 400),
    },
    "/event/payment_notified_cm": {"POST": (401, 401, 401, 401, 401, 400)},
    "/event/payment_failed_cm": {"POST": (401, 401, 401, 401, 401, 400)},
    "/event/refund_notified": {"POST": (401, 401, 401, 401, 401, 400)},
    "/event/logistics_updated": {"POST": (401, 401, 401, 401, 401, 403)},
    "/event/purchased": {"POST": (401, 401, 401, 401, 401, 400)},
    "/event/group_update": {"POST": (401, 401, 401, 401, 401, 200)},
}
CASES = [(path, method) for path in OPEN for method in METHODS]


def _callers(api: Any, service_api: Any) -> list[Any]:
    people = [api(person) for person in (ALICE, BOB, MALLORY, OLIVE)]
    return [*people, api(), service_api("PaymentService")]


@pytest.mark.parametrize(("path", "method"), CASES)
def test_every_caller_on_every_path_by_every_method(
    api: Any, service_api: Any, place: Any, path: str, method: str
) -> None:
    expected = OPEN[path].get(method, (405,) * 6)

    got = []
    for client in _callers(api, service_api):
        url = path.format(ref=place()["order_uuid"])
        before = _moves()
        answer = client.request(method, url, {} if method != "GET" else None)
        got.append(answer.status_code)
        if answer.status_code >= 400:
            assert _moves() == before, f"{method} {url} was refused and moved something"

    assert tuple(got) == expected


def _moves() -> tuple[int, int, list[Any]]:
    versions = list(
        Order.objects.order_by("id").values_list("version", "hidden_by_buyer", "hidden_by_seller")
    )
    return OrderTransition.objects.count(), OrderOutbox.objects.count(), versions


def test_an_unknown_order_and_a_foreign_one_look_the_same(api: Any, place: Any) -> None:
    order = place()

    foreign = api(MALLORY).get(f"/api/orders/{order['order_uuid']}/").json()
    unknown = api(MALLORY).get("/api/orders/01900000-0000-7000-8000-00000000f00d/").json()

    assert {**foreign, "request_id": ""} == {**unknown, "request_id": ""}
    assert foreign["code"] == "5001"


@pytest.mark.parametrize("header", ["UUID", "X-User-UUID", "X-User-Id", "X-Consumer-Username"])
def test_a_bare_identity_header_means_nothing(api: Any, place: Any, header: str) -> None:
    order = place()
    path = f"/api/orders/{order['order_uuid']}/"

    assert api().get(path, headers={header: str(ALICE.uuid)}).status_code == 401
    assert api(MALLORY).get(path, headers={header: str(ALICE.uuid)}).status_code == 404


def test_a_list_shows_only_ones_own(api: Any, place: Any) -> None:
    mine = place()
    place(buyer=CAROL)

    def ids(person: Any, path: str) -> list[str]:
        return [row["order_uuid"] for row in api(person).get(path).json()["results"]["data"]]

    assert ids(ALICE, "/api/orders/") == [mine["order_uuid"]]
    assert ids(MALLORY, "/api/orders/") == []
    assert len(ids(BOB, "/api/orders/sold/")) == 2
    assert ids(ALICE, "/api/orders/sold/") == []
    assert api(MALLORY).get("/api/orders/stats/").json()["total_orders"] == 0


@pytest.mark.parametrize(
    "token",
    [
        "",
        "x.y.z",
        mint_user_token.__name__,
        "eyJhbGciOiJub25lIiwidHlwIjoiSldUIn0.eyJ1c2VyX2lkIjoiMDE5MDAwMDAifQ.",
    ],
)
def test_a_token_that_is_none_is_refused(api: Any, world: World, token: str) -> None:
    answer = api().get("/api/orders/", headers={"Authorization": f"Bearer {token}"})

    assert answer.status_code == 401
    assert answer.json()["code"] in ("1002", "1003")


def test_a_service_token_for_another_service_does_not_open_ours(api: Any, place: Any) -> None:
    path = f"/api/orders/internal/orders/{place()['order_uuid']}/"
    stolen = service_token("PaymentService", audience="NotificationService")

    assert api().get(path, headers={"X-Service-Authorization": f"Bearer {stolen}"}).status_code == 401


def test_only_the_payment_service_speaks_of_payments(world: World, place: Any, service_api: Any) -> None:
    event = world.event("payment.succeeded.v1", world.payment_for(place(), status="success"))

    answer = service_api("NotificationService").post("/event/payment_notified_cm", event)

    assert answer.status_code == 403
    assert Order.objects.get().status == 0


def test_a_removed_order_is_gone_for_one_side_only(api: Any, place: Any) -> None:
    path = f"/api/orders/{place()['order_uuid']}/"
    assert api(ALICE).post(f"{path}cancel/", {}).status_code == 200

    assert api(ALICE).delete(path).status_code == 200

    assert api(ALICE).get(path).status_code == 404
    assert api(ALICE).get("/api/orders/").json()["count"] == 0
    assert api(BOB).get(path).status_code == 200
    assert api(BOB).get("/api/orders/sold/").json()["count"] == 1
