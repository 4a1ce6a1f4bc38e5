"""State machines as data: event -> (sources, target).

Room: plain. It decides nothing about rows; `common.transactions.apply_transition` does the
compare-and-set with `sources()` and `target()`. The diagram in docs/states.md is drawn from here.
"""

from collections.abc import Mapping
from enum import Enum
from typing import Any

from common.errors import StateConflict

Transition = tuple[frozenset[Any], Any]


class StateMachine:
    """A named table of transitions over the members of one enum.

    Raises ValueError when built with a state that is no member, without sources, or with a state
    that nothing leads to: a table like that is a slip.
    """

    def __init__(
        self, name: str, states: type[Enum], transitions: Mapping[str, Transition], initial: Any
    ) -> None:
        self.name = name
        self.states = states
        self.initial = states(initial)
        self._transitions = {
            event: (frozenset(states(source) for source in sources), states(target))
            for event, (sources, target) in transitions.items()
        }
        self._check()

    def events(self) -> list[str]:
        """Every event, in the order of the table."""
        return list(self._transitions)

    def sources(self, event: str) -> frozenset[Any]:
        """The states `event` may start from. Raises KeyError for an unknown event."""
        return self._transitions[event][0]

    def target(self, event: str) -> Any:
        """The state `event` leads to. Raises KeyError for an unknown event."""
        return self._transitions[event][1]

    def allows(self, state: Any, event: str) -> bool:
        return state in self.sources(event)

    def after(self, state: Any, event: str) -> Any:
        """Where `event` leads from `state`. Raises StateConflict when it may not."""
        if not self.allows(state, event):
            raise StateConflict(data={"event": event})
        return self.target(event)

    def is_final(self, state: Any) -> bool:
        """Whether nothing leads out of `state`."""
        return all(state not in sources for sources, _ in self._transitions.values())

    def mermaid(self) -> str:
        """The diagram, in the order of the enum, so that it changes only when the table does."""
        order = list(self.states)
        lines = ["stateDiagram-v2", f"    [*] --> {self.initial.name.lower()}"]
        for event, (sources, target) in self._transitions.items():
            for source in sorted(sources, key=order.index):
                lines.append(f"    {source.name.lower()} --> {target.name.lower()}: {event}")
        lines += [f"    {state.name.lower()} --> [*]" for state in order if self.is_final(state)]
        return "\n".join(lines) + "\n"

    def _check(self) -> None:
        if empty := [event for event, (sources, _) in self._transitions.items() if not sources]:
            raise ValueError(f"{self.name}: events without a source: {empty}")
        reached = {target for _, target in self._transitions.values()} | {self.initial}
        if lost := [state.name for state in self.states if state not in reached]:
            raise ValueError(f"{self.name}: nothing leads to {lost}")
