"""Forgetting what nobody needs any more: expired keys, old leases, events delivered or taken long ago.

The worker does it now and then. What is money or history is never forgotten here.
"""

from collections.abc import Callable

from common.concrete import has_part
from common.idempotency.claim import forget_expired
from common.jobs import Job
from common.leases.lease import forget_old
from common.outbox.inbox import forget_taken
from common.outbox.repair import forget_delivered

JOB = Job("housekeeping", 600.0, "common.housekeeping.sweep")


def sweep() -> bool:
    """One bounded round. True when there may be more."""
    rounds: dict[str, Callable[[], int]] = {
        "idempotency": forget_expired,
        "lease": forget_old,
        "outbox": forget_delivered,
        "inbox": forget_taken,
    }
    return True in [bool(forget()) for part, forget in rounds.items() if has_part(part)]
