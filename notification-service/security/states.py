"""Outcomes of a risk evaluation, levels, and the life of a case.

Room: plain Python data. Which facts lead to which outcome is `rules`; who decides a case is in services.
"""

from enum import IntEnum, StrEnum

from common.state_machine import StateMachine


class Outcome(IntEnum):
    """Ordered by severity, so that the strongest of several is their maximum.

    NOT_EVALUATED is honest about "no policy is switched on": skipped is not approved.
    REVIEW lets the payment go on and opens a case; BLOCK_AND_REVIEW holds it until the case is decided.
    """

    NOT_EVALUATED = 0
    APPROVE = 1
    REVIEW = 2
    BLOCK_AND_REVIEW = 3
    DECLINE = 4


class CaseState(IntEnum):
    """NONE needs nobody; OPEN waits for a reviewer; LAPSED: the payment ended before anybody decided."""

    NONE = 0
    OPEN = 1
    RELEASED = 2
    STOPPED = 3
    LAPSED = 4


class SecurityLevel(StrEnum):
    """How strict the score's bounds are, for the whole shop."""

    LOW = "low"
    MEDIUM = "medium"
    HIGH = "high"


class Severity(StrEnum):
    LOW = "low"
    MEDIUM = "medium"
    HIGH = "high"
    CRITICAL = "critical"


class BlockKind(StrEnum):
    """What a block list entry names: a user's UUID, an address' blind index, an IP address."""

    USER = "user"
    ADDRESS = "address"
    IP = "ip"


_C = CaseState

CASE_MACHINE = StateMachine(
    "risk case",
    _C,
    {
        "open": (frozenset({_C.NONE}), _C.OPEN),
        "release": (frozenset({_C.OPEN}), _C.RELEASED),
        "stop": (frozenset({_C.OPEN}), _C.STOPPED),
        "lapse": (frozenset({_C.OPEN}), _C.LAPSED),
    },
    _C.NONE,
)

OUTCOMES: dict[str, Outcome] = {outcome.name.lower(): outcome for outcome in Outcome}
CASE_STATES: dict[str, CaseState] = {state.name.lower(): state for state in CaseState}
# Outcomes a person has to look at.
REVIEWED = frozenset({Outcome.REVIEW, Outcome.BLOCK_AND_REVIEW})
# Cases that a person closed.
DECIDED = frozenset({CaseState.RELEASED, CaseState.STOPPED})
