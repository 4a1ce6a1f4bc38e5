"""From what Nacos holds to what a running process does: the last good content, live, and what arrived."""

import hashlib
import json
import logging
import os
import stat
import threading
from pathlib import Path
from typing import Any

import pytest

from common import clock
from common.config import load
from common.config_store import ARRIVALS_KEPT, ConfigFiles, ConfigStore, Publication, documents_for, md5_of
from common.live_settings import Overlay
from common.live_table import LiveSettings
from common.snapshots import SnapshotFolder

COMMON, OWN = "cfmp-common.yaml", "OrderService.yaml"
BASE = LiveSettings(order_expire_minutes=30, order_max_lines=7)


@pytest.fixture
def store(tmp_path: Path) -> ConfigStore:
    return ConfigStore(SnapshotFolder(tmp_path / "nacos"), "OrderService")


def following(store: ConfigStore | ConfigFiles) -> Overlay:
    """A process that looks at the files each time it is asked."""
    return Overlay(BASE, store.watched(), look_seconds=0.0)


def outcomes(store: ConfigStore, data_id: str = OWN) -> list[str]:
    return [one.outcome for one in store.arrivals(data_id)]


def test_a_running_process_sees_what_is_published(store: ConfigStore) -> None:
    process = following(store)
    assert process.values() == BASE

    assert store.receive(OWN, "order_expire_minutes: 5") is True
    assert process.values().order_expire_minutes == 5
    store.receive(OWN, "order_expire_minutes: 6")
    assert process.values().order_expire_minutes == 6


def test_the_services_own_document_wins_over_the_common_one_and_both_over_the_environment(
    store: ConfigStore,
) -> None:
    process = following(store)
    store.receive(OWN, "order_expire_minutes: 5")
    store.receive(COMMON, "{order_expire_minutes: 9, log_level: WARNING}")

    values = process.values()

    assert (values.order_expire_minutes, values.log_level, values.order_max_lines) == (5, "WARNING", 7)
    assert [one.document.data_id for one in process.found()] == [COMMON, OWN]


def test_a_value_that_is_not_published_any_more_is_the_environments_again(store: ConfigStore) -> None:
    process = following(store)
    store.receive(OWN, "{order_expire_minutes: 5, order_max_lines: 3}")
    process.values()
    store.receive(OWN, "order_max_lines: 3")

    assert (process.values().order_expire_minutes, process.values().order_max_lines) == (30, 3)
    store.receive(OWN, "{}")
    assert process.values() == BASE


@pytest.mark.parametrize("bad", ["", None, "   ", "order_expire_minutes: soon", "[", "pii_keys: x"])
def test_what_is_refused_leaves_the_good_in_force(store: ConfigStore, bad: str | None) -> None:
    process = following(store)
    store.receive(OWN, "order_expire_minutes: 5")

    assert store.receive(OWN, bad) is False

    assert process.values().order_expire_minutes == 5
    assert following(store).values().order_expire_minutes == 5, "also after a restart"
    assert outcomes(store) == ["accepted", "refused"]
    assert store.refused(OWN) == 1 and store.arrivals(OWN)[-1].problems


@pytest.mark.parametrize("nothing", ["", None, "\n"])
def test_a_document_that_never_was_is_no_refusal(store: ConfigStore, nothing: str | None) -> None:
    assert store.receive(OWN, nothing) is False
    assert store.arrivals(OWN) == [] and store.refused(OWN) == 0


def test_the_same_content_again_is_no_news(store: ConfigStore) -> None:
    for content in ("order_max_lines: 1", "order_max_lines: x"):
        store.receive(OWN, content)
        store.receive(OWN, content)

    assert outcomes(store) == ["accepted", "refused"]
    assert store.refused(OWN) == 1


def test_going_back_to_the_good_after_a_refusal_is_noted(store: ConfigStore) -> None:
    for content in ("order_max_lines: 1", "order_max_lines: x", "order_max_lines: 1"):
        store.receive(OWN, content)

    assert outcomes(store) == ["accepted", "refused", "accepted"]
    assert store.watched()[1].value().revision == 1  # type: ignore[union-attr]


def test_revisions_count_what_was_accepted(store: ConfigStore) -> None:
    watched = store.watched()[1]
    seen = []
    for content in ("order_max_lines: 1", "order_max_lines: ?", "order_max_lines: 2", "order_max_lines: 1"):
        store.receive(OWN, content)
        published = watched.value()
        seen.append(published.revision if published else 0)

    assert seen == [1, 1, 2, 3]


def test_an_arrival_says_who_when_and_what(store: ConfigStore, frozen_clock: Any) -> None:
    store.receive(OWN, "order_expire_minutes: 5", Publication("olive", "10.0.0.7"))

    (arrival,) = store.arrivals(OWN)

    assert (arrival.operator, arrival.address, arrival.at) == ("olive", "10.0.0.7", clock.now())
    assert arrival.shown == {"order_expire_minutes": "5"}
    assert arrival.md5 == hashlib.md5(b"order_expire_minutes: 5").hexdigest()


def test_the_history_is_bounded_and_the_count_goes_on(store: ConfigStore) -> None:
    for number in range(ARRIVALS_KEPT + 5):
        store.receive(OWN, f"colour: {number}")

    assert len(store.arrivals(OWN)) == ARRIVALS_KEPT
    assert store.refused(OWN) == ARRIVALS_KEPT + 5


def test_a_crash_between_history_and_snapshot_mends_itself(store: ConfigStore, tmp_path: Path) -> None:
    store.receive(OWN, "order_max_lines: 1")
    (tmp_path / "nacos/config" / f"{OWN}.json").unlink()

    store.receive(OWN, "order_max_lines: 1")

    assert outcomes(store) == ["accepted"]
    assert following(store).values().order_max_lines == 1


def test_only_the_owner_reads_the_files(store: ConfigStore, tmp_path: Path) -> None:
    store.receive(OWN, "order_max_lines: 1")

    modes = {stat.S_IMODE(file.stat().st_mode) for file in (tmp_path / "nacos/config").iterdir()}
    assert modes == {0o600}


def test_a_document_of_another_service_is_not_taken(store: ConfigStore) -> None:
    with pytest.raises(KeyError):
        store.receive("PaymentService.yaml", "risk_failure_mode: open")


def test_a_snapshot_that_makes_no_sense_is_left_aside(store: ConfigStore, tmp_path: Path) -> None:
    """Written by another release, or by hand: what was in force stays."""
    process = following(store)
    store.receive(OWN, "order_max_lines: 2")
    process.values()
    path = tmp_path / "nacos/config" / f"{OWN}.json"
    for content in ("{", "[]", '{"data_id": 1}', json.dumps({"data_id": OWN, "content": "colour: red"})):
        path.write_text(content)
        assert process.values().order_max_lines == 2
    path.unlink()
    assert process.values().order_max_lines == 2


def test_between_two_looks_the_files_are_left_alone(store: ConfigStore) -> None:
    patient = Overlay(BASE, store.watched(), look_seconds=3600)
    assert patient.values() == BASE
    store.receive(OWN, "order_max_lines: 2")

    assert patient.values() == BASE


def test_many_threads_see_whole_documents(store: ConfigStore) -> None:
    process = following(store)
    torn, stop = [], threading.Event()

    def look() -> None:
        while not stop.is_set():
            values = process.values()
            pair = (values.order_max_lines, values.order_expire_minutes)
            if pair not in ((7, 30), (1, 1), (2, 2)):
                torn.append(pair)

    threads = [threading.Thread(target=look) for _ in range(2)]
    for thread in threads:
        thread.start()
    for number in [1, 2] * 5:
        store.receive(OWN, f"{{order_max_lines: {number}, order_expire_minutes: {number}}}")
    stop.set()
    for thread in threads:
        thread.join()

    assert torn == [] and process.values().order_max_lines == 2


def test_a_published_log_level_acts_and_is_taken_back(store: ConfigStore, root_level: logging.Logger) -> None:
    process = following(store)
    store.receive(COMMON, "log_level: DEBUG")
    process.values()
    assert root_level.level == logging.DEBUG

    store.receive(COMMON, "{}")
    process.values()
    assert root_level.level == logging.INFO


# --- where documents are found ------------------------------------------------------------------


def test_plain_files_are_followed_too(tmp_path: Path) -> None:
    files = ConfigFiles(tmp_path, "OrderService")
    process = following(files)
    assert process.values() == BASE

    (tmp_path / OWN).write_text("order_max_lines: 3")
    assert process.values().order_max_lines == 3
    # As Kubernetes changes a ConfigMap: another file under the same name.
    draft = tmp_path / "draft"
    draft.write_text("order_max_lines: 4")
    draft.replace(tmp_path / OWN)
    assert process.values().order_max_lines == 4
    (tmp_path / OWN).write_text("order_max_lines: lots")
    assert process.values().order_max_lines == 4
    (arrival,) = files.arrivals(OWN)
    assert arrival.outcome == "refused" and files.refused(OWN) == 1


def test_what_is_followed_depends_on_discovery(tmp_path: Path) -> None:
    env = {"CFMP_VAR_DIR": str(tmp_path)}
    nacos = {"DISCOVERY": "nacos", "NACOS_SERVER": "127.0.0.1:8848", "SERVICE_RUN_DIR": str(tmp_path / "run")}

    assert documents_for(load("OrderService", env)) is None
    assert isinstance(documents_for(load("OrderService", {**env, "CONFIG_DIR": str(tmp_path)})), ConfigFiles)
    assert isinstance(documents_for(load("OrderService", {**env, **nacos})), ConfigStore)


def test_the_mode_of_files_does_not_depend_on_the_umask(store: ConfigStore, tmp_path: Path) -> None:
    before = os.umask(0)
    try:
        store.receive(OWN, "order_max_lines: 1")
    finally:
        os.umask(before)
    assert stat.S_IMODE((tmp_path / "nacos/config" / f"{OWN}.json").stat().st_mode) == 0o600


def test_a_history_that_makes_no_sense_begins_anew(store: ConfigStore, tmp_path: Path) -> None:
    store.receive(OWN, "order_max_lines: 1")
    path = tmp_path / "nacos/config" / f"{OWN}.history.json"
    for nonsense in ("{", "[]", '{"refused": 1}', '{"refused": 1, "arrivals": [{"colour": "red"}]}'):
        path.write_text(nonsense)
        assert store.arrivals(OWN) == [] and store.refused(OWN) == 0

    store.receive(OWN, "order_max_lines: x")
    assert outcomes(store) == ["refused"]


def test_a_content_that_utf8_cannot_say_is_named_as_java_names_it() -> None:
    assert md5_of("a: \ud800") == hashlib.md5(b"a: ?").hexdigest()


# --- who may say whom buyers pay ----------------------------------------------------------------

PAYMENTS = "PaymentService.yaml"
ACCOUNT = "{alipay.app-id: '2021000000000000', payment_methods_off: alipay_qr}"


def test_without_leave_an_account_is_refused_and_counted(tmp_path: Path) -> None:
    store = ConfigStore(SnapshotFolder(tmp_path / "nacos"), "PaymentService")

    assert not store.receive(PAYMENTS, ACCOUNT)

    (arrival,) = store.arrivals(PAYMENTS)
    assert "CONFIG_MAY_SET_ALIPAY=true" in arrival.problems[0] and store.refused(PAYMENTS) == 1
    assert following(store).values() == BASE


def test_an_account_that_was_accepted_counts_no_more_when_leave_is_taken_back(tmp_path: Path) -> None:
    """A process that starts anew reads the document that lies there; so it must judge it again."""
    folder = SnapshotFolder(tmp_path / "nacos")
    generous = ConfigStore(folder, "PaymentService", may_set_alipay=True)
    assert generous.receive(PAYMENTS, ACCOUNT)
    assert following(generous).values().alipay_app_id == "2021000000000000"

    assert following(ConfigStore(folder, "PaymentService")).values() == BASE


@pytest.mark.parametrize("where", ["nacos", "folder"])
def test_leave_is_the_environments_to_give(
    where: str, embedded_env: dict[str, str], production: dict[str, str], tmp_path: Path
) -> None:
    followed = {"DISCOVERY": "nacos", "NACOS_SERVER": "n1:8848", "SERVICE_RUN_DIR": str(tmp_path / "run")}
    user = {"NACOS_USERNAME": "cfmp", "NACOS_PASSWORD": "p"}
    given = {**followed, **user} if where == "nacos" else {"CONFIG_DIR": str(tmp_path)}

    def taken(env: dict[str, str]) -> bool:
        documents = documents_for(load("PaymentService", {**env, **given}))
        assert documents is not None
        (tmp_path / PAYMENTS).write_text(ACCOUNT)
        if isinstance(documents, ConfigStore):
            documents.receive(PAYMENTS, ACCOUNT)
        return following(documents).values().alipay_app_id == "2021000000000000"

    assert not taken(production)
    assert taken({**production, "CONFIG_MAY_SET_ALIPAY": "true"})
    assert taken(embedded_env)
    assert not taken({**embedded_env, "CONFIG_MAY_SET_ALIPAY": "false"})
