"""The worker: does what is due, goes on after failures, stops when asked, dies without losing anything."""

import os
import signal
import subprocess
import sys
import threading
import time
import uuid
from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest
from django.conf import settings as django_settings
from django.core.management import call_command
from django.db import OperationalError, connection, transaction

from common import clock, housekeeping, worker
from common.jobs import Job, service_jobs
from common.leases.lease import lease
from common.outbox import relay
from common.outbox.lanes import Lanes
from common.outbox.models import OutboxState
from common.outbox.publish import Event, publish
from common.outbox.transport import EventTransport
from common.sagas.models import SagaState
from common.tests.ring.models import Parcel, RingOutbox, RingSaga
from common.tests.ring.sagas import WEIGH
from common.tests.ring.states import ParcelStatus

pytestmark = pytest.mark.django_db

TURNS: list[str] = []


def more_three_times() -> bool:
    TURNS.append("turn")
    return len(TURNS) < 3


def breaks() -> bool:
    TURNS.append("broke")
    raise OperationalError(2006, "Server has gone away")


def endless() -> bool:
    return True


HERE = "common.tests.test_worker"


@pytest.fixture(autouse=True)
def no_turns() -> None:
    TURNS.clear()


class Quiet(EventTransport):
    def deliver(self, row: Any) -> None:
        TURNS.append(row.type)


@transaction.atomic
def tells_and_starts() -> bool:
    from common.sagas.runner import start

    if "told" not in TURNS:
        TURNS.append("told")
        publish(Event("parcel.received.v1", uuid.uuid4(), 1))
        start(WEIGH, key="told", context={}, entity=uuid.uuid4(), inline=False)
    return False


@pytest.fixture
def quiet() -> Any:
    before = relay.use_transport(Quiet())
    yield
    relay.use_transport(before)


def test_the_service_names_its_jobs() -> None:
    assert [job.name for job in service_jobs()] == ["sweep"]


def test_once_does_everything_that_is_due_and_returns(quiet: Any, frozen_clock: Any) -> None:
    from common.sagas.runner import start

    frozen_clock.move(days=-2)
    forgotten = [Parcel.objects.create() for _ in range(3)]
    with transaction.atomic():
        publish(Event("parcel.received.v1", uuid.uuid4(), 1))
        start(WEIGH, key="k", context={}, entity=uuid.uuid4())
    frozen_clock.move(days=2)

    call_command("worker", "--once")

    assert TURNS == ["parcel.received.v1"]
    assert RingSaga.objects.get().state == SagaState.DONE
    lost = Parcel.objects.filter(status=ParcelStatus.LOST)
    assert {parcel.pk for parcel in lost} == {parcel.pk for parcel in forgotten}


def test_once_carries_out_what_its_last_job_has_published(quiet: Any, settings: Any) -> None:
    settings.CFMP_JOBS = f"{HERE}_telling"
    sys.modules[f"{HERE}_telling"] = type(sys)("telling")
    sys.modules[f"{HERE}_telling"].JOBS = (Job("tell", 0.0, f"{HERE}.tells_and_starts"),)  # type: ignore[attr-defined]

    call_command("worker", "--once")

    assert TURNS == ["told", "parcel.received.v1"]
    assert RingSaga.objects.get().state == SagaState.DONE


def test_a_job_runs_when_its_time_has_come_and_at_once_while_there_is_more() -> None:
    jobs = worker.Jobs((Job("often", 3600.0, f"{HERE}.more_three_times"),))

    turns = [jobs.run_due() for _ in range(5)]

    assert turns == [True, True, False, False, False]
    assert len(TURNS) == 3


def test_a_job_that_breaks_stops_neither_the_others_nor_itself() -> None:
    jobs = worker.Jobs(
        (
            Job("bad", 0.0, f"{HERE}.breaks"),
            Job("missing", 0.0, f"{HERE}.nowhere"),
            Job("good", 0.0, f"{HERE}.more_three_times"),
        )
    )

    jobs.run_due()
    jobs.run_due()

    assert TURNS == ["broke", "turn", "broke", "turn"]


def test_one_worker_at_a_time_runs_an_exclusive_job() -> None:
    job = Job("alone", 0.0, f"{HERE}.more_three_times")

    with lease("job:alone", wait=0):
        assert worker.run_job(job) is False
        assert TURNS == []
        assert worker.run_job(Job("alone", 0.0, f"{HERE}.more_three_times", exclusive=False)) is True
    worker.run_job(job)

    assert len(TURNS) == 2


def test_work_that_never_ends_is_said_so(settings: Any) -> None:
    settings.CFMP_JOBS = f"{HERE}_endless"
    sys.modules[f"{HERE}_endless"] = type(sys)("endless")
    sys.modules[f"{HERE}_endless"].JOBS = (Job("endless", 0.0, f"{HERE}.endless"),)  # type: ignore[attr-defined]

    with pytest.raises(RuntimeError):
        worker.drain(rounds=5)


def test_a_loop_goes_on_after_a_failure_and_stops_when_asked() -> None:
    stop = threading.Event()
    seen: list[str] = []

    def work() -> bool:
        seen.append("try")
        if len(seen) == 1:
            raise OperationalError(2006, "Server has gone away")
        stop.set()
        return False

    worker.LONGEST_REST, rest = 0.01, worker.LONGEST_REST
    try:
        thread = threading.Thread(target=worker.keep_doing, args=("test", work, stop))
        thread.start()
        thread.join(10)
    finally:
        worker.LONGEST_REST = rest

    assert not thread.is_alive()
    assert seen == ["try", "try"]


def test_a_worker_has_a_loop_for_each_duty() -> None:
    assert set(worker.duties(Lanes())) == {"relay", "sagas", "jobs"}


def test_housekeeping_is_bounded_and_says_when_there_is_more(frozen_clock: Any) -> None:
    with lease("once"):
        pass
    frozen_clock.move(days=8)

    assert housekeeping.sweep() is True
    assert housekeeping.sweep() is False


# A real process, really killed.
ROOT = Path(__file__).resolve().parents[2]
CHILD = """
import os, sys
sys.path.insert(0, {root!r})
import django
from django.conf import settings
django.setup()
settings.DATABASES["default"]["NAME"] = {database!r}
from django.db import connections
connections["default"].settings_dict["NAME"] = {database!r}
{body}
"""


def _child(body: str) -> subprocess.Popen[str]:
    code = CHILD.format(root=str(ROOT), database=str(connection.settings_dict["NAME"]), body=body)
    environment = {**os.environ, "DJANGO_SETTINGS_MODULE": "common.tests.settings"}
    return subprocess.Popen(
        [sys.executable, "-c", code], env=environment, stdout=subprocess.PIPE, text=True, cwd=ROOT / "common"
    )


@pytest.mark.django_db(transaction=True)
def test_a_relay_killed_after_the_delivery_delivers_again_and_loses_nothing(quiet: Any) -> None:
    with transaction.atomic():
        publish(Event("parcel.received.v1", uuid.uuid4(), 1))
    child = _child(
        "import time\n"
        "from common.outbox import relay\n"
        "class Stuck:\n"
        "    def deliver(self, row):\n"
        "        print('delivered', flush=True)\n"
        "        time.sleep(60)\n"
        "relay.use_transport(Stuck())\n"
        "relay.relay_once()\n"
    )
    assert child.stdout is not None and child.stdout.readline() == "delivered\n"

    child.kill()
    child.wait(30)

    row = RingOutbox.objects.get()
    assert (row.state, row.lease_until is not None) == (OutboxState.PENDING, True)
    assert relay.relay_once() is False
    RingOutbox.objects.update(lease_until=clock.now() - timedelta(seconds=1))
    assert relay.relay_once() is True
    assert TURNS == ["parcel.received.v1"]
    assert RingOutbox.objects.get().state == OutboxState.DELIVERED


@pytest.mark.django_db(transaction=True)
def test_sigterm_stops_a_worker_after_the_work_in_hand() -> None:
    child = _child(
        "import threading, time\n"
        "from django.core.management import call_command\n"
        "from common import worker\n"
        "worker.duties = lambda lanes: {'slow': slow}\n"
        "def slow():\n"
        "    print('begun', flush=True)\n"
        "    time.sleep(1)\n"
        "    print('done', flush=True)\n"
        "    return True\n"
        "call_command('worker')\n"
    )
    assert child.stdout is not None
    while child.stdout.readline() != "begun\n":
        assert child.poll() is None
    time.sleep(0.1)

    child.send_signal(signal.SIGTERM)
    rest, _ = child.communicate(timeout=30)

    assert child.returncode == 0
    assert rest.splitlines().count("done") == 1
    assert "begun" not in rest.splitlines()
    assert django_settings.SERVICE_NAME == "OrderService"
