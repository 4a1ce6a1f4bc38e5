"""The next release of the order service: a copy of the tree in which docs/upgrades.md was followed.

Two columns that the code before does not name, a second version of a saga beside the first, one more field
in every event, and the second version of one event told beside the first.
"""

from pathlib import Path

from tests.checkout import Checkout, copied_to

APP = "order-service/order"
# What an order of this release has, and what the code before leaves.
PRIORITY, BEFORE = 1, 0
MIGRATION = "next_release"


def next_release(root: Path, variables: dict[str, str]) -> Checkout:
    """The copy, with its migration written."""
    checkout = copied_to(root, **variables)
    _columns(checkout)
    _saga(checkout)
    _events(checkout)
    written = checkout.run("order-service", "manage.py", "makemigrations", "order", "--name", MIGRATION)
    assert written.returncode == 0, written.stdout + written.stderr
    return checkout


def _columns(checkout: Checkout) -> None:
    columns = f"""
    promised_at = models.DateTimeField(null=True, blank=True)
    priority = models.SmallIntegerField(default={PRIORITY}, db_default={BEFORE})
"""
    version = "    version = models.IntegerField(default=1)\n"
    checkout.replace(f"{APP}/models/order.py", version, version + columns)
    new_order = "    return Order(\n"
    promise = "        promised_at=clock.now() + timedelta(days=3),\n"
    checkout.replace(f"{APP}/services/place.py", new_order, new_order + promise)
    for file in ("listing", "serializers"):
        checkout.replace(
            f"{APP}/{file}.py", '    "id", "order', '    "promised_at", "priority", "id", "order'
        )


def _saga(checkout: Checkout) -> None:
    """One more step before the money is asked for; version 1 stays for the runs that began with it."""
    cancel = f"{APP}/sagas/cancel.py"
    second = """
def inspect(context: Context, key: UUID) -> Context:
    return {"inspected": True}


_LOOK, _CLOSE, _SETTLE, *_REST = CANCEL.steps
CANCEL_2 = Saga("order_cancel", 2, (_LOOK, _CLOSE, _SETTLE, Step("inspect", inspect, local=True), *_REST))


def order_cancel("""
    checkout.replace(cancel, "\ndef order_cancel(", second)
    checkout.replace(cancel, "start(CANCEL, ", "start(CANCEL_2, ")


def _events(checkout: Checkout) -> None:
    events = f"{APP}/events.py"
    both = """
def in_both_versions(event: Event) -> list[Event]:
    if event.type != CANCELLED:
        return [event]
    return [event, Event(CANCELLED_V2, event.aggregate, event.version, {"order": event.data})]


def order_event("""
    checkout.replace(events, "\ndef order_event(", both)
    checkout.replace(events, "_INBOX = ", 'CANCELLED_V2 = "order.cancelled.v2"\n_INBOX = ')
    checkout.replace(events, "_ALL = (\n", "_ALL = (\n    CANCELLED_V2,\n")
    checkout.replace(
        events, '"order_id": order.order_id,', '"order_id": order.order_id, "priority": order.priority,'
    )
    for file, told in (("cancel", "told"), ("mark_paid", "CANCELLED")):
        event = f"order_event(row, {told}, reason=row.cancel_reason)"
        checkout.replace(f"{APP}/services/{file}.py", f"[{event}]", f"in_both_versions({event})")
        checkout.replace(f"{APP}/services/{file}.py", " order_event\n", " in_both_versions, order_event\n")
