"""The lease's row, abstract: each service makes it concrete. Taking and letting go is in `lease`."""

from django.db import models

from common import clock


class LeaseBase(models.Model):
    """Who holds a name until when. `fence` grows with every holder and never falls back while the row
    lives.
    """

    name = models.CharField(max_length=150, primary_key=True)
    owner = models.CharField(max_length=64)
    fence = models.BigIntegerField(default=1)
    held_until = models.DateTimeField()
    acquired_at = models.DateTimeField(default=clock.now)

    class Meta:
        abstract = True
        indexes = [models.Index(fields=["held_until"], name="%(app_label)s_lease_end")]

    def __str__(self) -> str:
        return f"{self.name} by {self.owner} until {self.held_until}"
