"""HTTP of the order service: read the request, call one service, flow or selector, write the answer. No
decisions.

Top to bottom: what people call, what siblings call, the doors events come in by.
"""

import time
from typing import Any, ClassVar
from uuid import UUID

from rest_framework.request import Request
from rest_framework.response import Response

from common.idempotency.decorator import idempotent
from common.sagas.runner import Outcome
from common.tracing import current
from common.web.client_address import client_ip
from common.web.converters import Ref
from common.web.events import EventInboxAPIView, IncomingEvent
from common.web.pagination import cfmp_page
from common.web.parameters import choice_parameter
from common.web.principal import ADMIN_ROLE
from common.web.views import InternalAPIView, UserAPIView
from order import selectors, serializers
from order.sagas.cancel import order_cancel
from order.sagas.edit import order_change
from order.sagas.pay import order_pay
from order.sagas.payments import payment_event_take
from order.sagas.place import Wanted, order_place_for
from order.sagas.ship import order_hand_over
from order.sagas.timeline import order_timeline
from order.selectors import Viewer
from order.services.complete import order_complete
from order.services.edit import order_edit, order_hide
from order.services.logistics import logistics_take
from order.services.place import Shipping
from order.services.purchased import purchased_take

SIBLINGS = frozenset(
    {"PaymentService", "NotificationService", "UserService", "ProductService", "RootService"}
)
# What a request waits for a saga before it answers "in progress".
INLINE_SECONDS = 8.0


def _deadline() -> float:
    return current().deadline or time.monotonic() + INLINE_SECONDS


class _OrderView(UserAPIView):
    """What the people's views share: who looks, and one order's answer."""

    @property
    def viewer(self) -> Viewer:
        person = self.principal
        assert person.user_uuid is not None  # IsUser has seen to it
        # A token without roles belongs to no operator here: asking UserService is for admin paths.
        return Viewer(person.user_uuid, ADMIN_ROLE in (person.roles or ()))

    def order_answer(self, order_uuid: UUID, message: str) -> Response:
        return self.answer(serializers.order_json(selectors.order_detail(order_uuid)), message=message)

    def said(self, outcome: Outcome, order_uuid: UUID, done: str, running: str) -> Response:
        """What a saga has come to: the order, 202 while it goes on; raises what it was refused with."""
        if outcome.error is not None:
            raise outcome.error
        is_done = outcome.state == "done"
        answer = self.order_answer(order_uuid, done if is_done else running)
        answer.status_code = 200 if is_done else 202
        return answer


class OrderListAPIView(_OrderView):
    """What the caller bought, and placing an order."""

    request_schema = {"POST": serializers.OrderPlaceSerializer}
    query_schema = {"GET": serializers.OrderListQuerySerializer}
    answer_schema = serializers.OrderSerializer
    answer_shape = {"GET": "page"}

    listed = staticmethod(selectors.orders_bought_by)

    def get(self, request: Request) -> Response:
        statuses = choice_parameter(request, "status", selectors.STATUS_FILTERS, default=None)
        sort = choice_parameter(request, "sort", selectors.SORTS, default=selectors.SORTS["created_desc"])
        rows = self.listed(self.viewer.user_uuid, statuses=statuses, sort=sort)
        return cfmp_page(request, rows, lambda page: serializers.orders_json(selectors.with_items(page)))

    @idempotent
    def post(self, request: Request) -> Response:
        body = self.body()
        order = order_place_for(
            buyer_uuid=self.viewer.user_uuid,
            wanted=[Wanted(**line) for line in body["products"]],
            shipping=_shipping(body),
            seller_uuid=body.get("seller_uuid"),
            payment_method=body["payment_method"],
            remark=body["remark"],
        )
        return self.rebuild(order.order_uuid)

    def rebuild(self, resource_uuid: UUID) -> Response:
        return self.order_answer(resource_uuid, "订单创建成功")


def _shipping(body: dict[str, Any]) -> Shipping:
    return Shipping(
        **{name: body[f"shipping_{name}"] for name in ("name", "phone", "address", "postal_code")}
    )


class OrderSoldAPIView(OrderListAPIView):
    """What the caller sold."""

    http_method_names = ["get", "head"]
    listed = staticmethod(selectors.orders_sold_by)


class OrderStatsAPIView(_OrderView):
    """Counts and sums of what the caller bought."""

    answer_schema = serializers.OrderStatsSerializer
    answer_shape = "flat"

    def get(self, request: Request) -> Response:
        return self.flat(serializers.stats_json(selectors.order_stats(self.viewer.user_uuid)))


class OrderDetailAPIView(_OrderView):
    """One order: read, change its address or remark while it is pending, take it off one's list."""

    request_schema = {"PUT": serializers.OrderEditSerializer, "PATCH": serializers.OrderEditSerializer}
    answer_schema = dict.fromkeys(("GET", "PUT", "PATCH"), serializers.OrderSerializer)
    success_status: ClassVar[Any] = {"PUT": (200, 202), "PATCH": (200, 202)}

    def get(self, request: Request, ref: Ref) -> Response:
        return self.answer(serializers.order_json(selectors.order_detail_for(ref, self.viewer)))

    def patch(self, request: Request, ref: Ref) -> Response:
        order = selectors.order_get_for(ref, self.viewer, "edit")
        outcome = order_change(order=order, changes=self.body(), deadline=_deadline())
        return self.said(outcome, order.order_uuid, "订单更新成功", "订单更新处理中")

    put = patch

    def delete(self, request: Request, ref: Ref) -> Response:
        order = selectors.order_get_for(ref, self.viewer, "hide")
        order_hide(order_uuid=order.order_uuid, parts=selectors.parts_of(order, self.viewer))
        return self.answer(message="订单删除成功")


class OrderCancelAPIView(_OrderView):
    """Ends a pending order at once; a paid one is refunded first, which may outlast the request (202)."""

    request_schema = serializers.OrderCancelSerializer
    answer_schema = serializers.OrderSerializer
    success_status: ClassVar[Any] = (200, 202)

    def post(self, request: Request, ref: Ref) -> Response:
        order = selectors.order_get_for(ref, self.viewer, "cancel")
        reason = self.body()["reason"]
        outcome = order_cancel(
            order_uuid=order.order_uuid, actor=self.viewer.actor, reason=reason, deadline=_deadline()
        )
        return self.said(outcome, order.order_uuid, "订单取消成功", "订单取消处理中")

    put = post


class OrderCompleteAPIView(_OrderView):
    """The buyer confirms receipt (确认收货)."""

    answer_schema = serializers.OrderSerializer

    def post(self, request: Request, ref: Ref) -> Response:
        order = selectors.order_get_for(ref, self.viewer, "complete")
        order_complete(order_uuid=order.order_uuid, actor=self.viewer.actor)
        return self.order_answer(order.order_uuid, "确认收货成功")

    put = post


class OrderPayAPIView(_OrderView):
    """Creates the order's payment at the payment service; its data holds the pay URL and QR code.

    202 while the cashier is still being opened.
    """

    request_schema = serializers.OrderPaySerializer
    success_status: ClassVar[Any] = (200, 202)

    @idempotent
    def post(self, request: Request, ref: Ref) -> Response:
        order = selectors.order_get_for(ref, self.viewer, "pay")
        method = self.body().get("payment_method")
        data = order_pay(
            order=order, user_uuid=self.viewer.user_uuid, method=method, client_ip=client_ip(request)
        )
        waiting = data.get("payment_data") is None and not data.get("under_review")
        return self.answer(data, message="支付创建成功", status=202 if waiting else 200)


class OrderShipAPIView(_OrderView):
    """The seller hands the goods to a carrier."""

    request_schema = serializers.OrderShipSerializer
    answer_schema = serializers.OrderSerializer

    def post(self, request: Request, ref: Ref) -> Response:
        order = selectors.order_get_for(ref, self.viewer, "ship")
        order_hand_over(order=order, actor=self.viewer.actor, **self.body())
        return self.order_answer(order.order_uuid, "发货成功")


class OrderLogisticsAPIView(_OrderView):
    """Where the goods are."""

    answer_schema = serializers.LogisticsSerializer

    def get(self, request: Request, ref: Ref) -> Response:
        row = selectors.order_detail_for(ref, self.viewer)
        return self.answer(serializers.logistics_json(row, selectors.logistics_of(row["order_uuid"])))


class OrderTimelineAPIView(_OrderView):
    """Everything that happened to one order, in order of time."""

    answer_schema = serializers.TimelineSerializer

    def get(self, request: Request, ref: Ref) -> Response:
        return self.answer(order_timeline(selectors.order_get_for(ref, self.viewer), self.viewer))


class OrderInternalAPIView(InternalAPIView):
    """One order for siblings, by UUID, number or id. It calls nobody, so that calls form no circle."""

    allowed_callers = SIBLINGS
    request_schema = {"PATCH": serializers.OrderInternalEditSerializer}

    def get(self, request: Request, ref: Ref) -> Response:
        return self.answer(serializers.internal_order_json(selectors.order_facts(ref)))

    def patch(self, request: Request, ref: Ref) -> Response:
        order_edit(order_uuid=selectors.order_facts(ref)["order_uuid"], changes=self.body())
        return self.get(request, ref)


class PaymentNotifiedAPIView(EventInboxAPIView):
    """Paid, or authorized."""

    allowed_callers = frozenset({"PaymentService"})
    handled_types = frozenset({"payment.succeeded.v1", "payment.authorized.v1"})

    def handle(self, event: IncomingEvent) -> str:
        return payment_event_take(event)


class PaymentFailedAPIView(PaymentNotifiedAPIView):
    """Failed, or closed."""

    handled_types = frozenset({"payment.failed.v1", "payment.closed.v1"})


class RefundNotifiedAPIView(PaymentNotifiedAPIView):
    """A refund went through, or did not."""

    handled_types = frozenset({"payment.refund_succeeded.v1", "payment.refund_failed.v1"})


class LogisticsUpdatedAPIView(EventInboxAPIView):
    """A carrier reports."""

    allowed_callers = frozenset({"CarrierService", "RootService"})
    handled_types = frozenset({"logistics.updated.v1"})

    def handle(self, event: IncomingEvent) -> str:
        return logistics_take(event)


class PurchasedAPIView(EventInboxAPIView):
    """Purchases told from outside: noted, never believed."""

    allowed_callers = SIBLINGS

    def handle(self, event: IncomingEvent) -> str:
        return purchased_take(event)


class GroupUpdateAPIView(InternalAPIView):
    """Retired: answers 200 and does nothing, so that old senders stop repeating themselves."""

    family = "shopping"
    allowed_callers = SIBLINGS

    def post(self, request: Request) -> Response:
        return self.answer({"outcome": "retired"}, message="group_update is retired and does nothing")
