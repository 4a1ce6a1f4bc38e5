"""Every flow that dies, and what is left out with its reason; `test_every_step` compares it with what is
registered."""

from tests.crash.flows import (
    Flow,
    can_be_paid,
    cancel,
    close,
    create,
    expire,
    held,
    is_cancelled,
    is_closed,
    is_given_back,
    is_looked_for,
    is_paid,
    is_partly_given_back,
    is_partly_given_back_or_not_at_all,
    is_released,
    is_taken_from_the_shelf,
    looked_at,
    opened,
    paid,
    pay,
    pay_and_be_told,
    pay_by_order,
    pay_unheard,
    placed,
    refund_is_looked_for,
    refund_part,
    refund_unheard,
    release,
    sell_one,
    told_to_the_twin,
    unsold,
)
from tests.crash.small_flows import (
    client_is_due,
    client_knows,
    has_moved_or_not,
    has_not_moved,
    is_placed_once,
    is_returned,
    is_stopped,
    move_house,
    not_to_be_asked_about,
    not_to_be_refunded,
    paid_although_cancelled,
    paid_and_not_told,
    place,
    release_is_due,
    released,
    reviewed,
    stays_paid,
    stop_is_due,
    stopped,
    stray_is_due,
    wished,
    with_a_client,
)

FLOWS = {
    "place an order": Flow("order", wished, place, is_placed_once, 3, 8),
    "cancel an order that awaits payment": Flow("order", opened, cancel, is_cancelled, 8, 32),
    "cancel a paid order": Flow("order", paid, cancel, is_given_back, 8, 32),
    "cancel an order whose refund is refused": Flow(
        "order", not_to_be_refunded, cancel, stays_paid, 8, 32, answers=(409,)
    ),
    "change the address of an order": Flow("order", looked_at, move_house, has_moved_or_not, 10, 40),
    "change the address while Alipay is silent": Flow(
        "order", not_to_be_asked_about, move_house, has_not_moved, 6, 32, answers=(502,)
    ),
    "pay through the order": Flow("order", placed, pay_by_order, can_be_paid, 2, 6),
    "create a payment": Flow("payment", placed, create, can_be_paid, 8, 24),
    "refund a part": Flow("payment", paid, refund_part, is_partly_given_back_or_not_at_all, 6, 16),
    "close a payment": Flow("payment", looked_at, close, is_closed, 5, 16),
    "be told of a payment": Flow("payment", told_to_the_twin, pay_and_be_told, is_paid, 1, 6),
    "expire an order": Flow("order-worker", opened, expire, is_cancelled, 6, 20),
    "return a payment of a cancelled order": Flow(
        "order-worker", looked_at, stray_is_due, is_returned, 4, 12, handed=paid_although_cancelled
    ),
    "send stock": Flow("order-worker", unsold, sell_one, is_taken_from_the_shelf, 4, 4),
    "find a payment nobody told of": Flow(
        "payment-worker", opened, pay_unheard, is_paid, 6, 12, is_looked_for
    ),
    "find out about a refund": Flow(
        "payment-worker", paid, refund_unheard, is_partly_given_back, 4, 16, refund_is_looked_for
    ),
    "open a payment that was released": Flow(
        "payment-worker", held, release_is_due, is_released, 3, 6, handed=released
    ),
    "close a payment that was stopped": Flow(
        "payment-worker", reviewed, stop_is_due, is_stopped, 5, 12, handed=stopped
    ),
    "tell a client": Flow(
        "payment-worker", with_a_client, client_is_due, client_knows, 2, 6, handed=paid_and_not_told
    ),
    "release a held payment": Flow("notification-worker", held, release, is_released, 2, 8),
    "notify of a payment": Flow("sandbox-notifier", opened, pay, is_paid, 2, 2),
}

# Steps, undone steps and calls at which no process is killed here, and why nothing can be lost there.
LEFT_OUT = {
    "undo order_expire.1.look": "the same function as order_cancel's; no answer of ours refuses an expiry",
}
# (caller, call): contracts whose caller only reads, or whose event travels as the one that is killed.
CALLS_LEFT_OUT: dict[tuple[str, str], str] = {
    ("OrderService", "GET /api/notifications/"): "the timeline reads and stores nothing",
    (
        "NotificationService",
        "GET /api/v1/user/*/",
    ): "an unstored read; the delivery stays claimed for a minute",
    ("OrderService", "POST /api/internal/notifications/create/"): "offered to callers; no flow uses it",
    ("PaymentService", "POST /api/notifications/"): "offered to callers; no flow uses it",
}
