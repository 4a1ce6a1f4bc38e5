"""A person's switches, one per type of message."""

from collections.abc import Mapping
from uuid import UUID

from common import clock
from common.transactions import transactional
from notification.models import NotificationPreference


@transactional
def preferences_update(*, user_uuid: UUID, switches: Mapping[int, bool]) -> None:
    """Store the given switches and leave the others as they are. Only messages yet to come are affected."""
    for type_, enabled in sorted(switches.items()):
        NotificationPreference.objects.update_or_create(
            user_uuid=user_uuid, type=type_, defaults={"enabled": enabled, "updated_at": clock.now()}
        )
