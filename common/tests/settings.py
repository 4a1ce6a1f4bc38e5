"""A service in miniature, in the order service's name, so that common's Django ring is tested alone."""

from pathlib import Path

from common.django_settings import service_settings

BASE_DIR = Path(__file__).resolve().parent

globals().update(
    service_settings(
        "OrderService",
        base_dir=BASE_DIR,
        apps=["common.tests.ring"],
        models={
            "outbox": "ring.RingOutbox",
            "inbox": "ring.RingInbox",
            "idempotency": "ring.RingIdempotencyKey",
            "saga": "ring.RingSaga",
            "lease": "ring.RingLease",
            "config_change": "ring.RingConfigChange",
        },
        event_routes="common.tests.ring.events.ROUTES",
        sagas="common.tests.ring.sagas",
        jobs="common.tests.ring.jobs",
    )
)

ROOT_URLCONF = "common.tests.urls"
# Without migrations: pytest creates the tables straight from the models.
MIGRATION_MODULES = {"ring": None}

# It borrows OrderService's name, not its test database: on MariaDB both suites may run at once.
DATABASES = globals()["DATABASES"]
DATABASES["default"]["TEST"]["NAME"] = DATABASES["default"]["TEST"]["NAME"].replace(
    "test_order", "test_common"
)
