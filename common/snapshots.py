"""Files by which the Nacos agent tells the processes beside it what the registry and its configuration say.

Room: plain. The agent writes them whole (a reader never meets half a file); web, worker and gateway processes
look at the file's stamp and read it again only when it changed. Who talks to Nacos is `common.nacos_agent`.

    <run dir>/nacos/services/<Service>.json   the instances of one service, the last list worth believing
    <run dir>/nacos/config/<dataId>.json      one configuration, the last content that was accepted
    <run dir>/nacos/agent.json                the agent about itself
"""

import json
import re
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Generic, TypeVar

from common.log import get_logger
from common.whole_files import write_whole

log = get_logger(__name__)

T = TypeVar("T")
Content = Mapping[str, Any]
_NAME = re.compile(r"[A-Za-z0-9][A-Za-z0-9._-]{0,127}")


@dataclass(frozen=True)
class SnapshotFolder:
    """The folder of one running instance: `<run dir>/nacos`."""

    root: Path

    @classmethod
    def of(cls, run_dir: Path) -> "SnapshotFolder":
        return cls(run_dir / "nacos")

    @property
    def agent(self) -> Path:
        return self.root / "agent.json"

    def service(self, name: str) -> Path:
        """Raises ValueError for what can be no service's name."""
        return self.root / "services" / f"{_plain(name)}.json"

    def config(self, data_id: str) -> Path:
        """Raises ValueError for what can be no dataId of ours."""
        return self.root / "config" / f"{_plain(data_id)}.json"

    def services(self) -> list[str]:
        """The names of all services there is a snapshot of."""
        return sorted(path.stem for path in (self.root / "services").glob("*.json"))


def _plain(name: str) -> str:
    if not _NAME.fullmatch(name):
        raise ValueError("a snapshot's name has letters, digits, dots, dashes and underscores only")
    return name


def write_snapshot(path: Path, content: Content, *, mode: int = 0o640) -> None:
    """Put `content` at `path` in one step. Raises OSError with a name; what was there before then stays."""
    path.parent.mkdir(mode=0o750, parents=True, exist_ok=True)
    write_whole(path, json.dumps(content, ensure_ascii=False, indent=1), mode)


def read_snapshot(path: Path) -> dict[str, Any] | None:
    """What stands at `path`; None when nothing (readable) does."""
    try:
        found = json.loads(path.read_bytes())
    except FileNotFoundError:
        return None
    except (OSError, ValueError) as error:
        log.error("snapshot_unreadable", path=str(path), error=type(error).__name__)
        return None
    return found if isinstance(found, dict) else None


class Watched(Generic[T]):
    """One snapshot as `parse` understands it: a stat for each look, a read for each change.

    A file that vanishes or cannot be understood leaves what was read before. Safe to share between threads.
    """

    def __init__(
        self,
        path: Path,
        parse: Callable[[Content], T],
        read: Callable[[Path], Content | None] = read_snapshot,
    ) -> None:
        self._path = path
        self._parse = parse
        self._content = read
        # Both in one tuple, so that a thread never sees the stamp of one file with the value of another.
        self._known: tuple[tuple[int, int, int] | None, T | None] = (None, None)

    def value(self) -> T | None:
        """None while there never was a file."""
        stamp = self._stamp()
        known, value = self._known
        if stamp is None or stamp == known:
            return value
        value = self._read(value)
        self._known = (stamp, value)
        return value

    def _stamp(self) -> tuple[int, int, int] | None:
        try:
            found = self._path.stat()
        except OSError:
            return None
        return found.st_mtime_ns, found.st_ino, found.st_size

    def _read(self, before: T | None) -> T | None:
        content = self._content(self._path)
        try:
            return before if content is None else self._parse(content)
        except (KeyError, TypeError, ValueError, AttributeError) as error:
            log.error(
                "snapshot_not_understood", path=str(self._path), error=f"{type(error).__name__}: {error}"
            )
            return before
