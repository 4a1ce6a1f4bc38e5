"""What the carrier said about a shipped order, in the order it said it."""

from django.db import models

from common import clock, ids
from order.states import LogisticsStatus


class LogisticsEvent(models.Model):
    """One report. A status is reported once per order: carriers repeat themselves."""

    id = models.BigIntegerField(primary_key=True, default=ids.new_id, editable=False)
    order_uuid = models.UUIDField()
    status = models.SmallIntegerField(
        choices=[(status.value, status.name.lower()) for status in LogisticsStatus]
    )
    description = models.CharField(max_length=255, blank=True, default="")
    location = models.CharField(max_length=120, blank=True, default="")
    occurred_at = models.DateTimeField(default=clock.now)
    created_at = models.DateTimeField(default=clock.now)

    class Meta:
        db_table = "order_logistics"
        constraints = [
            models.UniqueConstraint(fields=["order_uuid", "status"], name="order_logistics_status_once")
        ]

    def __str__(self) -> str:
        return self.get_status_display()
