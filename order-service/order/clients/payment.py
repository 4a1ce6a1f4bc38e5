"""PaymentService: create, read, close and refund the payments of an order."""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from decimal import Decimal
from typing import Any
from uuid import UUID

from common.errors import InvalidAmount, PeerBroken, PeerRejected
from common.money import parse_amount
from common.service_client import service_client

PEER = "PaymentService"
# "refunded" is left out: money that came too late and went back reads the same, and pays for nothing.
PAID = frozenset({"success", "part_refunded"})
LIVING = frozenset({"pending", "processing"})
# 6002: the payment is in another state than the call needs; its data names it.
WRONG_STATE = "6002"


@dataclass(frozen=True, slots=True)
class RefundSeen:
    """One refund: `status` is completed, processing or failed, as reference 1 names them."""

    refund_id: str
    amount: Decimal
    status: str


@dataclass(frozen=True, slots=True)
class PaymentSeen:
    """An order's living, else newest payment. `refunded_amount` is the total so far, CNY."""

    payment_uuid: UUID
    order_uuid: UUID
    amount: Decimal
    refunded_amount: Decimal
    status: str
    paid_at: datetime | None
    refunds: tuple[RefundSeen, ...]
    raw: Mapping[str, Any]

    @property
    def is_paid(self) -> bool:
        return self.status in PAID

    @property
    def is_living(self) -> bool:
        return self.status in LIVING


def payment_create(
    *,
    user_uuid: UUID,
    payment_method: str,
    subject: str,
    snapshot: Mapping[str, Any],
    client_ip: str,
    key: UUID,
) -> dict[str, Any]:
    """Create the order's payment, or get the living one: its `data` as the client reads it.

    `client_ip` is the buyer's, which risk control looks at; ours says nothing.
    """
    body = {
        "order_uuid": snapshot["order_uuid"],
        "user_uuid": str(user_uuid),
        "payment_method": payment_method,
        "payment_subject": subject,
        "client_ip": client_ip,
        "order": dict(snapshot),
    }
    answer = service_client.post(PEER, "/api/payment/create/", json=body, idempotency_key=str(key))
    return dict(_data(answer.data))


def payment_read(order_uuid: UUID) -> PaymentSeen | None:
    """The order's payment, or None when it never had one."""
    try:
        answer = service_client.get(PEER, f"/api/payment/{order_uuid}/")
    except PeerRejected as refusal:
        if refusal.peer_status == 404:
            return None
        raise
    return _payment(_data(answer.data))


def payment_close(payment_uuid: UUID, *, key: UUID) -> str:
    """Ask the provider and close the payment; returns the status it then has: "success" when it was paid
    already.

    Raises PeerRejected when it may not be closed, the other peer errors when the provider cannot say.
    """
    path = f"/api/payment/{payment_uuid}/cancel/"
    try:
        answer = service_client.post(PEER, path, json={}, idempotency_key=str(key))
    except PeerRejected as refusal:
        if status := _status_in(refusal):
            return status
        raise
    return str(_data(answer.data).get("status", ""))


def _status_in(refusal: PeerRejected) -> str:
    if str(refusal.peer_code) != WRONG_STATE or not isinstance(refusal.peer_data, Mapping):
        return ""
    return str(refusal.peer_data.get("status", ""))


def payment_refund(
    *, order_uuid: UUID, amount: Decimal, reason: str, snapshot: Mapping[str, Any], key: UUID
) -> RefundSeen:
    """Refund `amount` (CNY) of the order's payment. The body must stay the same for one key."""
    body = {
        "refund_amount": amount,
        "refund_reason": reason,
        "refund_method": "original_payment",
        "order": dict(snapshot),
    }
    path = f"/api/payment/{order_uuid}/refund/"
    return _refund(_data(service_client.post(PEER, path, json=body, idempotency_key=str(key)).data))


def payment_return(payment_uuid: UUID, *, reason: str, key: UUID) -> RefundSeen:
    """Refund all that is left of this very payment, whichever the order's is."""
    body = {"refund_reason": reason, "refund_method": "original_payment"}
    path = f"/api/payments/{payment_uuid}/refund/"
    return _refund(_data(service_client.post(PEER, path, json=body, idempotency_key=str(key)).data))


def _data(answer: Any) -> Mapping[str, Any]:
    data = answer.get("data") if isinstance(answer, Mapping) else None
    if not isinstance(data, Mapping):
        raise PeerBroken(peer=PEER, reason="no data")
    return data


def _payment(data: Mapping[str, Any]) -> PaymentSeen:
    try:
        return PaymentSeen(
            payment_uuid=UUID(str(data["payment_uuid"])),
            order_uuid=UUID(str(data["order_uuid"])),
            amount=parse_amount(data["amount"]),
            refunded_amount=parse_amount(data.get("refunded_amount") or 0, zero_ok=True),
            status=str(data["status"]),
            paid_at=_time(data.get("paid_at")),
            refunds=tuple(_refund(refund) for refund in data.get("refunds") or ()),
            raw=data,
        )
    except (KeyError, TypeError, ValueError, InvalidAmount) as problem:
        raise PeerBroken(peer=PEER, reason=f"payment: {type(problem).__name__}") from problem


def _refund(data: Mapping[str, Any]) -> RefundSeen:
    try:
        return RefundSeen(
            str(data["refund_id"]), parse_amount(data["refund_amount"]), str(data["refund_status"])
        )
    except (KeyError, TypeError, InvalidAmount) as problem:
        raise PeerBroken(peer=PEER, reason=f"refund: {type(problem).__name__}") from problem


def _time(text: Any) -> datetime | None:
    return datetime.fromisoformat(text) if text else None
