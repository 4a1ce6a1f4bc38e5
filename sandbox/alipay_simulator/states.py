"""Words of the trade: states, products, and which product notifies about what."""

from collections.abc import Mapping

WAIT_BUYER_PAY = "WAIT_BUYER_PAY"
TRADE_SUCCESS = "TRADE_SUCCESS"
TRADE_FINISHED = "TRADE_FINISHED"
TRADE_CLOSED = "TRADE_CLOSED"
PAID = (TRADE_SUCCESS, TRADE_FINISHED)

PAGE, WAP, APP, QR = "page", "wap", "app", "qr"
PRODUCTS = (PAGE, WAP, APP, QR)

PARTIAL_REFUND = "PARTIAL_REFUND"
FULL_REFUND = "FULL_REFUND"
TRIGGERS = (TRADE_SUCCESS, TRADE_CLOSED, TRADE_FINISHED, PARTIAL_REFUND, FULL_REFUND)

# What Alipay sends by default. A page payment that times out or is wholly refunded is never notified:
# a merchant has to ask. Partial refunds are always told (as TRADE_SUCCESS with refund_fee).
DEFAULT_TRIGGERS: Mapping[str, tuple[str, ...]] = {
    PAGE: (TRADE_SUCCESS, PARTIAL_REFUND),
    WAP: (TRADE_SUCCESS, TRADE_CLOSED, TRADE_FINISHED, PARTIAL_REFUND, FULL_REFUND),
    APP: (TRADE_SUCCESS, TRADE_CLOSED, TRADE_FINISHED, PARTIAL_REFUND, FULL_REFUND),
    QR: (TRADE_SUCCESS, PARTIAL_REFUND),
}

# Gaps between deliveries in seconds, before scaling: 4m 10m 10m 1h 2h 6h 15h, eight deliveries in all.
NOTIFY_GAPS = (240, 600, 600, 3600, 7200, 21600, 54000)
