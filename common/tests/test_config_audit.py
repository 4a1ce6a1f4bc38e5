"""Who changed what: each publication stands in the table once, however many workers and hosts saw it."""

import logging
import threading
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest
from django.conf import settings as django_settings
from django.db import IntegrityError

from common import live_settings, worker
from common.atomic import in_transaction
from common.config_audit import note as noting
from common.config_audit.figures import ConfigCollector
from common.config_audit.note import note, note_changes
from common.config_store import Arrival, ConfigStore, Publication
from common.live_settings import Overlay
from common.live_table import LiveSettings
from common.outbox.lanes import Lanes
from common.snapshots import SnapshotFolder
from common.testing.race import race
from common.tests.ring.models import RingConfigChange

OWN = "OrderService.yaml"
START = datetime(2026, 11, 26, 8, 0, tzinfo=UTC)

pytestmark = pytest.mark.django_db


def arrival(minute: int, md5: str, outcome: str = "accepted", **shown: str) -> Arrival:
    problems = (
        () if outcome == "accepted" else ("order_max_lines must be a whole number", "colour is not known")
    )
    at = START + timedelta(minutes=minute)
    return Arrival(OWN, md5, outcome, at, "olive", "10.0.0.7", problems, shown)


def rows() -> list[tuple[Any, ...]]:
    names = ("sequence", "outcome", "setting", "old_value", "new_value")
    return list(RingConfigChange.objects.order_by("sequence", "line").values_list(*names))


def test_each_changed_setting_is_a_row_with_both_values() -> None:
    note(arrival(0, "a", order_max_lines="5", log_level="INFO"))
    note(arrival(1, "b", order_max_lines="6", log_level="INFO"))
    note(arrival(2, "c", log_level="INFO"))

    assert rows() == [
        (1, "accepted", "log_level", "", "INFO"),
        (1, "accepted", "order_max_lines", "", "5"),
        (2, "accepted", "order_max_lines", "5", "6"),
        (3, "accepted", "order_max_lines", "6", ""),
    ]
    row = RingConfigChange.objects.get(sequence=3)
    assert (row.operator, row.address, row.published_at) == (
        "olive",
        "10.0.0.7",
        START + timedelta(minutes=2),
    )


def test_a_refusal_is_one_row_with_its_problems() -> None:
    note(arrival(0, "a", order_max_lines="5"))
    note(arrival(1, "b", "refused"))

    row = RingConfigChange.objects.get(outcome="refused")
    assert row.reason.splitlines() == ["order_max_lines must be a whole number", "colour is not known"]
    assert (row.sequence, row.setting) == (2, "")


def test_a_publication_that_changes_no_value_is_noted_too() -> None:
    note(arrival(0, "a", order_max_lines="5"))
    note(arrival(1, "b", order_max_lines="5"))

    assert RingConfigChange.objects.get(sequence=2).reason == "no value changed"


def test_what_stands_there_is_not_written_again() -> None:
    first = arrival(0, "a", order_max_lines="5")
    assert [note(first), note(first), note(replace(first, at=START + timedelta(seconds=3)))] == [
        True,
        False,
        False,
    ]


def test_going_back_to_an_earlier_content_is_a_change() -> None:
    for minute, md5, lines in ((0, "a", "5"), (1, "b", "6"), (2, "a", "5")):
        assert note(arrival(minute, md5, order_max_lines=lines)) is True
    assert rows()[-1] == (3, "accepted", "order_max_lines", "6", "5")


def test_a_host_that_lags_behind_does_not_undo_the_story() -> None:
    note(arrival(0, "a", order_max_lines="5"))
    note(arrival(10, "b", order_max_lines="6"))

    assert note(replace(arrival(0, "a", order_max_lines="5"), at=START + timedelta(seconds=2))) is False
    assert len(rows()) == 2


def test_one_release_refuses_what_another_accepts_and_both_stand_there() -> None:
    note(arrival(0, "a", order_max_lines="5"))

    assert note(arrival(0, "a", "refused")) is True
    assert [row[1] for row in rows()] == ["accepted", "refused"]


def test_the_same_refusal_after_a_good_one_is_noted_again() -> None:
    for minute, md5, outcome in ((0, "x", "refused"), (1, "a", "accepted"), (2, "x", "refused")):
        assert note(arrival(minute, md5, outcome)) is True
    assert len(rows()) == 3


# --- the job ------------------------------------------------------------------------------------


@pytest.fixture
def store(tmp_path: Path, settings: Any) -> ConfigStore:
    settings.CFMP = replace(django_settings.CFMP, discovery="nacos", service_run_dir=str(tmp_path))
    noting._memory.last = {}
    return ConfigStore(SnapshotFolder.of(tmp_path), "OrderService")


def test_the_job_brings_the_files_news_to_the_table(store: ConfigStore, count_sql: Any) -> None:
    store.receive(OWN, "order_max_lines: 5", Publication("olive", "10.0.0.7"))
    store.receive(OWN, "order_max_lines: lots", Publication("bob"))
    store.receive("cfmp-common.yaml", "log_level: WARNING")

    assert note_changes() is False

    found = RingConfigChange.objects.order_by("id").values_list("data_id", "setting", "outcome", "operator")
    assert set(found) == {
        (OWN, "order_max_lines", "accepted", "olive"),
        (OWN, "", "refused", "bob"),
        ("cfmp-common.yaml", "log_level", "accepted", ""),
    }
    with count_sql() as log:
        assert note_changes() is False
    assert log.count == 0, "without news no database is asked"


def test_a_worker_that_starts_anew_writes_nothing_twice(store: ConfigStore) -> None:
    for lines in (1, 2, 1):
        store.receive(OWN, f"order_max_lines: {lines}")
    note_changes()
    noting._memory.last = {}

    note_changes()

    assert RingConfigChange.objects.count() == 3


def test_every_worker_does_the_job(store: ConfigStore) -> None:
    store.receive(OWN, "order_max_lines: 5")

    worker.duties(Lanes())["jobs"]()

    assert [row.setting for row in RingConfigChange.objects.all()] == ["order_max_lines"]


def test_a_published_log_level_reaches_a_worker_in_its_next_round(
    store: ConfigStore, root_level: logging.Logger
) -> None:
    stop, before = threading.Event(), live_settings._overlay
    live_settings._overlay = Overlay(LiveSettings(), store.watched(), look_seconds=0.0)
    store.receive(OWN, "log_level: ERROR")
    # A thread, as in a worker: it closes its own connections at the end.
    duty = threading.Thread(target=worker.keep_doing, args=("relay", lambda: bool(stop.set()), stop))
    try:
        duty.start()
        duty.join()
    finally:
        live_settings._overlay = before

    assert root_level.level == logging.ERROR


def test_without_documents_there_is_nothing_to_do(settings: Any) -> None:
    assert note_changes() is False
    assert RingConfigChange.objects.count() == 0


@pytest.mark.django_db(transaction=True)
def test_of_many_workers_one_writes() -> None:
    news = arrival(0, "a", order_max_lines="5", log_level="INFO")

    results = race([lambda: in_transaction(lambda: note(news))] * 6)

    assert results.count(True) == 1
    assert all(one in (True, False) or isinstance(one, IntegrityError) for one in results), results
    assert len(rows()) == 2


# --- figures ------------------------------------------------------------------------------------


def figures() -> dict[str, dict[str, float]]:
    return {
        metric.name: {sample.labels["data_id"]: sample.value for sample in metric.samples}
        for metric in ConfigCollector().collect()
    }


def test_figures_tell_what_is_in_force_and_what_was_refused(store: ConfigStore, frozen_clock: Any) -> None:
    before = live_settings._overlay
    live_settings.configure(django_settings.CFMP)
    try:
        for content in ("order_max_lines: 5", "order_max_lines: 6", "order_max_lines: lots"):
            store.receive(OWN, content)
        frozen_clock.move(seconds=90)
        told = figures()
    finally:
        live_settings._overlay = before

    assert told["config_revision"] == {OWN: 2}
    assert told["config_age_seconds"] == {OWN: 90}
    assert told["config_refused"] == {"cfmp-common.yaml": 0, OWN: 1}
    assert told["config_refusal_standing"] == {"cfmp-common.yaml": 0, OWN: 1}
    store.receive(OWN, "order_max_lines: 6")
    assert figures()["config_refusal_standing"][OWN] == 0


def test_nothing_is_told_where_no_documents_are_followed() -> None:
    assert figures() == {}
