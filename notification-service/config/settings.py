"""What differs from the settings all services share: the apps and where their plumbing lives."""

from pathlib import Path

from common.django_settings import service_settings

BASE_DIR = Path(__file__).resolve().parent.parent

globals().update(
    service_settings(
        "NotificationService",
        base_dir=BASE_DIR,
        apps=["notification", "security"],
        models={
            "outbox": "notification.NotificationOutbox",
            "inbox": "notification.NotificationInbox",
            "idempotency": "notification.NotificationIdempotencyKey",
            "saga": "notification.NotificationSaga",
            "lease": "notification.NotificationLease",
            "config_change": "notification.NotificationConfigChange",
        },
        event_routes="security.events.ROUTES",
        jobs="security.jobs",
    )
)

# Run by the test plugin after every test that touched the database.
CFMP_INVARIANTS = "security.services.audit.assert_risk_and_messages_are_sound"
