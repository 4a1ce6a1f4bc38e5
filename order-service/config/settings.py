"""Settings of the order service: what differs from `common.django_settings`."""

from pathlib import Path

from common.django_settings import service_settings

BASE_DIR = Path(__file__).resolve().parent.parent

globals().update(
    service_settings(
        "OrderService",
        base_dir=BASE_DIR,
        apps=["order"],
        models={
            "outbox": "order.OrderOutbox",
            "inbox": "order.OrderInbox",
            "idempotency": "order.OrderIdempotencyKey",
            "saga": "order.OrderSaga",
            "lease": "order.OrderLease",
            "config_change": "order.OrderConfigChange",
        },
        event_routes="order.events.ROUTES",
        jobs="order.jobs",
        sagas="order.sagas",
    )
)

# Run by the test plugin after every test that touched the database, and by `manage.py audit_orders`.
CFMP_INVARIANTS = "order.services.audit.assert_orders_are_sound"
