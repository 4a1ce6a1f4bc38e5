"""This service's own outbox, inbox, idempotency keys, sagas, leases …: shapes from common, tables here."""

from common.config_audit.models import ConfigChangeBase
from common.idempotency.models import IdempotencyKeyBase
from common.leases.models import LeaseBase
from common.outbox.models import InboxBase, OutboxBase
from common.sagas.models import SagaBase


class NotificationOutbox(OutboxBase):
    class Meta(OutboxBase.Meta):
        abstract = False
        db_table = "notification_outbox"
        verbose_name_plural = "notification outbox"


class NotificationInbox(InboxBase):
    class Meta(InboxBase.Meta):
        abstract = False
        db_table = "notification_inbox"
        verbose_name_plural = "notification inbox"


class NotificationIdempotencyKey(IdempotencyKeyBase):
    class Meta(IdempotencyKeyBase.Meta):
        abstract = False
        db_table = "notification_idempotency_key"


class NotificationSaga(SagaBase):
    class Meta(SagaBase.Meta):
        abstract = False
        db_table = "notification_saga"


class NotificationLease(LeaseBase):
    class Meta(LeaseBase.Meta):
        abstract = False
        db_table = "notification_lease"


class NotificationConfigChange(ConfigChangeBase):
    class Meta(ConfigChangeBase.Meta):
        abstract = False
        db_table = "notification_config_change"
