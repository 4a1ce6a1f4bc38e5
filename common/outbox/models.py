"""Rows of the outbox and the inbox, abstract: each service makes them concrete in its own migrations.

`class OrderOutbox(OutboxBase): class Meta(OutboxBase.Meta): db_table = "order_outbox"` keeps indexes and
constraints. No behaviour here: publishing, relaying and accepting are modules of their own.
"""

from enum import IntEnum

from django.core.serializers.json import DjangoJSONEncoder
from django.db import models

from common import clock
from common.ids import new_id


class OutboxState(IntEnum):
    """Life of one event on its way to one destination."""

    PENDING = 0
    DELIVERED = 1
    DEAD = 2  # gave up; still blocks later events of its aggregate
    PARKED = 3  # gave up and blocks nobody any more

    @property
    def label(self) -> str:
        return self.name.lower()


CHOICES = [(state.value, state.label) for state in OutboxState]


class OutboxBase(models.Model):
    """One event for one destination. `event_id` is shared by the rows of one event."""

    id = models.BigIntegerField(primary_key=True, default=new_id, editable=False)
    event_id = models.UUIDField()
    type = models.CharField(max_length=80)
    aggregate_id = models.UUIDField()
    version = models.BigIntegerField()
    data = models.JSONField(encoder=DjangoJSONEncoder)
    destination = models.CharField(max_length=60)
    path = models.CharField(max_length=120)
    request_id = models.CharField(max_length=128, blank=True, default="")
    traceparent = models.CharField(max_length=64, blank=True, default="")
    occurred_at = models.DateTimeField(default=clock.now)

    state = models.SmallIntegerField(choices=CHOICES, default=OutboxState.PENDING)
    attempts = models.PositiveIntegerField(default=0)
    next_at = models.DateTimeField(default=clock.now)
    lease_owner = models.CharField(max_length=64, blank=True, default="")
    lease_until = models.DateTimeField(null=True, blank=True)
    delivered_at = models.DateTimeField(null=True, blank=True)
    died_at = models.DateTimeField(null=True, blank=True)
    last_error = models.CharField(max_length=500, blank=True, default="")

    class Meta:
        abstract = True
        indexes = [
            # the relay looks for what is due; metrics count by state
            models.Index(fields=["state", "next_at"], name="%(app_label)s_outbox_due"),
            # "is anything before me on the way to the same door?"; the timeline reads by aggregate
            models.Index(
                fields=["aggregate_id", "destination", "state", "version", "id"],
                name="%(app_label)s_outbox_line",
            ),
        ]
        constraints = [
            models.UniqueConstraint(
                fields=["event_id", "destination", "path"], name="%(app_label)s_outbox_once"
            )
        ]

    def __str__(self) -> str:
        return f"{self.type} v{self.version} -> {self.destination} ({OutboxState(self.state).label})"


class InboxBase(models.Model):
    """One event that one consumer has taken: the unique pair is what makes handling happen once."""

    id = models.BigIntegerField(primary_key=True, default=new_id, editable=False)
    consumer = models.CharField(max_length=80)
    event_id = models.UUIDField()
    type = models.CharField(max_length=80)
    aggregate_id = models.UUIDField()
    version = models.BigIntegerField()
    received_at = models.DateTimeField(default=clock.now)

    class Meta:
        abstract = True
        indexes = [
            # "have I seen a newer version of this aggregate?"
            models.Index(fields=["aggregate_id", "consumer", "version"], name="%(app_label)s_inbox_seen"),
            models.Index(fields=["received_at"], name="%(app_label)s_inbox_age"),
        ]
        constraints = [
            models.UniqueConstraint(fields=["consumer", "event_id"], name="%(app_label)s_inbox_once")
        ]

    def __str__(self) -> str:
        return f"{self.consumer} took {self.type} v{self.version}"
