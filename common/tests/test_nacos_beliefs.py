"""What the agent believes of what it hears: a live server, but not one that has just lost its memory."""

from pathlib import Path
from typing import Any

import pytest

from common.nacos_agent.beliefs import Beliefs
from common.nacos_client import Heard, Listed
from common.snapshots import SnapshotFolder, read_snapshot, write_snapshot

NAME = "PaymentService"


class World:
    """Beliefs with a clock of their own, and a server's clock beside it."""

    def __init__(self, folder: SnapshotFolder) -> None:
        self.folder = folder
        self.now = 1000.0
        self.told_at = 1_700_000_000_000
        self.beliefs = self.fresh()

    def fresh(self) -> Beliefs:
        return Beliefs(self.folder, settle_seconds=8, now=lambda: self.now)

    def hear(self, *ports: int, weight: float = 1.0, later: int = 10) -> list[int]:
        """What the file lists after the server has said `ports`."""
        self.told_at += later
        rows = tuple(Listed("10.0.0.1", port, weight, True, True, {}) for port in ports)
        self.beliefs.hear(Heard(NAME, rows, self.told_at))
        return self.ports

    @property
    def file(self) -> dict[str, Any]:
        return read_snapshot(self.folder.service(NAME)) or {}

    @property
    def ports(self) -> list[int]:
        return [row["port"] for row in self.file["instances"]]


@pytest.fixture
def world(tmp_path: Path) -> World:
    return World(SnapshotFolder.of(tmp_path))


def test_a_list_is_written_whole(world: World) -> None:
    world.hear(1, weight=2.5)

    facts = {"host": "10.0.0.1", "port": 1, "weight": 2.5, "enabled": True, "healthy": True, "metadata": {}}
    assert world.file["instances"] == [facts]
    assert (world.file["service"], world.file["revision"], world.file["source"]) == (NAME, 1, "server")
    assert world.file["last_seen_at"] == world.file["written_at"]


def test_the_same_again_writes_nothing(world: World) -> None:
    world.hear(1)
    stamp = world.folder.service(NAME).stat().st_mtime_ns

    world.hear(1)

    assert (world.folder.service(NAME).stat().st_mtime_ns, world.file["revision"]) == (stamp, 1)


def test_a_file_that_was_taken_away_is_written_again(world: World) -> None:
    world.hear(1)
    world.folder.service(NAME).unlink()

    assert world.hear(1) == [1]


def test_a_live_servers_empty_list_is_believed(world: World) -> None:
    assert world.hear(1) == [1]
    assert world.hear() == []
    assert world.file["last_seen_at"]


def test_nobody_is_struck_off_by_a_server_without_its_memory(world: World) -> None:
    world.hear(1, 2)
    world.beliefs.connected()

    assert world.hear() == [1, 2]
    assert world.file["source"] == "settling"
    assert world.hear(2, weight=3.0) == [2, 1]
    assert [row["weight"] for row in world.file["instances"]] == [3.0, 1.0]
    assert not world.beliefs.doubtful


def test_what_was_listed_over_this_connection_may_go(world: World) -> None:
    """A console's word takes effect in two seconds, whenever it comes."""
    world.hear(1, 2)
    world.beliefs.connected()
    world.hear(1, 2)

    assert world.hear(2) == [2]


def test_once_settled_the_server_is_right(world: World) -> None:
    world.hear(1, 2)
    world.beliefs.connected()
    world.hear(2)
    world.now += 9
    assert world.beliefs.doubtful

    assert world.hear(2) == [2]
    assert not world.beliefs.doubtful


def test_a_new_life_remembers_by_its_files(world: World) -> None:
    world.hear(1)
    world.beliefs = world.fresh()
    world.beliefs.connected()

    assert world.hear() == [1]
    assert world.file["revision"] == 2


def test_answers_that_crossed_on_the_way_are_put_in_order(world: World) -> None:
    world.hear(1, 2)

    assert world.hear(1, later=-50) == [1, 2]


def test_a_servers_clock_set_back_silences_nobody(world: World) -> None:
    world.hear(1, 2)

    assert world.hear(1, later=-3_600_000) == [1]
    assert world.hear(1, 3, later=5) == [1, 3]


def test_a_new_connection_has_a_clock_of_its_own(world: World) -> None:
    world.hear(1)
    world.beliefs.connected()

    assert world.hear(1, 2, later=-500) == [1, 2]


def test_a_disk_that_is_full_leaves_the_last_list(world: World, monkeypatch: pytest.MonkeyPatch) -> None:
    world.hear(1)
    folder = world.folder.service(NAME).parent
    folder.rename(folder.with_name("away"))
    folder.write_text("in the way")

    with pytest.raises(OSError):
        world.hear(1, 2)
    folder.unlink()
    folder.with_name("away").rename(folder)

    assert world.ports == [1]
    assert world.hear(1, 2) == [1, 2]


def test_a_file_of_something_else_is_no_belief(world: World) -> None:
    write_snapshot(world.folder.service(NAME), {"unlike": "ours"})

    assert world.hear(1) == [1]
