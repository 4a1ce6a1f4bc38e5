"""Paying an order: attempt row → risk control → cashier. Stored, so that a crash between the three goes on
by itself.

`payment.create` runs inline; a held attempt ends it early, and the reviewer's release starts
`payment.release`.
"""

from __future__ import annotations

from typing import Any
from uuid import UUID

from django.conf import settings
from django.urls import reverse

from common import tracing
from common.live_settings import live
from common.sagas.definition import Saga, Step, StepWaiting
from common.sagas.runner import run, start
from common.transactions import in_transaction
from payment.clients.notification import risk_evaluate
from payment.errors import (
    MethodUnavailable,
    PaymentStateConflict,
    ProviderFailed,
    ProviderUnknown,
    RiskRefused,
)
from payment.gateways import CHANNELS, gateway_for
from payment.gateways.base import Charge
from payment.models import Payment
from payment.selectors import payment_by_uuid, payment_living, payment_to_judge
from payment.services.create import OrderHasLivingAttempt, payment_create
from payment.services.fail import payment_fail, shown
from payment.services.open import payment_opened, payment_unknown
from payment.services.risk import payment_record_risk, payment_release
from payment.states import AVAILABLE_METHODS, OrderFacts, PaymentMethod, PaymentStatus, RiskOutcome

Context = dict[str, Any]
ACTOR = "system:payment.create"
# With less of the caller's time left than this, a silence would be ours and not risk control's.
RISK_SECONDS = 2.0


def _evaluate(context: Context, key: UUID) -> Context:
    """Ask risk control once; its answer is stored before anything else happens.

    A caller in a hurry must not get past it: the worker then asks, with time of its own.
    """
    left = tracing.remaining()
    if left is not None and left < RISK_SECONDS:
        raise StepWaiting(0.0)
    payment = payment_to_judge(UUID(context["payment_uuid"]))
    answer = risk_evaluate(
        payment_uuid=payment.payment_uuid,
        order_uuid=payment.order_uuid,
        user_uuid=payment.user_uuid,
        amount=payment.amount,
        payment_method=payment.payment_method,
        client_ip=payment.client_ip,
        address_index=context.get("address_index"),
        key=key,
    )
    payment_record_risk(
        payment=payment,
        outcome=answer.outcome,
        assessment_uuid=answer.assessment_uuid,
        hold_unevaluated=live().risk_failure_mode == "closed",
    )
    return {"go_on": payment.status == PaymentStatus.PENDING and not payment.under_review}


def _open(context: Context, key: UUID) -> Context | None:
    """Ask the provider for the way to pay. A repeat asks for the same trade."""
    if not context.get("go_on", True):
        return None
    payment = payment_by_uuid(UUID(context["payment_uuid"]))
    if payment.status != PaymentStatus.PENDING:
        return None
    try:
        data = gateway_for(payment.payment_method).open(_charge(payment))
    except ProviderUnknown:
        payment_unknown(payment_uuid=payment.payment_uuid)
        raise
    except ProviderFailed as refused:
        payment_fail(
            payment_uuid=payment.payment_uuid, reason=refused.params.get("reason", "provider"), actor=ACTOR
        )
        return None
    payment_opened(payment=payment, pay_url=data.url, qr_code=data.qr_code)
    return None


CREATE = Saga(
    "payment.create", 1, (Step("risk", _evaluate), Step("open", _open, retries=6, longest_pause=30))
)
RELEASE = Saga("payment.release", 1, (Step("open", _open, retries=12, longest_pause=60),))


def payment_start(
    *,
    order: OrderFacts,
    method: PaymentMethod,
    subject: str,
    return_url: str,
    client_ip: str,
    actor: str,
    notify_url: str = "",
) -> Payment:
    """Start paying `order`, or answer with its living attempt; the payment as far as it got. Where the client
    is told (`notify_url`) is settled with the attempt.

    Raises MethodUnavailable, OrderNotPayable, PaymentStateConflict (paid already), RiskRefused,
    ProviderFailed.
    """
    if method not in AVAILABLE_METHODS or method.value in live().payment_methods_off:
        raise MethodUnavailable(method=method.value)
    living = payment_living(order.order_uuid)
    if living is None:
        living = _first_attempt(order, method, subject, return_url, client_ip, actor, notify_url)
    if living.status not in (PaymentStatus.PENDING, PaymentStatus.FAILED):
        raise PaymentStateConflict(data={"status": shown(living)})
    return living


def payment_resume(payment_uuid: UUID) -> bool:
    """The reviewer released a held attempt: on to the cashier, by the worker. Call it inside a
    transaction."""
    payment = payment_release(payment_uuid=payment_uuid)
    if payment is None:
        return False
    row = start(
        RELEASE,
        key=payment.payment_uuid.hex,
        context={"payment_uuid": str(payment.payment_uuid)},
        entity=payment.payment_uuid,
    )
    # Nobody here goes on with it: this is an event's door, whose sender should not wait for Alipay.
    type(row).objects.filter(pk=row.pk).update(lease_until=None, lease_owner="")
    return True


def _first_attempt(
    order: OrderFacts,
    method: PaymentMethod,
    subject: str,
    return_url: str,
    client_ip: str,
    actor: str,
    notify_url: str,
) -> Payment:
    def begin() -> tuple[Payment, Any]:
        payment = payment_create(
            order=order,
            method=method,
            subject=subject,
            return_url=return_url,
            client_ip=client_ip,
            actor=actor,
            notify_url=notify_url,
        )
        context = {"payment_uuid": str(payment.payment_uuid), "address_index": order.address_index}
        return payment, start(
            CREATE, key=payment.payment_uuid.hex, context=context, entity=payment.payment_uuid
        )

    try:
        payment, row = in_transaction(begin)
    except OrderHasLivingAttempt:
        winner = payment_living(order.order_uuid)
        if winner is None:
            raise PaymentStateConflict from None
        return winner
    run(row, deadline=tracing.current().deadline)
    payment = payment_by_uuid(payment.payment_uuid)
    if payment.risk_outcome == RiskOutcome.DECLINE:
        raise RiskRefused(data={"payment_uuid": str(payment.payment_uuid)})
    if payment.status == PaymentStatus.FAILED:
        raise ProviderFailed(reason=payment.failure_reason)
    return payment


def _charge(payment: Payment) -> Charge:
    back = reverse("payment-return", kwargs={"method": "alipay"})
    return Charge(
        out_trade_no=payment.out_trade_no,
        amount=payment.amount,
        subject=payment.subject,
        expires_at=payment.expires_at,
        return_url=f"{settings.CFMP.public_base_url}{back}",
        channel=CHANNELS[payment.payment_method],
    )
