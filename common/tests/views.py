"""One view of each kind, so that the web layer's promises can be asked for over HTTP."""

from decimal import Decimal
from typing import ClassVar

from django.db import OperationalError
from django.http import Http404, HttpRequest, HttpResponse
from rest_framework import serializers
from rest_framework.request import Request
from rest_framework.response import Response

from common.errors import PeerUnavailable, StateConflict
from common.tests.ring.models import Parcel
from common.web.converters import Ref
from common.web.events import EventInboxAPIView, IncomingEvent
from common.web.fields import AmountField, RefField
from common.web.pagination import cfmp_page, payment_page
from common.web.rendering import MoneyNumber
from common.web.urls import both
from common.web.views import (
    AdminAPIView,
    InternalAPIView,
    OpenAPIView,
    OptionalUserAPIView,
    UserAPIView,
    UserOrServiceAPIView,
)


class LineSerializer(serializers.Serializer):
    product_uuid = serializers.UUIDField()
    quantity = serializers.IntegerField(min_value=1, max_value=1000)


class BasketSerializer(serializers.Serializer):
    amount = AmountField()
    products = LineSerializer(many=True, required=False)
    remark = serializers.CharField(required=False, max_length=100, allow_blank=True)
    order = RefField(required=False)


class EchoAPIView(OpenAPIView):
    """Says back what it understood."""

    request_schema = BasketSerializer

    def post(self, request: Request) -> Response:
        body = self.body()
        return self.answer({"amount": body["amount"], "number": MoneyNumber(body["amount"])})


class OpenOnlyGetAPIView(OpenAPIView):
    def get(self, request: Request) -> Response:
        return self.answer({"language": self.language, "total": Decimal("12")})


class WhoAPIView(UserAPIView):
    def get(self, request: Request) -> Response:
        return self.answer({"user_uuid": self.principal.user_uuid, "actor": self.principal.actor})


class OptionalWhoAPIView(OptionalUserAPIView):
    family = "shopping"

    def get(self, request: Request) -> Response:
        return self.answer({"kind": self.principal.kind, "anonymous_key": self.principal.anonymous_key})


class AdminWhoAPIView(AdminAPIView):
    family = "payment_api"
    answer_schema = serializers.BooleanField

    def get(self, request: Request) -> Response:
        return self.answer(True)


class InternalWhoAPIView(InternalAPIView):
    allowed_callers = frozenset({"PaymentService"})

    def get(self, request: Request) -> Response:
        return self.answer({"service": self.principal.service})


class EitherWhoAPIView(UserOrServiceAPIView):
    allowed_callers = frozenset({"PaymentService"})

    def get(self, request: Request) -> Response:
        return self.answer({"actor": self.principal.actor})


class ParcelSerializer(serializers.Serializer):
    id = serializers.IntegerField()
    weight = serializers.IntegerField()


class ParcelFilterSerializer(serializers.Serializer):
    status = serializers.ChoiceField(["all", "sent"], required=False)


class ParcelListAPIView(OpenAPIView):
    query_schema = ParcelFilterSerializer
    answer_schema = ParcelSerializer
    answer_shape = "page"

    def get(self, request: Request) -> Response:
        rows = Parcel.objects.order_by("weight").values("id", "weight")
        if "size" in request.query_params:
            return payment_page(request, rows, list)
        return cfmp_page(request, rows, list)


class ParcelDetailAPIView(OpenAPIView):
    def get(self, request: Request, ref: Ref) -> Response:
        return self.answer({"kind": ref.kind, "value": str(ref.value)})


class ParcelStatsAPIView(OpenAPIView):
    answer_shape = "flat"

    def get(self, request: Request) -> Response:
        return self.flat({"total": 3})


class FailureAPIView(OpenAPIView):
    """Fails in the way it is asked to."""

    failures: ClassVar[dict[str, Exception]] = {
        "conflict": StateConflict(data={"status": "success"}),
        "peer": PeerUnavailable(peer="ProductService", retry_after=3),
        "missing": Http404("secret table name"),
        "bug": RuntimeError("secret detail"),
        "database": OperationalError(2006, "Server has gone away"),
    }

    def get(self, request: Request, kind: str) -> Response:
        raise self.failures[kind]


class ParcelEventAPIView(EventInboxAPIView):
    allowed_callers = frozenset({"PaymentService"})
    handled_types = frozenset({"payment.succeeded.v1"})
    seen: ClassVar[list[IncomingEvent]] = []

    def handle(self, event: IncomingEvent) -> str:
        self.seen.append(event)
        return "handled"


def plain_bug(request: HttpRequest) -> HttpResponse:
    raise RuntimeError("secret detail")


urlpatterns = [
    *both("api/orders/echo/", EchoAPIView.as_view(), "echo"),
    *both("api/orders/open/", OpenOnlyGetAPIView.as_view(), "open"),
    *both("api/orders/who/", WhoAPIView.as_view(), "who"),
    *both("shopping/who", OptionalWhoAPIView.as_view(), "optional-who"),
    *both("payments/who", AdminWhoAPIView.as_view(), "admin-who"),
    *both("api/orders/internal/who/", InternalWhoAPIView.as_view(), "internal-who"),
    *both("api/orders/either/", EitherWhoAPIView.as_view(), "either-who"),
    *both("api/orders/parcels/", ParcelListAPIView.as_view(), "parcel-list"),
    *both("api/orders/parcels/stats/", ParcelStatsAPIView.as_view(), "parcel-stats"),
    *both("api/orders/parcels/<order:ref>/", ParcelDetailAPIView.as_view(), "parcel-detail"),
    *both("api/orders/fail/<str:kind>/", FailureAPIView.as_view(), "fail"),
    *both("event/parcel", ParcelEventAPIView.as_view(), "parcel-event"),
    *both("api/orders/plain-bug/", plain_bug, "plain-bug"),
]
