"""Types of messages and the states of their deliveries.

Room: plain Python data. What a transition does beside moving lives in services.
"""

from enum import IntEnum, StrEnum

from common.state_machine import StateMachine


class NotificationType(IntEnum):
    """What the published client calls `type`; it filters by the names in lower case."""

    TRANSACTION = 0
    SYSTEM = 1
    PROMOTION = 2


TYPE_NAMES: dict[str, NotificationType] = {kind.name.lower(): kind for kind in NotificationType}


class ChannelName(StrEnum):
    """The ways a message goes out; each has a file in `channels`."""

    IN_APP = "in_app"


class DeliveryState(IntEnum):
    """One message on its way through one channel. FAILED waits for an operator."""

    QUEUED = 0
    DELIVERED = 1
    SKIPPED = 2
    FAILED = 3


class DeliveryDetail(StrEnum):
    """Why a delivery ended as it did: the answer to "why did I (not) get this"."""

    NONE = ""
    SHOWN_IN_APP = "shown_in_app"
    MUTED = "muted"
    NO_SUCH_USER = "no_such_user"
    GAVE_UP = "gave_up"


_D = DeliveryState

DELIVERY_MACHINE = StateMachine(
    "delivery",
    _D,
    {
        "deliver": (frozenset({_D.QUEUED}), _D.DELIVERED),
        "skip": (frozenset({_D.QUEUED}), _D.SKIPPED),
        "give_up": (frozenset({_D.QUEUED}), _D.FAILED),
        "redrive": (frozenset({_D.FAILED}), _D.QUEUED),
    },
    _D.QUEUED,
)
