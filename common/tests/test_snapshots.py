"""Files between the agent and everybody else: whole, cheap to look at, and the last good one stays."""

import json
import os
import resource
import signal
from collections.abc import Iterator
from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest

from common import clock
from common.discovery import Chooser
from common.errors import PeerUnavailable
from common.service_client import ServiceClient, service_client
from common.service_registry import NacosRegistry
from common.snapshots import SnapshotFolder, Watched, read_snapshot, write_snapshot
from common.web.registry_figures import RegistryCollector

NAME = "OrderService"


@pytest.fixture
def folder(tmp_path: Path) -> SnapshotFolder:
    return SnapshotFolder.of(tmp_path)


def row(port: int, **changes: Any) -> dict[str, Any]:
    good = {"host": "10.0.0.1", "port": port, "weight": 1.0, "enabled": True, "healthy": True, "metadata": {}}
    return {**good, **changes}


def tell(folder: SnapshotFolder, *rows: dict[str, Any], at: str = "", **more: Any) -> None:
    content = {
        "service": NAME,
        "instances": list(rows),
        "written_at": at or clock.rfc3339(clock.now()),
        **more,
    }
    write_snapshot(folder.service(NAME), content)


def reason_of(registry: NacosRegistry) -> str:
    with pytest.raises(PeerUnavailable) as refused:
        Chooser(registry).choose(NAME)
    return refused.value.reason


@pytest.fixture
def small_files() -> Iterator[None]:
    """No file of this process may have more than a thousand bytes: the kernel says no as on a full disk."""
    most = resource.getrlimit(resource.RLIMIT_FSIZE)
    before = signal.signal(signal.SIGXFSZ, signal.SIG_IGN)
    resource.setrlimit(resource.RLIMIT_FSIZE, (1000, most[1]))
    try:
        yield
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, most)
        signal.signal(signal.SIGXFSZ, before)


# --- files --------------------------------------------------------------------------------------


def test_a_file_is_written_whole_or_not_at_all(folder: SnapshotFolder) -> None:
    write_snapshot(folder.agent, {"pid": 1})

    with pytest.raises(TypeError):
        write_snapshot(folder.agent, {"pid": object()})

    assert read_snapshot(folder.agent) == {"pid": 1}
    assert folder.agent.stat().st_mode & 0o007 == 0


def test_a_full_disk_is_told_by_the_files_name_and_not_made_fuller(
    folder: SnapshotFolder, small_files: None
) -> None:
    write_snapshot(folder.agent, {"pid": 1})

    with pytest.raises(OSError) as refused:
        write_snapshot(folder.agent, {"pid": "1" * 5000})

    assert refused.value.filename == str(folder.agent)
    assert [path.name for path in folder.root.iterdir()] == ["agent.json"]
    assert read_snapshot(folder.agent) == {"pid": 1}


@pytest.mark.parametrize("name", ["", "../x", "a/b", ".hidden", "a" * 200, "a\n"])
def test_a_name_stays_inside_its_folder(folder: SnapshotFolder, name: str) -> None:
    for place in (folder.service, folder.config):
        with pytest.raises(ValueError):
            place(name)


def test_a_file_is_read_once_for_each_change(tmp_path: Path) -> None:
    path, read = tmp_path / "x.json", []
    watched = Watched(path, lambda content: read.append(content) or len(read))
    assert watched.value() is None

    write_snapshot(path, {"a": 1})
    assert [watched.value() for _ in range(5)] == [1] * 5
    write_snapshot(path, {"a": 2})
    assert [watched.value() for _ in range(5)] == [2] * 5
    assert len(read) == 2


@pytest.mark.parametrize("harm", ["delete", "garbage", "list", "lacking"])
def test_the_last_good_value_outlives_its_file(tmp_path: Path, harm: str) -> None:
    path = tmp_path / "x.json"
    watched = Watched(path, lambda content: content["a"])
    write_snapshot(path, {"a": 1})
    assert watched.value() == 1

    if harm == "delete":
        path.unlink()
    else:
        path.write_text({"garbage": "{", "list": "[]", "lacking": "{}"}[harm])

    assert watched.value() == 1


# --- the registry on top of them ----------------------------------------------------------------


def test_only_what_takes_traffic_is_listed(folder: SnapshotFolder) -> None:
    tell(folder, row(1, weight=2.5), row(2, enabled=False), row(3, healthy=False), row(4, weight=0))

    assert [(one.url, one.weight) for one in NacosRegistry(folder).instances(NAME)] == [
        ("http://10.0.0.1:1", 2.5)
    ]


def test_metadata_says_the_protocol(folder: SnapshotFolder) -> None:
    tell(folder, row(1, metadata={"protocol": "https", "version": "2"}))

    (found,) = NacosRegistry(folder).instances(NAME)

    assert (found.url, found.metadata["version"]) == ("https://10.0.0.1:1", "2")


def test_a_change_takes_effect_with_the_next_call(folder: SnapshotFolder) -> None:
    chooser = Chooser(NacosRegistry(folder))
    tell(folder, row(1))
    assert chooser.choose(NAME).port == 1

    tell(folder, row(2))

    assert chooser.choose(NAME).port == 2


def test_why_nobody_is_there_is_told_apart(folder: SnapshotFolder) -> None:
    registry = NacosRegistry(folder)
    reasons = [reason_of(registry)]
    tell(folder)
    reasons.append(reason_of(registry))
    tell(folder, last_seen_at="2026-11-21T02:00:00Z")
    reasons.append(reason_of(registry))
    tell(folder, row(1, enabled=False))
    reasons.append(reason_of(registry))

    assert reasons == ["Nacos was never reached", "never registered", "no instance", "no instance"]


def test_a_list_ages_while_nobody_confirms_it(folder: SnapshotFolder) -> None:
    registry = NacosRegistry(folder)
    tell(folder, row(1), at="2026-11-21T02:00:00Z")
    before = clock.use_source(lambda: clock.datetime.fromisoformat("2026-11-21T02:10:00Z"))
    try:
        alone = registry.ages()
        write_snapshot(folder.agent, {"confirmed_at": "2026-11-21T02:09:58Z"})
        confirmed = registry.ages()
    finally:
        clock.use_source(before)

    assert (alone, confirmed) == ({NAME: 600.0}, {NAME: 2.0})


def test_an_age_is_never_negative(folder: SnapshotFolder) -> None:
    tell(folder, row(1), at="2999-01-01T00:00:00Z")

    assert NacosRegistry(folder).ages() == {NAME: 0.0}


def test_a_look_costs_one_stat(folder: SnapshotFolder, tmp_path: Path) -> None:
    """Hundreds of times a second: unreadable from now on, it would show if anybody opened the file."""
    registry = NacosRegistry(folder)
    tell(folder, row(1))
    assert len(registry.instances(NAME)) == 1
    path, stamp = folder.service(NAME), folder.service(NAME).stat()
    # Same length, same inode, same time: only an open could tell.
    path.write_text(json.dumps({"x": ""}).ljust(stamp.st_size))
    os.utime(path, ns=(stamp.st_atime_ns, stamp.st_mtime_ns))

    assert len(registry.instances(NAME)) == 1


def scraped(folder: SnapshotFolder) -> dict[str, list[Any]]:
    """The samples of each family that `/metrics` has of this folder."""
    before = dict(vars(service_client))
    vars(service_client).update(vars(ServiceClient(NacosRegistry(folder), None)))
    try:
        return {one.name: one.samples for one in RegistryCollector().collect()}
    finally:
        vars(service_client).update(before)


def test_the_age_of_each_list_is_a_metric(folder: SnapshotFolder) -> None:
    tell(folder, row(1), row(2, weight=0))
    page = scraped(folder)

    (age,), (count,) = page["nacos_list_age_seconds"], page["nacos_list_instances"]
    assert (age.labels, 0 <= age.value < 60) == ({"peer": NAME}, True)
    assert (count.labels, count.value) == ({"peer": NAME}, 1)


def of_agent(folder: SnapshotFolder) -> dict[str, float]:
    return {
        name.removeprefix("nacos_agent_"): samples[0].value
        for name, samples in scraped(folder).items()
        if name.startswith("nacos_agent_")
    }


def test_what_the_agent_says_of_itself_is_told(folder: SnapshotFolder) -> None:
    then = clock.now() - timedelta(seconds=90)
    told = {"connected": True, "registered": [NAME], "problem": "mend it", "written_at": clock.rfc3339(then)}
    write_snapshot(folder.agent, told)

    found = of_agent(folder)

    assert found.pop("age_seconds") == pytest.approx(90, abs=20)
    assert found == {"connected": 1, "registered": 1, "problem": 1}


def test_an_agent_that_never_wrote_is_nowhere(folder: SnapshotFolder) -> None:
    assert of_agent(folder) == {"connected": 0, "registered": 0, "problem": 0}
