"""What leaves the process, step by step. Stored sagas survive a crash by themselves; flows work on a row
that is its own stored job (a payment or refund with `sync_due_at`), so that a crash is taken up by the
sweeper."""
