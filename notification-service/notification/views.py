"""The HTTP face of messages: who calls, what they send, what they see. Decisions live below."""

from uuid import UUID

from rest_framework.request import Request
from rest_framework.response import Response

from common.errors import InvalidInput, PermissionRefused
from common.idempotency.decorator import idempotent
from common.outbox.inbox import IncomingEvent
from common.web.converters import Ref
from common.web.events import EventInboxAPIView
from common.web.pagination import cfmp_page
from common.web.parameters import bool_parameter, choice_parameter, text_parameter
from common.web.views import InternalAPIView, UserAPIView, UserOrServiceAPIView
from notification import selectors, serializers
from notification.events import HEARD
from notification.services.announce import notifications_announce
from notification.services.create import notification_create
from notification.services.mark_read import notification_mark_read, notifications_mark_all_read
from notification.services.prefer import preferences_update
from notification.services.remove import notification_delete
from notification.states import TYPE_NAMES

SIBLINGS = frozenset({"OrderService", "PaymentService"})
# Whose events they are, by the first word of the type. Risk control, in this very service, comes by the same
# road.
TELLERS = {"order": "OrderService", "payment": "PaymentService", "risk": "NotificationService"}
_TYPES: dict[str, int | None] = {name: kind.value for name, kind in TYPE_NAMES.items()}
# Numbers as well as names; `all` as the client's tabs have it.
TYPE_CHOICES = {"all": None, **_TYPES, **{str(value): value for value in _TYPES.values()}}


class _Creating:
    """Storing a sibling's message, for the two paths that do."""

    def create(self) -> Response:
        body = self.body()  # type: ignore[attr-defined]
        notification = notification_create(
            **{**body, "related_id": body.get("related_id") or "", "related_data": body.get("related_data")}
        )
        return self.created(serializers.notification_created(notification))

    def created(self, data: dict[str, object]) -> Response:
        return self.answer(data, message="通知创建成功")  # type: ignore[attr-defined, no-any-return]

    def rebuild(self, resource_uuid: UUID) -> Response:
        """The first answer again, after a crash before it was kept."""
        notification = selectors.notification_stored(resource_uuid)
        return self.created(serializers.notification_created(notification))


class NotificationCreateAPIView(_Creating, InternalAPIView):
    """Store a message for one person (siblings only)."""

    allowed_callers = SIBLINGS
    request_schema = serializers.NotificationCreateSerializer
    answer_schema = serializers.NotificationCreatedSerializer

    @idempotent
    def post(self, request: Request) -> Response:
        return self.create()


class NotificationListAPIView(_Creating, UserOrServiceAPIView):
    """The caller's messages; for a sibling, everybody's about one order. POST is for siblings alone."""

    allowed_callers = SIBLINGS
    request_schema = {"POST": serializers.NotificationCreateSerializer}
    answer_schema = {
        "GET": serializers.NotificationSerializer,
        "POST": serializers.NotificationCreatedSerializer,
    }
    query_schema = {"GET": serializers.NotificationQuerySerializer}
    answer_shape = {"GET": "page", "POST": "data"}

    def get(self, request: Request) -> Response:
        type_ = choice_parameter(request, "type", TYPE_CHOICES, default=None)
        read = _read_parameter(request)
        related_id = text_parameter(request, "related_id", longest=64)
        if self.principal.is_service:
            if not related_id:
                raise InvalidInput(fields={"related_id": ["required"]})
            rows = selectors.notifications_about(related_id, type=type_, read=read)
        else:
            rows = selectors.notifications_for(_reader(self), type=type_, read=read, related_id=related_id)
        language = self.language
        return cfmp_page(
            request, rows, lambda page: [serializers.notification_shown(row, language) for row in page]
        )

    @idempotent
    def post(self, request: Request) -> Response:
        if not self.principal.is_service:
            raise PermissionRefused
        return self.create()


class NotificationDetailAPIView(UserAPIView):
    """One of the caller's messages."""

    answer_schema = {"GET": serializers.NotificationSerializer, "DELETE": None}

    def get(self, request: Request, notification: Ref) -> Response:
        row = selectors.notification_get_for(_reader(self), notification)
        return self.answer(serializers.notification_shown(row, self.language))

    def delete(self, request: Request, notification: Ref) -> Response:
        row = selectors.notification_get_for(_reader(self), notification)
        notification_delete(user_uuid=_reader(self), notification_id=row["id"])
        return self.answer(message="通知已删除")


class NotificationReadAPIView(UserAPIView):
    """Mark one message read; any of three methods, any number of times."""

    answer_schema = serializers.ReadSerializer

    def post(self, request: Request, notification: Ref) -> Response:
        row = selectors.notification_get_for(_reader(self), notification)
        notification_mark_read(user_uuid=_reader(self), notification_id=row["id"])
        return self.answer({"id": row["id"], "read": True}, message="已标记为已读")

    put = patch = post


class NotificationReadAllAPIView(UserAPIView):
    """Mark everything read, or one type (`?type=`)."""

    answer_schema = serializers.ReadAllSerializer
    query_schema = serializers.TypeQuerySerializer

    def post(self, request: Request) -> Response:
        type_ = choice_parameter(request, "type", TYPE_CHOICES, default=None)
        updated = notifications_mark_all_read(user_uuid=_reader(self), type=type_)
        return self.answer({"updated": updated}, message=f"已标记{updated}条通知为已读")

    put = patch = post


class NotificationUnreadCountAPIView(UserAPIView):
    """How many of the caller's messages are unread, in all or of one type (`?type=`)."""

    answer_schema = serializers.UnreadCountSerializer
    query_schema = serializers.TypeQuerySerializer
    answer_shape = "flat"

    def get(self, request: Request) -> Response:
        type_ = choice_parameter(request, "type", TYPE_CHOICES, default=None)
        return self.flat({"unread_count": selectors.unread_count(_reader(self), type=type_)})


class NotificationPreferencesAPIView(UserAPIView):
    """The caller's switch per type. A muted type is stored but not shown; what is critical comes through."""

    request_schema = {"PUT": serializers.PreferencesSerializer}
    answer_schema = serializers.PreferencesSerializer

    def get(self, request: Request) -> Response:
        return self.answer(selectors.preferences_for(_reader(self)))

    def put(self, request: Request) -> Response:
        preferences_update(user_uuid=_reader(self), switches=serializers.switches_of(self.body()))
        return self.answer(selectors.preferences_for(_reader(self)), message="通知设置已更新")


class NotificationEventAPIView(EventInboxAPIView):
    """Everything that happens to orders, payments and risk cases comes in here."""

    allowed_callers = frozenset(TELLERS.values())
    handled_types = frozenset(HEARD)

    def handle(self, event: IncomingEvent) -> str:
        # Nobody speaks for another service: what an order did, only its service tells.
        if TELLERS[event.type.split(".")[0]] != self.principal.service:
            raise PermissionRefused
        return notifications_announce(event=event)


def _reader(view: UserAPIView | UserOrServiceAPIView) -> UUID:
    user_uuid = view.principal.user_uuid
    assert user_uuid is not None  # the permission saw to it
    return user_uuid


def _read_parameter(request: Request) -> bool | None:
    """`read`, or `is_read` as other clients say."""
    read = bool_parameter(request, "read")
    return bool_parameter(request, "is_read") if read is None else read
