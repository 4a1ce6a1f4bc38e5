"""What to believe of what Nacos says, and the files that tell it.

Room: network, but it calls nobody: `Heard` goes in, snapshots come out. The rule: the list of a live server
is the truth, an empty one too; without a server the last list stays. One exception: a server that was just
(re)started knows only those who have come back by now, so for `SETTLE_SECONDS` after a connection nobody is
struck off whom it has not listed yet.
"""

import time
from collections.abc import Callable, Mapping
from dataclasses import asdict
from typing import Any

from common import clock
from common.log import get_logger
from common.nacos_client import Heard
from common.snapshots import SnapshotFolder, read_snapshot, write_snapshot

log = get_logger(__name__)

# Ours are back within three seconds, clients of other makes within a handful.
SETTLE_SECONDS = 8.0
# Two answers may cross on the way; a server's clock may also be set back, and must not silence it for good.
REORDER_MILLISECONDS = 2000
# A fleet that restarts changes its list with each instance: a line must not grow with it.
MOST_SHOWN = 20


class Beliefs:
    """The lists of this agent, in memory and as files."""

    def __init__(
        self,
        folder: SnapshotFolder,
        *,
        settle_seconds: float = SETTLE_SECONDS,
        now: Callable[[], float] = time.monotonic,
    ) -> None:
        self._folder = folder
        self._settle = settle_seconds
        self._now = now
        self._settled_at = 0.0
        self._told_at: dict[str, int] = {}
        self._seen: dict[str, set[tuple[str, int]]] = {}
        self._written: dict[str, dict[str, Any]] = {}

    @property
    def settling(self) -> bool:
        """Whether the server may not know everybody yet."""
        return self._now() < self._settled_at

    @property
    def doubtful(self) -> bool:
        """Whether somebody was not struck off who may be gone, and it is time to ask."""
        return not self.settling and any(one.get("source") == "settling" for one in self._written.values())

    def connected(self) -> None:
        """A new connection: maybe another server, maybe the same without its memory."""
        self._settled_at = self._now() + self._settle
        self._told_at.clear()
        self._seen.clear()

    def hear(self, heard: Heard) -> None:
        """Take over what the server says. Raises OSError when the file cannot be written."""
        last = self._told_at.get(heard.service, 0)
        if 0 < last - heard.told_at < REORDER_MILLISECONDS:
            return
        rows = {(one.host, one.port): asdict(one) for one in heard.instances}
        self._seen.setdefault(heard.service, set()).update(rows)
        held = self._held_back(heard.service)
        self._write(heard.service, [*rows.values(), *held], "settling" if held else "server")
        self._told_at[heard.service] = heard.told_at

    def _held_back(self, service: str) -> list[dict[str, Any]]:
        if not self.settling:
            return []
        known = self._known(service).get("instances", [])
        return [row for row in known if (row["host"], row["port"]) not in self._seen[service]]

    def _known(self, service: str) -> dict[str, Any]:
        if service not in self._written:
            self._written[service] = read_snapshot(self._folder.service(service)) or {}
        return self._written[service]

    def _write(self, service: str, rows: list[dict[str, Any]], source: str) -> None:
        before, path = self._known(service), self._folder.service(service)
        if (before.get("instances"), before.get("source")) == (rows, source) and path.exists():
            return
        at = clock.rfc3339(clock.now())
        content = {
            "service": service,
            "revision": int(before.get("revision", 0)) + 1,
            "written_at": at,
            "source": source,
            "last_seen_at": at if rows else before.get("last_seen_at"),
            "instances": rows,
        }
        write_snapshot(path, content)
        self._written[service] = content
        shown = [_shown(row) for row in rows[:MOST_SHOWN]]
        log.info("instances_changed", peer=service, source=source, count=len(rows), instances=shown)


def _shown(row: Mapping[str, Any]) -> str:
    return f"{row['host']}:{row['port']} x{row['weight']:g}"
