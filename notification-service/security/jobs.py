"""What this service's worker does beside relaying events: risk control's jobs and the messages' ones."""

from common.jobs import Job
from notification.jobs import JOBS as DELIVERING

JOBS: tuple[Job, ...] = (
    *DELIVERING,
    Job("lapse", 15.0, "security.services.lapse.cases_lapse_over"),
)
