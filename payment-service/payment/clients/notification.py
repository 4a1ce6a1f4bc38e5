"""NotificationService, as payment needs it: what risk control says of a payment (call 6)."""

from __future__ import annotations

from dataclasses import dataclass
from decimal import Decimal
from typing import Any
from uuid import UUID

from common.errors import SuiteError
from common.log import get_logger
from common.money import format_amount
from common.service_client import service_client
from payment.states import RiskOutcome

PEER = "NotificationService"
log = get_logger(__name__)


@dataclass(frozen=True, slots=True)
class RiskAnswer:
    """NOT_EVALUATED when risk control could not be asked; who then decides is the caller's setting."""

    outcome: RiskOutcome
    assessment_uuid: UUID | None = None


def risk_evaluate(
    *,
    payment_uuid: UUID,
    order_uuid: UUID,
    user_uuid: UUID,
    amount: Decimal,
    payment_method: str,
    client_ip: str,
    address_index: str | None,
    key: UUID,
) -> RiskAnswer:
    """Ask risk control; `key` makes a repeat of the same question harmless. Never raises."""
    question = {
        "payment_uuid": str(payment_uuid),
        "order_uuid": str(order_uuid),
        "user_uuid": str(user_uuid),
        "amount": format_amount(amount),
        "payment_method": payment_method,
        "client_ip": client_ip or None,
        "address_index": address_index,
    }
    try:
        answer = service_client.post(
            PEER, "/api/internal/risk/evaluate/", json=question, idempotency_key=str(key)
        )
        return _read(answer.data["data"])
    except (SuiteError, KeyError, TypeError, ValueError, AttributeError) as wrong:
        # A shop that cannot ask still has a rule: RISK_FAILURE_MODE. Silence here must be visible.
        log.error("risk_not_evaluated", payment_uuid=str(payment_uuid), error=type(wrong).__name__)
        return RiskAnswer(RiskOutcome.NOT_EVALUATED)


def _read(data: dict[str, Any]) -> RiskAnswer:
    assessment = data.get("assessment_uuid")
    return RiskAnswer(RiskOutcome(data["outcome"]), UUID(assessment) if assessment else None)
