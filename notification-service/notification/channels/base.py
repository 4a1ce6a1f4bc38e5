"""What a channel is.

One way to reach a person. To add one, copy `in_app.py` and name it in `states.ChannelName`.
"""

from abc import ABC, abstractmethod
from dataclasses import dataclass
from typing import ClassVar
from uuid import UUID

from notification.states import ChannelName, DeliveryDetail


@dataclass(frozen=True, slots=True)
class Outgoing:
    """One message on its way to one person. `email` may be empty."""

    delivery_id: int
    user_uuid: UUID
    email: str
    title: str
    content: str


class Channel(ABC):
    """Sends at least once.

    A worker may die after sending and before booking, so a channel dedupes by `delivery_id`.
    """

    name: ClassVar[ChannelName]

    @abstractmethod
    def send(self, message: Outgoing) -> DeliveryDetail:
        """Send it and say how it went. Raises a retryable SuiteError to be asked again later."""
