"""Wire shapes of messages and preferences, in and out."""

import json
from collections.abc import Mapping
from typing import Any

from drf_spectacular.utils import extend_schema_field
from rest_framework import serializers

from notification.messages import render
from notification.models import Notification
from notification.states import TYPE_NAMES, NotificationType

LARGEST_RELATED_DATA = 4096


@extend_schema_field(
    {
        "oneOf": [
            {"type": "integer", "enum": [kind.value for kind in NotificationType]},
            {"type": "string", "enum": list(TYPE_NAMES)},
        ]
    }
)
class TypeField(serializers.Field):
    """A type by its number (0, 1, 2) or its name (transaction, system, promotion)."""

    default_error_messages = {"invalid": "0, 1, 2, transaction, system, promotion"}

    def to_internal_value(self, data: Any) -> int:
        if isinstance(data, str) and data.lower() in TYPE_NAMES:
            return TYPE_NAMES[data.lower()].value
        known = {kind.value for kind in NotificationType}
        if type(data) is int and data in known:
            return data
        if isinstance(data, str) and data in {str(value) for value in known}:
            return int(data)
        raise self.fail("invalid")

    def to_representation(self, value: Any) -> int:
        return int(value)


class RelatedDataField(serializers.DictField):
    """A small object; what it means is between its writer and its reader."""

    default_error_messages = {"too_big": f"at most {LARGEST_RELATED_DATA} bytes"}

    def to_internal_value(self, data: Any) -> dict[str, Any]:
        value = super().to_internal_value(data)
        text = json.dumps(value, default=str)
        if len(text) > LARGEST_RELATED_DATA:
            self.fail("too_big")
        plain: dict[str, Any] = json.loads(text)
        return plain


class NotificationCreateSerializer(serializers.Serializer):
    """What a sibling sends; nothing else of a row can be set from outside."""

    user_uuid = serializers.UUIDField()
    type = TypeField()
    title = serializers.CharField(max_length=100)
    content = serializers.CharField(max_length=5000)
    related_id = serializers.CharField(max_length=64, required=False, allow_blank=True, allow_null=True)
    related_data = RelatedDataField(required=False, allow_null=True)


class NotificationCreatedSerializer(serializers.Serializer):
    """The answer to a creation, exactly as documented."""

    id = serializers.IntegerField()
    user_uuid = serializers.UUIDField()
    type = serializers.IntegerField()
    title = serializers.CharField()
    content = serializers.CharField()
    read = serializers.BooleanField()
    created_at = serializers.DateTimeField()


class NotificationSerializer(NotificationCreatedSerializer):
    """One message as lists and details show it."""

    notification_uuid = serializers.UUIDField()
    type_name = serializers.CharField()
    is_read = serializers.BooleanField()
    read_at = serializers.DateTimeField(allow_null=True)
    related_id = serializers.CharField(allow_null=True)
    related_data = serializers.DictField()


class NotificationQuerySerializer(serializers.Serializer):
    """Filters of the list."""

    type = serializers.ChoiceField(choices=list(TYPE_NAMES), required=False)
    read = serializers.BooleanField(required=False)
    is_read = serializers.BooleanField(required=False)
    related_id = serializers.CharField(max_length=64, required=False)


class TypeQuerySerializer(serializers.Serializer):
    """The one filter of read-all and unread-count."""

    type = serializers.ChoiceField(choices=list(TYPE_NAMES), required=False)


class ReadSerializer(serializers.Serializer):
    id = serializers.IntegerField()
    read = serializers.BooleanField()


class ReadAllSerializer(serializers.Serializer):
    updated = serializers.IntegerField()


class UnreadCountSerializer(serializers.Serializer):
    unread_count = serializers.IntegerField()


@extend_schema_field({"type": "boolean"})
class StrictBooleanField(serializers.Field):
    """A JSON true or false; "yes" and 1 are somebody's mistake."""

    default_error_messages = {"invalid": "true, false"}

    def to_internal_value(self, data: Any) -> bool:
        if not isinstance(data, bool):
            self.fail("invalid")
        return bool(data)

    def to_representation(self, value: Any) -> bool:
        return bool(value)


class PreferencesSerializer(serializers.Serializer):
    """A switch per type; absent ones stay as they are."""

    transaction = StrictBooleanField(required=False)
    system = StrictBooleanField(required=False)
    promotion = StrictBooleanField(required=False)

    def validate(self, attrs: dict[str, bool]) -> dict[str, bool]:
        unknown = set(self.initial_data) - set(TYPE_NAMES)
        if unknown:
            raise serializers.ValidationError({name: [", ".join(TYPE_NAMES)] for name in sorted(unknown)})
        if not attrs:
            raise serializers.ValidationError({"body": [", ".join(TYPE_NAMES)]})
        return attrs


def switches_of(preferences: Mapping[str, bool]) -> dict[int, bool]:
    """Validated preferences by type number."""
    return {TYPE_NAMES[name].value: enabled for name, enabled in preferences.items()}


def notification_shown(row: Mapping[str, Any], language: str) -> dict[str, Any]:
    """A row of the selectors as lists and details show it, in the reader's language."""
    title, content = row["title"], row["content"]
    if row["template_key"]:
        title, content = render(row["template_key"], row["params"], language)
    return {
        "id": row["id"],
        "notification_uuid": row["notification_uuid"],
        "user_uuid": row["user_uuid"],
        "type": row["type"],
        "type_name": NotificationType(row["type"]).name.lower(),
        "title": title,
        "content": content,
        "read": row["read"],
        "is_read": row["read"],
        "read_at": row["read_at"],
        "created_at": row["created_at"],
        "related_id": row["related_id"] or None,
        "related_data": row["related_data"],
    }


def notification_created(notification: Notification) -> dict[str, Any]:
    """A message just stored, in the documented shape."""
    return {
        "id": notification.id,
        "user_uuid": notification.user_uuid,
        "type": notification.type,
        "title": notification.title,
        "content": notification.content,
        "read": notification.read,
        "created_at": notification.created_at,
    }
