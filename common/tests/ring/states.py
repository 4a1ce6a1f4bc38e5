"""How a parcel moves."""

from enum import IntEnum

from common.state_machine import StateMachine


class ParcelStatus(IntEnum):
    PACKED = 0
    SENT = 1
    RECEIVED = 2
    LOST = 3


S = ParcelStatus
PARCEL = StateMachine(
    "parcel",
    ParcelStatus,
    {
        "send": (frozenset({S.PACKED}), S.SENT),
        "receive": (frozenset({S.SENT}), S.RECEIVED),
        "lose": (frozenset({S.PACKED, S.SENT}), S.LOST),
    },
    S.PACKED,
)
