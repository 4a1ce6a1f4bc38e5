"""What the worker does again and again for payments. Each job is a flow in `sagas/`."""

from common.jobs import Job

JOBS = (
    Job("payments", 1.0, "payment.sagas.sync.sweep_payments"),
    Job("refunds", 1.0, "payment.sagas.sync.sweep_refunds"),
)
