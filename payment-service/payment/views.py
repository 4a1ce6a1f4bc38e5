"""HTTP in the CFMP family: parse, find what the caller may see, call one use case, answer. Alipay's own
family is in `alipay_views`. Rules live in services and flows; reads in selectors."""

from __future__ import annotations

from typing import Any, ClassVar
from uuid import UUID

from rest_framework.request import Request
from rest_framework.response import Response

from common.errors import PermissionRefused
from common.idempotency.decorator import idempotent
from common.web.client_address import client_ip
from common.web.converters import Ref
from common.web.events import EventInboxAPIView, IncomingEvent
from common.web.pagination import cfmp_page
from common.web.parameters import choice_parameter, uuid_parameter
from common.web.principal import Principal
from common.web.views import UserAPIView, UserOrServiceAPIView
from payment import selectors
from payment import serializers as shapes
from payment.errors import MethodUnavailable, RefundNotFound
from payment.sagas.create import payment_start
from payment.sagas.decide import risk_decided
from payment.sagas.order import order_for_buyer, order_handed_over, refund_terms
from payment.sagas.refund import refund_approve_and_send, refund_start
from payment.sagas.sync import payment_end
from payment.services.refund import refund_reject
from payment.states import OrderFacts, PaymentStatus, RefundSource, RefundStatus

CREATED = "支付创建成功"
STATUS_FILTER: dict[str, dict[str, Any]] = {
    "all": {},
    "pending": {"status": PaymentStatus.PENDING, "unknown": False},
    "processing": {"status": PaymentStatus.PENDING, "unknown": True},
    "success": {"status": PaymentStatus.SUCCEEDED},
    "failed": {"status": PaymentStatus.FAILED},
    "cancelled": {"status": PaymentStatus.CLOSED},
    "part_refunded": {"status": PaymentStatus.PART_REFUNDED},
    "refunded": {"status": PaymentStatus.REFUNDED},
}
REFUND_FILTER: dict[str, int | None] = {"all": None} | {state.name.lower(): state for state in RefundStatus}


def own(principal: Principal) -> UUID | None:
    """Whose rows the caller sees: their own; None (all) for siblings and for tokens that carry the ADMIN
    role.

    UserService is not asked here: these are everybody's paths.
    """
    if principal.is_service or (principal.roles is not None and principal.is_admin):
        return None
    return principal.user_uuid


class PaymentCreateAPIView(UserOrServiceAPIView):
    """Start paying an order; a second create answers with the living attempt."""

    allowed_callers = frozenset({"OrderService"})
    request_schema = shapes.PaymentCreateSerializer
    answer_schema: ClassVar[Any] = shapes.PaymentDetailSerializer
    answer_shape: ClassVar[Any] = "data"
    success_status: ClassVar[Any] = (200, 202)

    @idempotent
    def post(self, request: Request) -> Response:
        body = self.body()
        payment = payment_start(
            order=self._order(body),
            method=body["payment_method"],
            subject=body["payment_subject"],
            return_url=body["return_url"],
            # OrderService pays for a person and says from where; whoever calls for themselves is seen.
            client_ip=body["client_ip"] if self.principal.is_service else client_ip(request),
            actor=self.principal.actor,
        )
        return self._answer(payment)

    def rebuild(self, resource_uuid: UUID) -> Response:
        return self._answer(selectors.payment_by_uuid(resource_uuid))

    def _order(self, body: dict[str, Any]) -> OrderFacts:
        amount, buyer = body["amount"], self.principal.user_uuid
        if buyer is not None:
            return order_for_buyer(body["ref"], user_uuid=buyer, amount=amount)
        return order_handed_over(
            body["order"], order_ref=body["ref"], user_uuid=body["user_uuid"], amount=amount
        )

    def _answer(self, payment: Any) -> Response:
        data = shapes.payment_created(payment)
        waiting = data["payment_data"] is None and not payment.under_review
        return self.answer(data, message=CREATED, status=202 if waiting else 200)


class PaymentRecordsAPIView(UserAPIView):
    """The caller's own payments, newest first."""

    answer_schema = shapes.PaymentSerializer
    answer_shape = "page"

    def get(self, request: Request) -> Response:
        filters = choice_parameter(request, "status", STATUS_FILTER, default={})
        mine = selectors.payments_visible_to(self.principal.user_uuid)
        rows = mine.filter(**filters)
        if order_uuid := uuid_parameter(request, "order_uuid"):
            rows = rows.filter(order_uuid=order_uuid)
        return cfmp_page(request, rows, lambda found: [shapes.payment_shape(row) for row in found])


class PaymentDetailAPIView(UserOrServiceAPIView):
    """An order's payment: its living attempt, else its newest. Asks nobody."""

    allowed_callers = frozenset({"OrderService", "NotificationService"})
    answer_schema = shapes.PaymentDetailSerializer

    def get(self, request: Request, order: Ref) -> Response:
        payment = selectors.payment_get_for_order(order, user_uuid=own(self.principal))
        facts = selectors.ledger_of(payment) if self.principal.is_service else None
        may_pay = self.principal.is_service or payment.user_uuid == self.principal.user_uuid
        refunds = selectors.refunds_of(payment)
        return self.answer(shapes.payment_detail(payment, refunds, facts=facts, may_pay=may_pay))


class PaymentCancelAPIView(UserOrServiceAPIView):
    """Give up an attempt: the provider is asked and told first. A paid one is 6002 with `data.status`."""

    allowed_callers = frozenset({"OrderService"})
    request_schema = shapes.ReasonSerializer
    answer_schema = shapes.PaymentSerializer

    def post(self, request: Request, payment: Ref) -> Response:
        reason = self.body()["reason"] or "cancelled"
        row = selectors.payment_get(payment, user_uuid=own(self.principal))
        payment_end(row, reason=reason, actor=self.principal.actor)
        row = selectors.payment_by_uuid(row.payment_uuid)
        return self.answer(shapes.payment_shape(row), message="支付已取消")


class PaymentRefundAPIView(UserOrServiceAPIView):
    """Give money of an order's payment back: for OrderService at once, for people as policy allows."""

    allowed_callers = frozenset({"OrderService"})
    request_schema = shapes.RefundCreateSerializer
    answer_schema = shapes.RefundAnswerSerializer
    success_status: ClassVar[Any] = (200, 202)

    @idempotent
    def post(self, request: Request, order: Ref) -> Response:
        body = self.body()
        return self.refund(selectors.payment_of_party_for_order(order, user_uuid=own(self.principal)), body)

    def rebuild(self, resource_uuid: UUID) -> Response:
        return self.told(selectors.refund_get(resource_uuid, user_uuid=None))

    def refund(self, payment: Any, body: dict[str, Any]) -> Response:
        """Start the refund of `payment` for this caller."""
        if body["refund_method"] != "original_payment":
            raise MethodUnavailable(method=body["refund_method"])
        source, approved = self._terms(payment)
        refund = refund_start(
            payment=payment,
            amount=body["refund_amount"],
            reason=body["refund_reason"] or "",
            source=source,
            actor=self.principal.actor,
            approved=approved,
        )
        return self.told(refund)

    def told(self, refund: Any) -> Response:
        """What became of it so far: 202 while it is under way."""
        data = shapes.refund_answer(refund, refund.payment.order_id)
        messages = {"completed": "退款处理成功", "processing": "退款申请已受理", "failed": "退款失败"}
        status = 202 if data["refund_status"] == "processing" else 200
        return self.answer(data, message=messages[data["refund_status"]], status=status)

    def _terms(self, payment: Any) -> tuple[RefundSource, bool]:
        if self.principal.user_uuid is None:
            return RefundSource.ORDER_CANCEL, True
        return refund_terms(payment, user_uuid=self.principal.user_uuid, is_admin=own(self.principal) is None)


class PaymentListAPIView(PaymentCreateAPIView):
    """`GET` lists the caller's payments (all of them for administrators), `POST` is create."""

    answer_schema: ClassVar[Any] = {"GET": shapes.PaymentSerializer, "POST": shapes.PaymentDetailSerializer}
    answer_shape: ClassVar[Any] = {"GET": "page", "POST": "data"}
    success_status: ClassVar[Any] = {"GET": 200, "POST": (200, 202)}

    def get(self, request: Request) -> Response:
        filters = choice_parameter(request, "status", STATUS_FILTER, default={})
        rows = selectors.payments_visible_to(own(self.principal)).filter(**filters)
        return cfmp_page(request, rows, lambda found: [shapes.payment_shape(row) for row in found])


class PaymentRefundByIdAPIView(PaymentRefundAPIView):
    """The same refund, for a payment named by its own UUID or id."""

    @idempotent
    def post(self, request: Request, payment: Ref) -> Response:  # type: ignore[override]
        body = self.body()
        return self.refund(selectors.payment_of_party(payment, user_uuid=own(self.principal)), body)


class RefundListAPIView(UserAPIView):
    """Refunds of what the caller bought or sold; all for administrators."""

    answer_schema = shapes.RefundSerializer
    answer_shape = "page"

    def get(self, request: Request) -> Response:
        rows = selectors.refunds_visible_to(own(self.principal))
        for name, column in (("refund_id", "refund_uuid"), ("order_uuid", "order_uuid")):
            if (value := uuid_parameter(request, name)) is not None:
                rows = rows.filter(**{column: value})
        state = choice_parameter(request, "status", REFUND_FILTER, default=None)
        rows = rows if state is None else rows.filter(status=state)
        return cfmp_page(request, rows, lambda found: [shapes.refund_shape(row) for row in found])


class RefundDecideAPIView(UserAPIView):
    """What approving and rejecting share: the seller of the goods, or an administrator, decides."""

    request_schema = shapes.ReasonSerializer
    answer_schema = shapes.RefundSerializer

    def decidable(self, refund_uuid: UUID) -> Any:
        """The refund, if this caller may decide it; RefundNotFound for strangers, PermissionRefused for
        its buyer."""
        caller = self.principal.user_uuid
        refund = selectors.refunds_visible_to(caller).filter(refund_uuid=refund_uuid).first()
        if refund is not None and refund.seller_uuid == caller:
            return refund
        if self.principal.is_admin:
            return selectors.refund_get(refund_uuid, user_uuid=None)
        raise RefundNotFound if refund is None else PermissionRefused


class RefundApproveAPIView(RefundDecideAPIView):
    """Agree to a waiting refund; the provider is asked at once."""

    success_status: ClassVar[Any] = (200, 202)

    @idempotent
    def post(self, request: Request, refund_uuid: UUID) -> Response:
        refund = self.decidable(refund_uuid)
        refund = refund_approve_and_send(
            refund=refund, actor=self.principal.actor, reason=self.body()["reason"]
        )
        return self._told(refund)

    def rebuild(self, resource_uuid: UUID) -> Response:
        return self._told(selectors.refund_get(resource_uuid, user_uuid=None))

    def _told(self, refund: Any) -> Response:
        status = 202 if refund.status == RefundStatus.PROCESSING else 200
        return self.answer(shapes.refund_shape(refund), message="退款已同意", status=status)


class RefundRejectAPIView(RefundDecideAPIView):
    """Refuse a waiting refund."""

    @idempotent
    def post(self, request: Request, refund_uuid: UUID) -> Response:
        self.decidable(refund_uuid)
        refund = refund_reject(
            refund_uuid=refund_uuid, actor=self.principal.actor, reason=self.body()["reason"]
        )
        return self.answer(shapes.refund_shape(refund), message="退款已拒绝")

    def rebuild(self, resource_uuid: UUID) -> Response:
        return self.answer(
            shapes.refund_shape(selectors.refund_get(resource_uuid, user_uuid=None)), message="退款已拒绝"
        )


class PaymentInboxAPIView(EventInboxAPIView):
    """The door of events from siblings: risk control's decisions."""

    allowed_callers = frozenset({"NotificationService"})
    handled_types = frozenset({"risk.decided.v1"})

    def handle(self, event: IncomingEvent) -> str:
        return risk_decided(event)
