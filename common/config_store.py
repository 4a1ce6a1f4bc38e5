"""The documents of the configuration centre on this machine: the last good ones, and what arrived when.

Room: plain. `<run dir>/nacos/config/<dataId>.json` is the content in force, `<dataId>.history.json` the last
arrivals, refused ones too. The agent beside the service calls `receive`; web and worker processes only read.
With DISCOVERY=static the same documents may lie as plain YAML in CONFIG_DIR, kept there by somebody else.
"""

import hashlib
from collections.abc import Callable, Mapping, Sequence
from dataclasses import asdict, dataclass, field, replace
from datetime import UTC, datetime
from functools import partial
from pathlib import Path
from typing import Any

from common import clock
from common.config_documents import Document, DocumentRefused, documents_of, read_document
from common.log import get_logger
from common.settings_table import Settings
from common.snapshots import Content, SnapshotFolder, Watched, read_snapshot, write_snapshot

log = get_logger(__name__)
Read = Callable[[str, str], Document]

ACCEPTED, REFUSED = "accepted", "refused"
ARRIVALS_KEPT = 20
# A document may hold Alipay's private key.
OWNER_ONLY = 0o600
_WITHDRAWN = "was emptied or deleted: the last good content stays; to take every value back publish {}"


@dataclass(frozen=True)
class Publication:
    """What Nacos knows of a publication: who and from where; empty when it does not say.

    Not when: clocks that disagree would put publications out of order, so an arrival has our own time.
    """

    operator: str = ""
    address: str = ""


@dataclass(frozen=True)
class Arrival:
    """One content that came: accepted with its values (secrets by digest), or refused with its problems."""

    data_id: str
    md5: str
    outcome: str
    at: datetime
    operator: str = ""
    address: str = ""
    problems: Sequence[str] = ()
    shown: Mapping[str, str] = field(default_factory=dict)


@dataclass(frozen=True)
class Published:
    """A document in force. `revision` counts what this machine accepted; 0 is a plain file."""

    document: Document
    revision: int
    at: datetime


@dataclass(frozen=True)
class _History:
    refused: int = 0
    arrivals: Sequence[Arrival] = ()


class ConfigStore:
    """The documents that one service follows, in the snapshots of one running instance."""

    def __init__(self, folder: SnapshotFolder, service: str, *, may_set_alipay: bool = False) -> None:
        self.data_ids = documents_of(service)
        self._folder = folder
        self._read = partial(read_document, may_set_alipay=may_set_alipay)

    def watched(self) -> list[Watched[Published]]:
        """The documents in force, the stronger one last."""
        publish = partial(_published, self._read)
        return [Watched(self._folder.config(data_id), publish) for data_id in self.data_ids]

    def arrivals(self, data_id: str) -> list[Arrival]:
        """What came lately, oldest first."""
        return list(self._history(data_id).arrivals)

    def refused(self, data_id: str) -> int:
        """How many contents were refused since this folder began."""
        return self._history(data_id).refused

    def receive(self, data_id: str, content: str | None, by: Publication = Publication()) -> bool:
        """Take over what Nacos holds for `data_id`; None when it holds nothing. True when it is in force.

        Refused content changes nothing but the history. Raises OSError when the files cannot be written, and
        KeyError for a document that this service does not follow.
        """
        if data_id not in self.data_ids:
            raise KeyError(data_id)
        judged = self._judge(data_id, content, by)
        if judged is None:
            return False
        # The history first: after a crash between the two the same content arrives again and is written.
        if not self._is_known(judged):
            self._note(judged)
        if judged.outcome == ACCEPTED:
            self._put_in_force(data_id, judged.md5, content or "")
        return judged.outcome == ACCEPTED

    def _judge(self, data_id: str, content: str | None, by: Publication) -> Arrival | None:
        """None when there is nothing and never was: that is no refusal."""
        text = content or ""
        if text.strip():
            return _judged(self._read, data_id, text, by)
        if not self._folder.config(data_id).exists():
            return None
        return replace(_judged(self._read, data_id, "", by), problems=[_WITHDRAWN])

    def _is_known(self, judged: Arrival) -> bool:
        last = self.arrivals(judged.data_id)[-1:]
        return [(one.md5, one.outcome) for one in last] == [(judged.md5, judged.outcome)]

    def _note(self, arrival: Arrival) -> None:
        history = self._history(arrival.data_id)
        kept = [*history.arrivals, arrival][-ARRIVALS_KEPT:]
        rows = [{**asdict(one), "at": clock.rfc3339(one.at)} for one in kept]
        count = history.refused + (arrival.outcome == REFUSED)
        content = {"data_id": arrival.data_id, "refused": count, "arrivals": rows}
        write_snapshot(self._history_path(arrival.data_id), content, mode=OWNER_ONLY)
        _tell(arrival)

    def _put_in_force(self, data_id: str, md5: str, content: str) -> None:
        path = self._folder.config(data_id)
        before = read_snapshot(path) or {}
        if before.get("md5") == md5:
            return
        snapshot = {
            "data_id": data_id,
            "revision": int(before.get("revision", 0)) + 1,
            "md5": md5,
            "content": content,
            "written_at": clock.rfc3339(clock.now()),
        }
        write_snapshot(path, snapshot, mode=OWNER_ONLY)

    def _history(self, data_id: str) -> "_History":
        return Watched(self._history_path(data_id), _history).value() or _History()

    def _history_path(self, data_id: str) -> Path:
        return self._folder.config(f"{data_id}.history")


class ConfigFiles:
    """The same documents as plain files in a folder that somebody else writes: a mounted ConfigMap, say."""

    def __init__(self, folder: Path, service: str, *, may_set_alipay: bool = False) -> None:
        self.data_ids = documents_of(service)
        self._folder = folder
        self._read = partial(read_document, may_set_alipay=may_set_alipay)

    def watched(self) -> list[Watched[Published]]:
        publish = partial(_published, self._read)
        return [Watched(self._folder / data_id, publish, _read_plain) for data_id in self.data_ids]

    def arrivals(self, data_id: str) -> list[Arrival]:
        """The file as it is now: of earlier ones nothing is known here."""
        found = _read_plain(self._folder / data_id)
        if found is None:
            return []
        at = datetime.fromisoformat(found["written_at"])
        return [replace(_judged(self._read, data_id, found["content"], Publication()), at=at)]

    def refused(self, data_id: str) -> int:
        return sum(one.outcome == REFUSED for one in self.arrivals(data_id))


Documents = ConfigStore | ConfigFiles


def documents_for(settings: Settings) -> Documents | None:
    """Where `settings`' service finds its documents; None when it follows none."""
    allowed = settings.config_may_set_alipay
    if settings.discovery == "nacos":
        folder = SnapshotFolder.of(settings.run_dir)
        return ConfigStore(folder, settings.service, may_set_alipay=allowed)
    if settings.config_dir:
        return ConfigFiles(Path(settings.config_dir), settings.service, may_set_alipay=allowed)
    return None


def _judged(read: Read, data_id: str, content: str, by: Publication) -> Arrival:
    arrival = Arrival(data_id, md5_of(content), ACCEPTED, clock.now(), by.operator, by.address)
    try:
        return replace(arrival, shown=read(data_id, content).shown)
    except DocumentRefused as refusal:
        return replace(arrival, outcome=REFUSED, problems=refusal.problems)


def _published(read: Read, content: Content) -> Published:
    document = read(content["data_id"], content["content"])
    return Published(document, int(content["revision"]), datetime.fromisoformat(content["written_at"]))


def _read_plain(path: Path) -> dict[str, Any] | None:
    try:
        at = datetime.fromtimestamp(path.stat().st_mtime, UTC)
        content = path.read_bytes().decode(errors="replace")
    except OSError:
        return None
    return {"data_id": path.name, "revision": 0, "content": content, "written_at": clock.rfc3339(at)}


def _history(content: Content) -> _History:
    rows = content["arrivals"]
    return _History(
        int(content["refused"]),
        [Arrival(**{**row, "at": datetime.fromisoformat(row["at"])}) for row in rows],
    )


def md5_of(content: str) -> str:
    """How Nacos names a content; as in Java, what UTF-8 cannot say counts as "?"."""
    return hashlib.md5(content.encode(errors="replace"), usedforsecurity=False).hexdigest()


def _tell(arrival: Arrival) -> None:
    facts = {"data_id": arrival.data_id, "md5": arrival.md5, "operator": arrival.operator}
    if arrival.outcome == REFUSED:
        log.error("config_refused", **facts, problems=list(arrival.problems))
    else:
        log.info("config_accepted", **facts, settings=sorted(arrival.shown))
