"""The person's box inside the app.

The message is there since it was stored, so sending is a matter of record.
"""

from notification.channels.base import Channel, Outgoing
from notification.states import ChannelName, DeliveryDetail


class InAppChannel(Channel):
    name = ChannelName.IN_APP

    def send(self, message: Outgoing) -> DeliveryDetail:
        return DeliveryDetail.SHOWN_IN_APP
