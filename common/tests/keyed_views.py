"""Views that create: one whose key is bound to what it makes, and one that is told how to end."""

from typing import Any, ClassVar
from uuid import UUID

from django.http import HttpResponse
from rest_framework.request import Request
from rest_framework.response import Response

from common.errors import Conflict, InvalidInput, NotFound, PeerTimeout, TooManyRequests
from common.idempotency.decorator import idempotent
from common.tests.ring.models import Parcel
from common.tests.ring.services import parcel_pack
from common.web.urls import both
from common.web.views import OptionalUserAPIView, UserAPIView, UserOrServiceAPIView


class ParcelPackAPIView(UserOrServiceAPIView):
    """Packs a parcel; `after` lets a test kill the request once the parcel is committed."""

    after: ClassVar[list[BaseException]] = []
    allowed_callers = frozenset({"PaymentService"})

    @idempotent
    def post(self, request: Request) -> Response:
        parcel = parcel_pack(weight=int(request.data["weight"]), actor=self.principal.actor)
        if self.after:
            raise self.after.pop()
        return self._present(parcel)

    def rebuild(self, resource_uuid: UUID) -> Response:
        return self._present(Parcel.objects.get(parcel_uuid=resource_uuid))

    def _present(self, parcel: Parcel) -> Response:
        return self.answer({"parcel_uuid": str(parcel.parcel_uuid), "weight": parcel.weight}, status=201)


class EndingAPIView(UserAPIView):
    """Ends as its body says; counts how often it really ran."""

    runs: ClassVar[list[str]] = []

    @idempotent
    def post(self, request: Request) -> Any:
        ending = request.data["ending"]
        self.runs.append(ending)
        errors = {
            "404": NotFound(),
            "409": Conflict(),
            "429": TooManyRequests(retry_after=3),
            "504": PeerTimeout(),
        }
        if ending in errors:
            raise errors[ending]
        if ending == "400":
            raise InvalidInput(fields={"weight": ["required: how heavy"]})
        if ending == "plain":
            return HttpResponse('{"plain": 1.50}', content_type="application/json")
        return self.answer({"runs": len(self.runs)}, status=int(ending))


class OptionalAPIView(OptionalUserAPIView):
    family = "shopping"

    runs: ClassVar[list[str]] = []

    @idempotent
    def post(self, request: Request) -> Response:
        self.runs.append("run")
        return self.answer({"runs": len(self.runs)})


class UnrebuildableAPIView(UserAPIView):
    @idempotent
    def post(self, request: Request) -> Response:
        parcel_pack(weight=1, actor=self.principal.actor)
        raise PeerTimeout()


urlpatterns = [
    *both("api/orders/keyed/parcels/", ParcelPackAPIView.as_view(), "keyed-pack"),
    *both("api/orders/keyed/endings/", EndingAPIView.as_view(), "keyed-ending"),
    *both("api/orders/keyed/other/", EndingAPIView.as_view(), "keyed-other"),
    *both("api/orders/keyed/unrebuildable/", UnrebuildableAPIView.as_view(), "keyed-unrebuildable"),
    *both("shopping/keyed", OptionalAPIView.as_view(), "keyed-optional"),
]
