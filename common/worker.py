"""The process beside the web server: it relays events, finishes sagas and runs the service's jobs.

Three loops, each a thread with its own database connection, so that a slow peer in one never holds up
the others; in a service that tells others than its peers a fourth, which gives each of them a lane. Any
number of workers may run: rows are claimed, jobs are leased. What there is to do is decided by those modules.
"""

import importlib
import pkgutil
import threading
import time
from collections.abc import Callable
from dataclasses import dataclass, field

from django.conf import settings
from django.db import DatabaseError, close_old_connections, connections
from prometheus_client import start_http_server

from common import counters, housekeeping, telemetry, tracing
from common.concrete import has_part
from common.config import Settings
from common.config_audit import note
from common.errors import LeaseTimeout
from common.faults import plain_words
from common.jobs import Job, service_jobs
from common.leases.lease import lease
from common.live_settings import live
from common.log import get_logger
from common.outbox import relay
from common.outbox.lanes import Lanes
from common.outbox.transport import outside
from common.sagas import runner
from common.web import metrics
from common.web.registry_figures import RegistryCollector

log = get_logger(__name__)

Work = Callable[[], bool]
# After a failure (the database is away, say) a loop waits longer and longer, up to this.
LONGEST_REST = 30.0
# drain() gives up on work that never ends: a job that always says "more".
MOST_ROUNDS = 1000


@dataclass
class Jobs:
    """The service's jobs and when each is next due, on this process's monotonic clock."""

    jobs: tuple[Job, ...]
    due: dict[str, float] = field(default_factory=dict)

    def run_due(self) -> bool:
        """Run each job whose time has come. True when one has more to do."""
        now = time.monotonic()
        ready = [job for job in self.jobs if self.due.get(job.name, 0.0) <= now]
        # a list: each gets its turn, also when an earlier one has more
        return True in [self._turn(job) for job in ready]

    def _turn(self, job: Job) -> bool:
        self.due[job.name] = time.monotonic() + job.every_seconds
        more = run_job(job)
        if more:
            self.due[job.name] = 0.0
        return more


def run_job(job: Job) -> bool:
    """One turn of `job`. False also when another worker has it; its failure is logged, never raised."""
    counters.JOB_INTERVAL.labels(job.name).set(job.every_seconds)
    try:
        if not (job.exclusive and has_part("lease")):
            return _measured(job)
        hold = job.hold or 2 * settings.CFMP.lease_seconds
        with lease(f"job:{job.name}", wait=0.0, hold=hold):
            return _measured(job)
    except LeaseTimeout:
        counters.JOB_RUNS.labels(job.name, "elsewhere").inc()
        return False
    except Exception as error:
        counters.JOB_RUNS.labels(job.name, "failed").inc()
        _tell("job_failed", error, job=job.name)
        return False


def _measured(job: Job) -> bool:
    """Run it under a context of its own: its log lines are about nothing that ran before."""
    with (
        tracing.bound(tracing.RequestContext()),
        telemetry.span(f"job {job.name}", parent="", only_as_parent=True),
        counters.JOB_SECONDS.labels(job.name).time(),
    ):
        more = bool(job.function()())
    counters.JOB_RUNS.labels(job.name, "done").inc()
    counters.JOB_SUCCESS.labels(job.name).set_to_current_time()
    return more


def load_definitions() -> None:
    """Import the service's saga definitions (a module or a package of them); they register themselves."""
    if not settings.CFMP_SAGAS:
        return
    found = importlib.import_module(settings.CFMP_SAGAS)
    for module in pkgutil.iter_modules(getattr(found, "__path__", ())):
        importlib.import_module(f"{found.__name__}.{module.name}")


def duties(lanes: Lanes) -> dict[str, Work]:
    """What a worker of this service keeps doing, by name."""
    load_definitions()
    work: dict[str, Work] = {"relay": relay.relay_once} if has_part("outbox") else {}
    if outside():
        work["outside"] = lanes.start_due
    if has_part("saga"):
        work["sagas"] = runner.run_due
    work["jobs"] = Jobs((*service_jobs(), housekeeping.JOB, note.JOB)).run_due
    return work


def drain(rounds: int = MOST_ROUNDS) -> None:
    """Do what is due now, jobs included, until nothing is left; what waits for its time stays.

    Jobs start sagas and both publish events, so the relay has the last word of each round.
    Raises RuntimeError when there is still more after `rounds` rounds.
    """
    load_definitions()
    jobs = service_jobs()
    for _ in range(rounds):
        more = True in [run_job(job) for job in jobs]
        more = (has_part("saga") and runner.run_due()) or more
        more = (has_part("outbox") and relay.relay_once()) or more
        more = relay.relay_outside() or more
        if not more:
            return
    raise RuntimeError("The work never ends: a job keeps saying that there is more.")


def serve(stop: threading.Event) -> None:
    """Keep every duty going until `stop` is set; each finishes what it has in hand.

    Raises OSError when WORKER_METRICS_PORT cannot be had.
    """
    _tell_figures(settings.CFMP)
    telemetry.start(settings.CFMP)
    lanes = Lanes()
    threads = [
        threading.Thread(target=keep_doing, args=(name, work, stop), name=name)
        for name, work in duties(lanes).items()
    ]
    for thread in threads:
        thread.start()
    log.info("worker_ready", duties=[thread.name for thread in threads])
    for thread in threads:
        thread.join()
    lanes.finish()
    telemetry.stop()
    log.info("worker_stopped")


def _tell_figures(loaded: Settings) -> None:
    """What was counted, and the agent beside this worker: what the database knows is told by the web."""
    if loaded.worker_metrics_port:
        page = metrics.counted()
        page.register(RegistryCollector())
        start_http_server(loaded.worker_metrics_port, loaded.service_host, page)


def keep_doing(name: str, work: Work, stop: threading.Event) -> None:
    """One loop: work while there is any, rest when there is none, rest longer after a failure."""
    idle = settings.CFMP.worker_idle_seconds
    rest = idle
    heartbeat = counters.HEARTBEAT.labels(name)
    while not stop.is_set():
        heartbeat.set_to_current_time()
        try:
            close_old_connections()
            live()  # a published log level counts from this round on
            if work():
                continue
            rest = idle
        except Exception as error:
            if isinstance(error, DatabaseError):
                counters.DATABASE_FAILURES.labels("worker").inc()
            _tell("worker_loop_failed", error, duty=name)
            rest = min(LONGEST_REST, max(idle, rest * 2))
        stop.wait(rest)
    connections.close_all()


def _tell(event: str, error: Exception, **facts: str) -> None:
    """What an operator can mend in one sentence, a defect of ours with its stack trace."""
    if reason := plain_words(error):
        log.error(event, **facts, reason=reason)
    else:
        log.exception(event, **facts)
