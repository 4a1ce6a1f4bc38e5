"""What the buyer and the seller do beside the money: edit, pay, ship, follow, receive, look back."""

from typing import Any
from uuid import NAMESPACE_URL, uuid5

import pytest

from common.errors import PeerTimeout
from common.pii import blind_index
from common.testing.people import OLIVE
from order.models import LogisticsEvent, Order, OrderTransition
from order.tests.world import World

pytestmark = pytest.mark.django_db


def _path(order: dict[str, Any], action: str = "") -> str:
    return f"/api/orders/{order['order_uuid']}/{action}"


def _report(service_api: Any, order: dict[str, Any], status: Any, **data: Any) -> Any:
    event = {
        "event_id": str(uuid5(NAMESPACE_URL, str(status))),
        "type": "logistics.updated.v1",
        "aggregate_id": order["order_uuid"],
        "version": 1,
        "occurred_at": "2026-11-21T05:00:00Z",
        "data": {"status": status, **data},
    }
    return service_api("RootService").post("/event/logistics_updated", event)


class TestEditing:
    @pytest.mark.parametrize("method", ["PUT", "PATCH"])
    def test_address_and_remark_change_while_pending(
        self, api: Any, place: Any, alice: Any, method: str
    ) -> None:
        order = place()
        change = {"shipping_address": "杭州市西湖区1号", "shipping_phone": "13900139000", "remark": "先电话"}

        answer = api(alice).request(method, _path(order), change)

        assert answer.json()["message"] == "订单更新成功"
        data = answer.json()["data"]
        assert {name: data[name] for name in change} == change
        assert data["shipping_name"] == "王小明"
        row = Order.objects.get()
        assert (row.shipping_phone_last4, row.closing_key) == ("9000", "")
        assert row.shipping_address_index == blind_index("杭州市西湖区1号")

    def test_a_paid_order_keeps_its_address(self, api: Any, world: World, place: Any, alice: Any) -> None:
        order = place()
        world.pay(order)

        answer = api(alice).patch(_path(order), {"shipping_address": "elsewhere"})

        assert (answer.status_code, answer.json()["name"]) == (409, "OrderNotEditable")
        assert Order.objects.get().shipping_address == "上海市浦东新区世纪大道1号"

    def test_siblings_may_change_two_fields(self, service_api: Any, place: Any) -> None:
        path = f"/api/orders/internal/orders/{place()['order_uuid']}/"

        changed = service_api("PaymentService").patch(path, {"payment_method": 1, "remark": "r"})
        refused = service_api("PaymentService").patch(path, {"remark": "x", "status": 1})

        assert (changed.status_code, changed.json()["data"]["payment_method"]) == (200, 1)
        assert (refused.status_code, list(refused.json()["errors"])) == (400, ["status"])
        assert Order.objects.get().remark == "r"


class TestPaying:
    def test_the_payment_service_gets_the_snapshot_and_no_address(
        self, api: Any, world: World, place: Any, alice: Any
    ) -> None:
        order = place()

        answer = api(alice).post(_path(order, "pay/"), {"payment_method": "alipay_wap"})

        assert "创建成功" in answer.json()["message"]
        assert answer.json()["data"]["payment_uuid"] == str(world.payments[0].payment_uuid)
        (call,) = world.transport.calls_to("PaymentService", "POST")
        assert (call.json["payment_method"], call.json["user_uuid"]) == ("alipay_wap", str(alice.uuid))
        assert call.json["order"]["payable_amount"] == "299.00"
        assert "13800138000" not in str(call.json)
        assert "世纪大道" not in str(call.json)
        assert call.json["order"]["address_index"] == blind_index("上海市 浦东新区世纪大道1号")

    def test_asking_again_finds_the_living_payment(
        self, api: Any, world: World, place: Any, alice: Any
    ) -> None:
        order = place()

        uuids = {api(alice).post(_path(order, "pay/"), {}).json()["data"]["payment_uuid"] for _ in range(2)}

        assert len(uuids) == 1

    @pytest.mark.parametrize(
        ("status", "code", "seen", "name"),
        [
            (403, "6004", 403, "PaymentDeclined"),
            (422, "6008", 409, "PaymentNotCreated"),
            (409, "6009", 409, "PaymentNotCreated"),
        ],
    )
    def test_a_refusal_is_told_as_ours(
        self, api: Any, world: World, place: Any, alice: Any, status: int, code: str, seen: int, name: str
    ) -> None:
        order = place()
        problem = {"code": code, "name": "X", "message": "", "data": None}
        world.transport.on("POST", "PaymentService", "/api/payment/create/", problem, status=status)

        answer = api(alice).post(_path(order, "pay/"), {})

        assert (answer.status_code, answer.json()["name"]) == (seen, name)
        assert answer.json()["data"] == {"code": code, "name": "X"}

    def test_an_outage_is_said(self, api: Any, world: World, place: Any, alice: Any) -> None:
        order = place()
        world.transport.fail("PaymentService", error=PeerTimeout)

        assert api(alice).post(_path(order, "pay/"), {}).status_code == 504


class TestShipping:
    @pytest.fixture
    def shipped(self, api: Any, world: World, place: Any, bob: Any) -> dict[str, Any]:
        order = place()
        world.pay(order)
        answer = api(bob).post(_path(order, "ship/"), {"carrier": "SF", "tracking_no": "SF1234567"})
        assert answer.json()["message"] == "发货成功"
        return order

    def test_shipping_says_so(self, api: Any, shipped: Any, alice: Any) -> None:
        seen = api(alice).get(_path(shipped)).json()["data"]

        assert (seen["status"], seen["fulfilment_status"]) == (1, 1)
        assert (seen["carrier"], seen["tracking_no"]) == ("SF", "SF1234567")
        assert seen["shipped_at"] == "2026-11-21T02:00:00Z"

    def test_an_operator_ships_for_a_seller(self, api: Any, world: World, place: Any) -> None:
        order = place()
        world.pay(order)

        answer = api(OLIVE).post(_path(order, "ship/"), {})

        assert answer.json()["data"]["tracking_no"].startswith("SIM")
        assert OrderTransition.objects.latest("id").actor == f"user:{OLIVE.uuid}"

    def test_the_simulated_carrier_reports_step_by_step(
        self, api: Any, shipped: Any, alice: Any, drain: Any, frozen_clock: Any, settings: Any
    ) -> None:
        def seen() -> list[str]:
            return [
                row["status"] for row in api(alice).get(_path(shipped, "logistics/")).json()["data"]["events"]
            ]

        step = settings.CFMP.logistics_step_seconds
        counts = []
        for _ in range(5):
            drain()
            counts.append(len(seen()))
            frozen_clock.move(seconds=step)

        assert counts == [0, 1, 2, 3, 4]
        assert seen() == ["delivered", "out_for_delivery", "in_transit", "accepted"]
        assert Order.objects.get().logistics_due_at is None

    def test_a_carriers_reports_count_once_in_any_order(
        self, service_api: Any, shipped: Any, api: Any, alice: Any
    ) -> None:
        outcomes = [
            _report(service_api, shipped, status, location="杭州").json()["data"]["outcome"]
            for status in ("in_transit", "accepted", "in_transit", "delivered", 2)
        ]

        assert outcomes == ["handled", "handled", "duplicate", "handled", "handled"]
        assert LogisticsEvent.objects.count() == 4
        assert Order.objects.get().fulfilment_status == 2

    def test_a_report_about_what_never_left_is_ignored(self, service_api: Any, place: Any) -> None:
        answer = _report(service_api, place(), "delivered")

        assert answer.json()["data"]["outcome"] == "ignored"
        assert Order.objects.get().fulfilment_status == 0

    @pytest.mark.parametrize("status", ["lost", 9, None, [], True])
    def test_an_unknown_report_is_refused(self, service_api: Any, shipped: Any, status: Any) -> None:
        assert _report(service_api, shipped, status).status_code == 400
        assert not LogisticsEvent.objects.exists()

    def test_receipt_before_delivery_receives_and_completes(self, api: Any, shipped: Any, alice: Any) -> None:
        data = api(alice).put(_path(shipped, "complete/"), {}).json()["data"]

        assert (data["status"], data["fulfilment_status"]) == (2, 2)
        moves = OrderTransition.objects.order_by("id").values_list("axis", "event")
        assert list(moves)[-2:] == [("fulfilment_status", "receive"), ("status", "complete")]

    def test_an_order_nobody_confirms_completes_by_itself(
        self, service_api: Any, shipped: Any, drain: Any, frozen_clock: Any
    ) -> None:
        _report(service_api, shipped, "delivered")
        frozen_clock.move(days=6, hours=23)
        drain()
        assert Order.objects.get().status == 1

        frozen_clock.move(hours=1)
        drain()

        assert Order.objects.get().status == 2
        assert OrderTransition.objects.latest("id").actor == "system:auto_complete"


class TestLookingBack:
    def test_the_timeline_tells_everything_in_order(
        self, api: Any, world: World, place: Any, alice: Any, bob: Any, drain: Any, frozen_clock: Any
    ) -> None:
        order = place()
        frozen_clock.move(seconds=30)
        api(alice).post(_path(order, "pay/"), {})
        world.payments[-1].status = "success"
        world.tell("payment.succeeded.v1", world.payments[-1])
        frozen_clock.move(seconds=30)
        api(bob).post(_path(order, "ship/"), {})
        drain()

        story = api(alice).get(_path(order, "timeline/")).json()["data"]

        assert (story["order_id"], story["missing"]) == (order["order_id"], [])
        told = [(entry["kind"], entry["what"]) for entry in story["entries"]]
        assert told[:2] == [("transition", "place"), ("event", "order.created.v1")]
        assert ("transition", "pay") in told
        assert ("transition", "ship") in told
        assert ("payment", "charge") in told
        assert ("notification", "order.paid.v1") in told
        assert [entry["at"] for entry in story["entries"]] == sorted(
            entry["at"] for entry in story["entries"]
        )
        assert "13800138000" not in str(story)

    def test_a_person_sees_their_own_notifications_only(
        self, api: Any, world: World, place: Any, alice: Any, bob: Any, drain: Any
    ) -> None:
        order = place()
        drain()

        def kinds(person: Any) -> list[str]:
            entries = api(person).get(_path(order, "timeline/")).json()["data"]["entries"]
            return [entry["kind"] for entry in entries]

        assert "notification" in kinds(alice)
        assert "notification" not in kinds(bob)
        assert "notification" in kinds(OLIVE)

    @pytest.mark.parametrize("peer", ["PaymentService", "NotificationService"])
    def test_a_gap_is_named(self, api: Any, world: World, place: Any, alice: Any, peer: str) -> None:
        order = place()
        world.transport.fail(peer)

        story = api(alice).get(_path(order, "timeline/")).json()["data"]

        assert story["missing"] == [peer]
        assert story["entries"]
