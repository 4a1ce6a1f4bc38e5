"""Dead letters and old rows: what an operator sees and does."""

import io
from typing import Any

import pytest
from django.core.management import CommandError, call_command

from common import clock
from common.errors import PeerRejected
from common.outbox.figures import OutboxCollector, outbox_figures
from common.outbox.models import OutboxState
from common.outbox.repair import forget_delivered, redrive
from common.tests.recorder import Recorder, tell
from common.tests.ring.models import RingOutbox
from common.worker import drain

pytestmark = pytest.mark.django_db


def test_redrive_sends_dead_and_parked_letters_again(recorder: Recorder, frozen_clock: Any) -> None:
    tell(1)
    tell(1)
    recorder.errors = [PeerRejected(peer="NotificationService", peer_status=400)] * 2
    drain()
    first, second = RingOutbox.objects.order_by("id")

    assert redrive(event_ids=[first.event_id]) == 1
    drain()
    assert {row.state for row in RingOutbox.objects.all()} == {OutboxState.DELIVERED, OutboxState.DEAD}
    frozen_clock.move(minutes=20)
    drain()
    assert redrive(type="parcel.received.v1", destination="PaymentService") == 0
    out = io.StringIO()
    call_command("outbox_redrive", "--type", "parcel.received.v1", stdout=out)
    drain()

    assert "1 on their way" in out.getvalue()
    second.refresh_from_db()
    assert (second.state, second.died_at) == (OutboxState.DELIVERED, None)


def test_redrive_wants_to_be_told_which() -> None:
    with pytest.raises(CommandError):
        call_command("outbox_redrive")


def test_figures_tell_depth_age_and_the_dead(recorder: Recorder, frozen_clock: Any) -> None:
    tell(1, 2)
    dead = tell(1)
    RingOutbox.objects.filter(aggregate_id=dead).update(state=OutboxState.DEAD, died_at=clock.now())
    frozen_clock.move(seconds=90)

    figures = outbox_figures()

    assert (figures.pending, figures.dead, figures.parked, figures.oldest_seconds) == (2, 1, 0, 90.0)
    samples = {
        (sample.name, sample.labels.get("state")): sample.value
        for metric in OutboxCollector().collect()
        for sample in metric.samples
    }
    assert samples["outbox_depth", "pending"] == 2
    assert samples["outbox_lag_seconds", None] == 90.0
    out = io.StringIO()
    with pytest.raises(SystemExit):
        call_command("outbox_status", stdout=out)
    assert "pending 2 (oldest 90 s)  dead 1" in out.getvalue()


def test_delivered_rows_are_forgotten_after_a_long_time_and_others_never(
    recorder: Recorder, frozen_clock: Any
) -> None:
    tell(1)
    drain()
    pending = tell(1)
    RingOutbox.objects.filter(aggregate_id=pending).update(next_at=clock.now().replace(year=2030))
    frozen_clock.move(days=89)
    assert forget_delivered() == 0
    frozen_clock.move(days=2)

    assert forget_delivered() == 1

    assert RingOutbox.objects.get().aggregate_id == pending
