"""Arming faults and taking them: the only place that reads or writes the table."""

import random
from typing import Any

from django.db.models import F, Q

from faults.kinds import KINDS
from faults.models import Fault

# The kinds' own numbers: least and most.
_NUMBERS = {"seconds": (0, 366 * 86400), "status": (400, 599), "times": (1, 100)}
_OWN = ("target", "operation", "subject", "kind", "remaining", "probability")


def fault_arm(*, target: str, kind: str, **given: Any) -> Fault:
    """Arms one fault; `remaining` counts how often it strikes (default 1, None: until cleared).

    Raises ValueError for a kind the target does not know, and for numbers that make no sense.
    """
    if kind not in KINDS.get(target, {}):
        raise ValueError(f"{target} knows these faults: {', '.join(KINDS.get(target, {}))}")
    remaining, probability = given.get("remaining", 1), given.get("probability", 1.0)
    if not (remaining is None or (isinstance(remaining, int) and remaining > 0)):
        raise ValueError("remaining is a whole number above zero, or null: until cleared")
    if not isinstance(probability, int | float) or not 0 <= probability <= 1:
        raise ValueError("probability is a number from 0 to 1")
    for name in _NUMBERS.keys() & given.keys():
        _check_number(name, given[name])
    return Fault.objects.create(
        target=target,
        kind=kind,
        operation=given.get("operation") or "",
        subject=str(given.get("subject") or ""),
        remaining=remaining,
        probability=probability,
        parameters={name: value for name, value in given.items() if name not in _OWN},
    )


def _check_number(name: str, value: object) -> None:
    least, most = _NUMBERS[name]
    if not isinstance(value, int | float) or not least <= value <= most:
        raise ValueError(f"{name} is a number from {least} to {most}")


def fault_take(
    target: str, operation: str, subject: str = "", *, kinds: tuple[str, ...] | None = None
) -> Fault | None:
    """The oldest armed fault that fits this call, counted down; None when nothing shall go wrong.

    `kinds` limits it to those the asking place can carry out.
    """
    fitting = (
        Fault.objects.filter(target=target)
        .filter(Q(operation="") | Q(operation=operation))
        .filter(Q(subject="") | Q(subject=subject))
        .order_by("id")
    )
    if kinds is not None:
        fitting = fitting.filter(kind__in=kinds)
    for fault in fitting:
        if fault.probability < 1 and random.random() >= fault.probability:
            continue
        if _counted_down(fault):
            return fault
    return None


def _counted_down(fault: Fault) -> bool:
    """Conditional UPDATE: two calls at once can't both take the last strike."""
    if fault.remaining is None:
        return True
    row = Fault.objects.filter(pk=fault.pk, remaining__gt=0)
    if not row.update(remaining=F("remaining") - 1):
        return False
    Fault.objects.filter(pk=fault.pk, remaining=0).delete()
    return True


def fault_list(targets: tuple[str, ...]) -> list[dict[str, Any]]:
    return [present(fault) for fault in Fault.objects.filter(target__in=targets).order_by("id")]


def fault_clear(targets: tuple[str, ...], fault_id: int | None = None) -> int:
    armed = Fault.objects.filter(target__in=targets)
    if fault_id is not None:
        armed = armed.filter(pk=fault_id)
    return armed.delete()[0]


def present(fault: Fault) -> dict[str, Any]:
    return {"id": fault.pk} | {name: getattr(fault, name) for name in _OWN} | fault.parameters
