"""Deliver what is due.

Take it, ask UserService who the reader is, send through the channel, book how it ended.
An unstored flow: a crash anywhere leaves the rows claimed for a minute, then another worker takes them.
"""

from collections import defaultdict
from uuid import UUID

from common.errors import SuiteError
from common.live_settings import live
from common.log import get_logger
from notification.channels.base import Channel, Outgoing
from notification.channels.in_app import InAppChannel
from notification.clients.user import Person, user_find
from notification.services.deliver import (
    Due,
    deliveries_claim,
    deliveries_postpone,
    deliveries_settle,
)
from notification.states import ChannelName, DeliveryDetail

log = get_logger(__name__)

CHANNELS: dict[str, Channel] = {ChannelName.IN_APP: InAppChannel()}


def deliver_due(limit: int = 50) -> bool:
    """One round of deliveries; True when there was something to do. While NOTIFICATION_DELIVERING is
    false messages wait.
    """
    if not live().notification_delivering:
        return False
    by_reader: dict[UUID, list[Due]] = defaultdict(list)
    for one in deliveries_claim(limit=limit):
        by_reader[one.user_uuid].append(one)
    for user_uuid, due in by_reader.items():
        _deliver_to(user_uuid, due)
    return bool(by_reader)


def _deliver_to(user_uuid: UUID, due: list[Due]) -> None:
    try:
        person = user_find(user_uuid)
    except SuiteError as error:
        deliveries_postpone(due=due, error=error.name)
        return
    if person is None:
        log.warning("notification_no_such_user", user_uuid=str(user_uuid), messages=len(due))
        deliveries_settle(due=due, event="skip", detail=DeliveryDetail.NO_SUCH_USER)
        return
    _send(person, due)


def _send(person: Person, due: list[Due]) -> None:
    sent: dict[DeliveryDetail, list[Due]] = defaultdict(list)
    for one in due:
        message = Outgoing(one.id, one.user_uuid, person.email, one.title, one.content)
        try:
            sent[CHANNELS[one.channel].send(message)].append(one)
        except SuiteError as error:
            deliveries_postpone(due=[one], error=error.name)
    for detail, delivered in sent.items():
        deliveries_settle(due=delivered, event="deliver", detail=detail)
