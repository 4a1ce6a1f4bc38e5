"""ProductService, PaymentService and NotificationService as the order service sees them, in memory.

They answer through the fake transport with the shapes of `contracts/`, and keep the neighbours' documented
faults: a stock change is added as often as it is sent.
"""

from dataclasses import dataclass, field
from decimal import Decimal
from typing import Any
from uuid import UUID

from common import clock
from common.ids import new_uuid
from common.testing.people import BOB

TEA = UUID("01900000-0000-7000-9000-000000000001")
CUP = UUID("01900000-0000-7000-9000-000000000002")


@dataclass
class Goods:
    """One product at ProductService."""

    product_uuid: UUID
    product_id: int
    title: str
    price: str
    stock: int
    status: int = 0
    seller: UUID = BOB.uuid


@dataclass
class Paid:
    """One payment at PaymentService."""

    payment_uuid: UUID
    order_uuid: str
    amount: str
    user_uuid: str
    seller_uuid: str
    order_id: str
    status: str = "pending"
    version: int = 1
    late: bool = False  # it came after the attempt was closed and never paid the order
    refunds: dict[str, dict[str, Any]] = field(default_factory=dict)

    @property
    def asked(self) -> Decimal:
        """Given back or on its way."""
        living = [one for one in self.refunds.values() if one["refund_status"] != "failed"]
        return sum((Decimal(str(one["refund_amount"])) for one in living), Decimal("0.00"))

    @property
    def refunded(self) -> Decimal:
        done = [one for one in self.refunds.values() if one["refund_status"] == "completed"]
        return sum((Decimal(str(one["refund_amount"])) for one in done), Decimal("0.00"))


class World:
    """The neighbours; `transport` shows what was asked of them and can make them fail."""

    def __init__(self, transport: Any, service_api: Any) -> None:
        self.transport, self.service_api = transport, service_api
        self.goods = {
            TEA: Goods(TEA, 1, "龙井茶 Longjing tea", "299.00", 10),
            CUP: Goods(CUP, 2, "青瓷杯 Celadon cup", "9.90", 100),
        }
        self.payments: list[Paid] = []
        self.refund_outcome = "completed"
        self.close_outcome = "cancelled"
        self.told: list[dict[str, Any]] = []
        self._answer()

    # bodies and events

    def order_body(self, product: UUID = TEA, quantity: int = 1, **changes: Any) -> dict[str, Any]:
        body = {
            "products": [{"product_uuid": str(product), "quantity": quantity}],
            "seller_uuid": str(BOB.uuid),
            "payment_method": 0,
            "remark": "轻放",
            "shipping_name": "王小明",
            "shipping_phone": "13800138000",
            "shipping_address": "上海市浦东新区世纪大道1号",
            "shipping_postal_code": "200120",
        }
        return {**body, **changes}

    def payment_for(self, order: dict[str, Any], status: str = "pending", amount: str = "") -> Paid:
        """A payment attempt of `order` at the payment service."""
        paid = Paid(
            payment_uuid=new_uuid(),
            order_uuid=str(order["order_uuid"]),
            amount=amount or str(order["total_amount"]),
            user_uuid=str(order["buyer_uuid"]),
            seller_uuid=str(order["seller_uuid"]),
            order_id=str(order["order_id"]),
            status=status,
        )
        self.payments.append(paid)
        return paid

    def pay(self, order: dict[str, Any]) -> Paid:
        """The order's payment succeeds and the order service is told."""
        paid = self.payment_for(order, status="success")
        answer = self.tell("payment.succeeded.v1", paid)
        assert answer.status_code == 200, answer.content
        return paid

    def event(self, kind: str, paid: Paid, **data: Any) -> dict[str, Any]:
        paid.version += 1
        return {
            "event_id": str(new_uuid()),
            "type": kind,
            "aggregate_id": str(paid.payment_uuid),
            "version": paid.version,
            "occurred_at": clock.rfc3339(clock.now()),
            "data": {
                "payment_uuid": str(paid.payment_uuid),
                "order_uuid": paid.order_uuid,
                "order_id": paid.order_id,
                "user_uuid": paid.user_uuid,
                "seller_uuid": paid.seller_uuid,
                "amount": paid.amount,
                "refunded_amount": str(paid.refunded),
                "status": paid.status,
                "transaction_id": "2026112122001",
                "payment_method": "alipay",
                "paid_at": clock.rfc3339(clock.now()),
                "reason": "",
                **data,
            },
        }

    DOORS = {
        "payment.succeeded.v1": "/event/payment_notified_cm",
        "payment.authorized.v1": "/event/payment_notified_cm",
        "payment.failed.v1": "/event/payment_failed_cm",
        "payment.closed.v1": "/event/payment_failed_cm",
        "payment.refund_succeeded.v1": "/event/refund_notified",
        "payment.refund_failed.v1": "/event/refund_notified",
    }

    def tell(self, kind: str, paid: Paid, **data: Any) -> Any:
        """Deliver one payment event at its door."""
        return self.deliver(self.event(kind, paid, **data))

    def deliver(self, event: dict[str, Any]) -> Any:
        door = self.DOORS[event["type"]]
        return self.service_api("PaymentService").post(door, event, key=event["event_id"])

    def refund(self, paid: Paid, amount: str, status: str = "completed") -> dict[str, Any]:
        """A refund made at the payment service; the order service has not heard of it."""
        one = self._new_refund(paid, amount, status)
        paid.refunds[one["refund_id"]] = one
        self._settle(paid)
        return one

    def _new_refund(self, paid: Paid, amount: str, status: str) -> dict[str, Any]:
        return {
            "success": True,
            "refund_id": str(new_uuid()),
            "order_id": paid.order_id,
            # A JSON number, as reference 1 shows it.
            "refund_amount": float(amount),
            "refund_status": status,
            "estimated_arrival": "3-5个工作日",
        }

    def _settle(self, paid: Paid) -> None:
        if paid.refunded:
            paid.status = "refunded" if paid.refunded >= Decimal(paid.amount) else "part_refunded"

    # answers

    def _answer(self) -> None:
        on = self.transport.on
        on("GET", "ProductService", "/api/product/{uuid}/", self._product)
        on("POST", "ProductService", "/api/product/{uuid}/update-stock/", self._update_stock)
        on("POST", "ProductService", "/api/products/{uuid}/restore-stock/", self._update_stock)
        on("POST", "PaymentService", "/api/payment/create/", self._create)
        on("GET", "PaymentService", "/api/payment/{order}/", self._read)
        on("POST", "PaymentService", "/api/payment/{uuid}/cancel/", self._close)
        on("POST", "PaymentService", "/api/payment/{order}/refund/", self._refund)
        on("POST", "PaymentService", "/api/payments/{uuid}/refund/", self._return)
        on("GET", "NotificationService", "/api/notifications/", self._notifications)
        on("POST", "NotificationService", "/event/inbox", self._hear)

    def _goods(self, call: Any) -> Goods | None:
        return self.goods.get(UUID(call.path.split("/")[3]))

    def _product(self, call: Any) -> Any:
        goods = self._goods(call)
        if goods is None:
            return 404, {"success": False}
        return 200, {
            "product_id": goods.product_id,
            "product_uuid": str(goods.product_uuid),
            "title": goods.title,
            "price": goods.price,
            "stock": goods.stock,
            "status": goods.status,
            "user_info": {"user_id": str(goods.seller), "username": "bob"},
            "media": [{"media": f"/media/{goods.product_id}.svg"}],
        }

    def _update_stock(self, call: Any) -> Any:
        goods = self._goods(call)
        assert goods is not None
        old = goods.stock
        if old + call.json["quantity"] < 0:
            return 400, {"success": False, "message": "库存不足"}
        goods.stock += call.json["quantity"]
        return 200, {"success": True, "data": {"old_stock": old, "current_stock": goods.stock}}

    def _of(self, order_uuid: str) -> Paid | None:
        return next((paid for paid in reversed(self.payments) if paid.order_uuid == order_uuid), None)

    def _create(self, call: Any) -> Any:
        paid = self._of(call.json["order_uuid"])
        if paid is None or paid.status not in ("pending", "processing"):
            paid = self.payment_for(call.json["order"])
        data = {"payment_id": 7, "payment_uuid": str(paid.payment_uuid), "status": paid.status}
        data |= {"amount": paid.amount, "under_review": False, "payment_data": {"qrcode": "qr", "url": "u"}}
        data |= {"expires_at": clock.rfc3339(clock.now())}
        return 200, {"code": "200", "message": "支付创建成功", "data": data}

    def _read(self, call: Any) -> Any:
        paid = self._of(call.path.split("/")[3])
        if paid is None:
            return 404, {"code": "6001", "name": "PaymentNotFound", "message": "", "data": None}
        return 200, {"code": "200", "message": "success", "data": self._payment(paid)}

    def _payment(self, paid: Paid) -> dict[str, Any]:
        return {
            "payment_id": 7,
            "payment_uuid": str(paid.payment_uuid),
            "order_uuid": paid.order_uuid,
            "order_id": paid.order_id,
            "user_uuid": paid.user_uuid,
            "amount": paid.amount,
            "status": paid.status,
            "payment_method": "alipay",
            "transaction_id": "2026112122001",
            "paid_at": clock.rfc3339(clock.now()) if paid.status != "pending" else None,
            "created_at": clock.rfc3339(clock.now()),
            "expires_at": clock.rfc3339(clock.now()),
            "refunded_amount": str(paid.refunded),
            "under_review": False,
            "payment_data": None,
            "refunds": list(paid.refunds.values()),
            "events": [
                {
                    "kind": "charge",
                    "outcome": "request",
                    "amount": paid.amount,
                    "at": clock.rfc3339(clock.now()),
                    "reference": paid.payment_uuid.hex,
                }
            ],
        }

    def _close(self, call: Any) -> Any:
        uuid = call.path.split("/")[3]
        paid = next(paid for paid in self.payments if str(paid.payment_uuid) == uuid)
        if paid.status == "success":
            return 409, {"code": "6002", "name": "PaymentStateConflict", "data": {"status": "success"}}
        paid.status = self.close_outcome
        return 200, {"code": "200", "message": "支付已取消", "data": {"status": paid.status}}

    def _refund(self, call: Any) -> Any:
        paid = self._of(call.path.split("/")[3])
        assert paid is not None
        return self._give_back(call, paid)

    def _return(self, call: Any) -> Any:
        uuid = call.path.split("/")[3]
        return self._give_back(call, next(paid for paid in self.payments if str(paid.payment_uuid) == uuid))

    def _give_back(self, call: Any, paid: Paid) -> Any:
        key = call.headers["Idempotency-Key"]
        if key not in paid.refunds:
            left = Decimal(paid.amount) - paid.asked
            # Without an amount it is all that is left, as at the payment service.
            amount = Decimal(call.json.get("refund_amount", left))
            if not 0 < amount <= left:
                return 422, {"code": "6005", "name": "RefundExceedsPayment", "message": "", "data": None}
            paid.refunds[key] = self._new_refund(paid, str(amount), self.refund_outcome)
            self._settle(paid)
        return 200, {"code": "200", "message": "退款处理成功", "data": paid.refunds[key]}

    def _notifications(self, call: Any) -> Any:
        about = [row for row in self.told if row["data"].get("order_uuid") == call.query["related_id"]]
        rows = [
            {
                "id": index,
                "user_uuid": row["data"]["buyer_uuid"],
                "title": row["type"],
                "read": False,
                "created_at": clock.rfc3339(clock.now()),
            }
            for index, row in enumerate(about)
        ]
        body = {"count": len(rows), "next": None, "previous": None}
        return 200, {**body, "results": {"code": "200", "message": "success", "data": rows}}

    def _hear(self, call: Any) -> Any:
        self.told.append(call.json)
        return 200, {"code": "200", "message": "success", "data": {"outcome": "handled"}}
