"""This service's own outbox, inbox, idempotency keys, sagas, leases …: shapes from common, tables here."""

from common.config_audit.models import ConfigChangeBase
from common.idempotency.models import IdempotencyKeyBase
from common.leases.models import LeaseBase
from common.outbox.models import InboxBase, OutboxBase
from common.sagas.models import SagaBase


class OrderOutbox(OutboxBase):
    class Meta(OutboxBase.Meta):
        db_table = "order_outbox"
        verbose_name_plural = "order outbox"


class OrderInbox(InboxBase):
    class Meta(InboxBase.Meta):
        db_table = "order_inbox"
        verbose_name_plural = "order inbox"


class OrderIdempotencyKey(IdempotencyKeyBase):
    class Meta(IdempotencyKeyBase.Meta):
        db_table = "order_idempotency_key"


class OrderSaga(SagaBase):
    class Meta(SagaBase.Meta):
        db_table = "order_saga"


class OrderLease(LeaseBase):
    class Meta(LeaseBase.Meta):
        db_table = "order_lease"


class OrderConfigChange(ConfigChangeBase):
    class Meta(ConfigChangeBase.Meta):
        db_table = "order_config_change"
