"""The miniature service's recurring jobs."""

from common.jobs import Job

JOBS = (Job("sweep", 5.0, "common.tests.ring.services.parcels_lose_forgotten"),)
