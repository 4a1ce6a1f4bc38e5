"""Where messages are found.

Literals come first; the gateway routes neither POST on the list nor the internal block.
"""

from django.urls import register_converter
from django.urls.converters import get_converters

from common.web.converters import UserConverter
from common.web.urls import both
from notification import views


class NotificationConverter(UserConverter):
    """A message by its UUID or its id: the same two forms a user has."""


if "notification" not in get_converters():
    register_converter(NotificationConverter, "notification")

public = [
    *both("api/notifications/", views.NotificationListAPIView.as_view(), "notification-list"),
    *both("api/notifications/read-all/", views.NotificationReadAllAPIView.as_view(), "notification-read-all"),
    *both(
        "api/notifications/unread-count/",
        views.NotificationUnreadCountAPIView.as_view(),
        "notification-unread-count",
    ),
    *both(
        "api/notifications/preferences/",
        views.NotificationPreferencesAPIView.as_view(),
        "notification-preferences",
    ),
    *both(
        "api/notifications/detail/<notification:notification>/",
        views.NotificationDetailAPIView.as_view(),
        "notification-detail-alias",
    ),
    *both(
        "api/notifications/<notification:notification>/",
        views.NotificationDetailAPIView.as_view(),
        "notification-detail",
    ),
    *both(
        "api/notifications/<notification:notification>/read/",
        views.NotificationReadAPIView.as_view(),
        "notification-read",
    ),
]

internal = [
    *both(
        "api/internal/notifications/create/",
        views.NotificationCreateAPIView.as_view(),
        "notification-create",
    ),
    *both("event/inbox", views.NotificationEventAPIView.as_view(), "event-inbox"),
]

urlpatterns = [*public, *internal]
