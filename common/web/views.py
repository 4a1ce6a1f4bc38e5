"""The view classes services derive from; each says who may call.

They hold no business rules and never see models.
"""

from __future__ import annotations

from dataclasses import replace
from typing import Any, ClassVar

from rest_framework.negotiation import DefaultContentNegotiation
from rest_framework.parsers import BaseParser
from rest_framework.permissions import BasePermission
from rest_framework.renderers import BaseRenderer
from rest_framework.request import Request
from rest_framework.response import Response
from rest_framework.serializers import BaseSerializer
from rest_framework.views import APIView

from common.tracing import bound, current
from common.web.authentication import (
    OptionalUserAuthentication,
    ServiceTokenAuthentication,
    UserTokenAuthentication,
)
from common.web.envelopes import Family, code_for, envelope
from common.web.parsing import StrictJSONParser
from common.web.permissions import IsAdmin, IsService, IsUser, IsUserOrService
from common.web.principal import Principal
from common.web.rendering import SuiteJSONRenderer
from common.web.schema import SuiteSchema

# A serializer class for every method of the view, or one per method name: {"POST": OrderPlaceSerializer}.
SchemaOf = type[BaseSerializer] | dict[str, Any] | None


class _OneRenderer(DefaultContentNegotiation):
    """Every answer is JSON whatever `Accept` says, so no client is ever told 406."""

    def select_renderer(
        self, request: Request, renderers: list[BaseRenderer], format_suffix: str | None = None
    ) -> tuple[BaseRenderer, str]:
        return renderers[0], renderers[0].media_type


class SuiteAPIView(APIView):
    """One operation or resource of a service, in its family's envelope.

    `request_schema`, `answer_schema` and `query_schema` document it; the first also feeds `self.body()`.
    """

    family: ClassVar[Family] = "cfmp"
    allowed_callers: ClassVar[frozenset[str]] = frozenset()
    request_schema: ClassVar[SchemaOf] = None
    answer_schema: ClassVar[SchemaOf] = None
    query_schema: ClassVar[SchemaOf] = None
    # "data": the answer goes into the envelope; "page": a page of it; "flat": beside `code`; "raw": as it is.
    answer_shape: ClassVar[str | dict[str, str]] = "data"
    success_status: ClassVar[int | dict[str, int]] = 200

    http_method_names = ["get", "post", "put", "patch", "delete", "head"]
    authentication_classes: Any = []
    permission_classes: list[type[BasePermission]] = []
    parser_classes: list[type[BaseParser]] = [StrictJSONParser]
    renderer_classes: list[type[BaseRenderer]] = [SuiteJSONRenderer]
    content_negotiation_class = _OneRenderer
    throttle_classes: Any = []
    versioning_class = None
    metadata_class = None
    schema = SuiteSchema()

    @property
    def principal(self) -> Principal:
        """The verified caller."""
        return self.request.user

    def initial(self, request: Request, *args: Any, **kwargs: Any) -> None:
        # The method is refused before the caller is: a 405 tells nothing a stranger may not know.
        if not hasattr(self, request.method.lower()) or request.method.lower() not in self.http_method_names:
            self.http_method_not_allowed(request, *args, **kwargs)
        super().initial(request, *args, **kwargs)

    def perform_authentication(self, request: Request) -> None:
        super().perform_authentication(request)
        # From here on histories, logs and stored events know who acted.
        if request.user.is_authenticated and (scope := getattr(request._request, "suite_scope", None)):
            scope.enter_context(bound(replace(current(), actor=request.user.actor)))

    def body(self) -> dict[str, Any]:
        """The validated body, by `request_schema`.

        Raises DRF's ValidationError (answered as InvalidInput).
        """
        schema = self.request_schema
        serializer_class = schema[self.request.method] if isinstance(schema, dict) else schema
        assert serializer_class is not None, "body() needs request_schema"
        serializer = serializer_class(data=self.request.data)
        serializer.is_valid(raise_exception=True)
        return serializer.validated_data

    def answer(self, data: Any = None, *, message: str = "success", status: int = 200) -> Response:
        """`data` in the envelope of this view's family."""
        return Response(envelope(self.family, data, message=message), status=status)

    def flat(self, data: dict[str, Any], *, status: int = 200) -> Response:
        """`data` beside `code` instead of inside an envelope (stats and unread counts)."""
        return Response({"code": code_for(self.family, 200), **data}, status=status)

    @property
    def language(self) -> str:
        """`zh` or `en`, by Accept-Language."""
        return current().language


class OpenAPIView(SuiteAPIView):
    """Anybody may call; credentials are not even read."""


class UserAPIView(SuiteAPIView):
    """A person with a verified token."""

    authentication_classes = [UserTokenAuthentication]
    permission_classes = [IsUser]


class OptionalUserAPIView(SuiteAPIView):
    """A person or nobody; a token that does not verify is still refused."""

    authentication_classes = [OptionalUserAuthentication]


class InternalAPIView(SuiteAPIView):
    """A sibling service named in `allowed_callers`; user tokens do not open it."""

    authentication_classes = [ServiceTokenAuthentication]
    permission_classes = [IsService]


class UserOrServiceAPIView(SuiteAPIView):
    """A person, or a sibling service named in `allowed_callers`."""

    authentication_classes = [ServiceTokenAuthentication, UserTokenAuthentication]
    permission_classes = [IsUserOrService]


class AdminAPIView(SuiteAPIView):
    """A person who administers the shop."""

    authentication_classes = [UserTokenAuthentication]
    permission_classes = [IsAdmin]
