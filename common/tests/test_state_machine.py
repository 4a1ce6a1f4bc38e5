"""State machines as data: the table is what is asked, drawn and checked."""

from enum import IntEnum, StrEnum

import pytest

from common.errors import StateConflict
from common.state_machine import StateMachine


class Door(IntEnum):
    OPEN = 0
    CLOSED = 1
    LOCKED = 2
    GONE = 9


TABLE = {
    "close": (frozenset({Door.OPEN}), Door.CLOSED),
    "open": (frozenset({Door.CLOSED}), Door.OPEN),
    "lock": (frozenset({Door.CLOSED}), Door.LOCKED),
    "unlock": (frozenset({Door.LOCKED}), Door.CLOSED),
    "remove": (frozenset({Door.OPEN, Door.CLOSED, Door.LOCKED}), Door.GONE),
}
MACHINE = StateMachine("door", Door, TABLE, Door.OPEN)


@pytest.mark.parametrize("event", list(TABLE))
@pytest.mark.parametrize("state", list(Door))
def test_every_pair_is_allowed_exactly_when_the_table_says_so(state: Door, event: str) -> None:
    sources, target = TABLE[event]

    assert MACHINE.allows(state, event) is (state in sources)
    assert MACHINE.allows(int(state), event) is (state in sources)
    assert (MACHINE.sources(event), MACHINE.target(event)) == (sources, target)


def test_after_leads_on_or_says_why_not() -> None:
    assert MACHINE.after(Door.OPEN, "close") is Door.CLOSED
    with pytest.raises(StateConflict):
        MACHINE.after(Door.LOCKED, "open")


def test_an_unknown_event_is_a_slip_not_a_refusal() -> None:
    with pytest.raises(KeyError):
        MACHINE.allows(Door.OPEN, "explode")


def test_only_the_end_is_final() -> None:
    assert [state for state in Door if MACHINE.is_final(state)] == [Door.GONE]


def test_the_diagram_is_drawn_in_a_stable_order() -> None:
    assert MACHINE.mermaid().splitlines() == [
        "stateDiagram-v2",
        "    [*] --> open",
        "    open --> closed: close",
        "    closed --> open: open",
        "    closed --> locked: lock",
        "    locked --> closed: unlock",
        "    open --> gone: remove",
        "    closed --> gone: remove",
        "    locked --> gone: remove",
        "    gone --> [*]",
    ]


class Money(StrEnum):
    UNPAID = "unpaid"
    PAID = "paid"


def test_states_may_be_words() -> None:
    machine = StateMachine("money", Money, {"pay": (frozenset({"unpaid"}), "paid")}, "unpaid")

    assert machine.allows("unpaid", "pay")
    assert machine.target("pay") is Money.PAID
    assert machine.events() == ["pay"]


@pytest.mark.parametrize(
    "table",
    [
        {"close": (frozenset({Door.OPEN}), 77)},
        {"close": (frozenset({77}), Door.CLOSED)},
        {**TABLE, "close": (frozenset(), Door.CLOSED)},
        {name: row for name, row in TABLE.items() if name != "remove"},
    ],
    ids=["unknown target", "unknown source", "no source", "unreachable state"],
)
def test_a_table_with_a_slip_is_refused(table: dict) -> None:
    with pytest.raises(ValueError):
        StateMachine("door", Door, table, Door.OPEN)
