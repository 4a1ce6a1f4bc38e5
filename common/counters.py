"""What every process of a service counts as it happens. What is read from the database is told elsewhere.

Room: plain. Import it only after `metrics_files` has said where the counters live. Labels are words of the
code (a peer, a job, an outcome), never ids or paths.
"""

from prometheus_client import Counter, Gauge, Histogram, Summary

_CALL_BUCKETS = (0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 5, 10)

PEER_ATTEMPTS = Counter("peer_attempts", "Attempts to call a peer, by outcome.", ["peer", "outcome"])
PEER_SECONDS = Histogram("peer_attempt_seconds", "Time one attempt took.", ["peer"], buckets=_CALL_BUCKETS)
# Of the living processes the worst; a process that ended no longer says anything.
BREAKER_OPEN = Gauge(
    "peer_breaker_open", "1 while calls to the peer are held back.", ["peer"], multiprocess_mode="livemax"
)
PROVIDER_CALLS = Counter(
    "provider_calls", "Calls to a payment provider, by outcome.", ["provider", "method", "outcome"]
)
PROVIDER_SECONDS = Histogram(
    "provider_call_seconds", "Time one call took.", ["provider", "method"], buckets=_CALL_BUCKETS
)

DATABASE_RETRIES = Counter("database_retries", "Transactions run again after a deadlock or a lock.")
DATABASE_FAILURES = Counter("database_failures", "Requests and loops that the database failed.", ["where"])

TOKENS_REFUSED = Counter(
    "service_tokens_refused", "Calls of siblings whose token was not good: clock or token.", ["reason"]
)
for _reason in ("clock", "token"):
    TOKENS_REFUSED.labels(_reason)  # told from the start: an alert sees the first one too

IDEMPOTENCY = Counter("idempotency_keys", "Requests with a key, by what became of them.", ["outcome"])
EVENTS_SENT = Counter("outbox_deliveries", "Tries to deliver an event.", ["destination", "outcome"])
EVENTS_TAKEN = Counter("inbox_events", "Events that came in, by what they were.", ["outcome"])
SAGA_STEPS = Counter("saga_steps", "Steps of sagas, by outcome.", ["saga", "outcome"])
TRANSITIONS = Counter("state_transitions", "State changes that were committed.", ["entity", "axis", "event"])

JOB_RUNS = Counter("job_runs", "Turns of a job, by outcome.", ["name", "outcome"])
JOB_SECONDS = Summary("job_run_seconds", "Time its turns took.", ["name"])
JOB_INTERVAL = Gauge("job_interval_seconds", "How often it should run.", ["name"], multiprocess_mode="max")
JOB_SUCCESS = Gauge(
    "job_last_success_timestamp_seconds", "When it last ended well.", ["name"], multiprocess_mode="max"
)
HEARTBEAT = Gauge(
    "worker_heartbeat_timestamp_seconds",
    "When this duty of a worker last came round.",
    ["duty"],
    multiprocess_mode="max",
)
