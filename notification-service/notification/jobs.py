"""What this service's worker does beside relaying events."""

from common.jobs import Job

JOBS: tuple[Job, ...] = (
    # Rows are claimed one by one, so any number of workers may deliver at once.
    Job("deliver", 1.0, "notification.sagas.deliver.deliver_due", exclusive=False),
)
