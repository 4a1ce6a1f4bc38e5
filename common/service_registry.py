"""What a registry of running services answers: the instances of one service, and who says so.

Room: network. An interface, a value, and the two sources: fixed addresses, and the files that the Nacos
agent writes. Choosing among instances is `common.discovery`'s.
"""

import threading
from abc import ABC, abstractmethod
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any
from urllib.parse import urlsplit

from common import clock
from common.snapshots import Content, SnapshotFolder, Watched


@dataclass(frozen=True)
class Instance:
    """One running process of a service. `weight` is relative; 0 takes no traffic."""

    host: str
    port: int
    weight: float = 1.0
    metadata: Mapping[str, str] = field(default_factory=dict, hash=False)
    scheme: str = "http"
    base_path: str = ""

    @property
    def url(self) -> str:
        """`http://host:port`, without a slash at the end; IPv6 hosts in brackets."""
        host = f"[{self.host}]" if ":" in self.host else self.host
        return f"{self.scheme}://{host}:{self.port}{self.base_path}"

    @classmethod
    def from_url(cls, url: str) -> "Instance":
        """Read `http://host:port[/prefix]`. Raises ValueError when it is no absolute http(s) URL."""
        parts = urlsplit(url)
        if parts.scheme not in {"http", "https"} or not parts.hostname:
            raise ValueError("an instance needs an absolute http(s) URL")
        port = parts.port or (443 if parts.scheme == "https" else 80)
        return cls(parts.hostname, port, scheme=parts.scheme, base_path=parts.path.rstrip("/"))


class ServiceRegistry(ABC):
    """Where services are found by name."""

    @abstractmethod
    def instances(self, service: str) -> Sequence[Instance]:
        """The healthy, enabled instances of `service`; empty when it is unknown or down."""

    def why_none(self, service: str) -> str:
        """In a few words, why `instances` is empty: the reason of the PeerUnavailable that follows."""
        return "no instance"


class StaticRegistry(ServiceRegistry):
    """Fixed addresses, from `*_SERVICE_URL`."""

    def __init__(self, urls: Mapping[str, Sequence[str] | str]) -> None:
        self._instances = {
            name: [Instance.from_url(url) for url in _many(given)] for name, given in urls.items()
        }

    def instances(self, service: str) -> list[Instance]:
        return list(self._instances.get(service, []))


def _many(given: Sequence[str] | str) -> Sequence[str]:
    return [given] if isinstance(given, str) else given


@dataclass(frozen=True)
class _Listed:
    """A service's snapshot as it was read: who takes traffic, and since when this is known."""

    instances: tuple[Instance, ...]
    written_at: datetime
    ever: bool


class NacosRegistry(ServiceRegistry):
    """The last lists that Nacos gave, from the agent's files. It never waits and never calls out.

    An empty list in a file is Nacos' word (the agent writes none while it cannot reach it), so it means that
    nobody takes traffic. Without Nacos or agent the files stay as they are, and so do the answers.
    """

    def __init__(self, folder: SnapshotFolder) -> None:
        self.folder = folder
        self._lock = threading.Lock()
        self._files: dict[str, Watched[_Listed]] = {}
        self._agent = Watched(folder.agent, _confirmed_at)

    def instances(self, service: str) -> Sequence[Instance]:
        known = self._file(service).value()
        return () if known is None else known.instances

    def why_none(self, service: str) -> str:
        known = self._file(service).value()
        if known is None:
            return "Nacos was never reached"
        return "no instance" if known.ever else "never registered"

    def ages(self) -> dict[str, float]:
        """Seconds since each list was last known to be what Nacos says; near 0 while all is well."""
        confirmed = self._agent.value()
        now = clock.now()
        found = {name: self._file(name).value() for name in self.folder.services()}
        return {
            name: max(0.0, (now - max(known.written_at, confirmed or known.written_at)).total_seconds())
            for name, known in found.items()
            if known is not None
        }

    def _file(self, service: str) -> Watched[_Listed]:
        if service not in self._files:
            with self._lock:
                self._files.setdefault(service, Watched(self.folder.service(service), _listed))
        return self._files[service]


def _listed(content: Content) -> _Listed:
    rows = [row for row in content["instances"] if row["enabled"] and row["healthy"] and row["weight"] > 0]
    return _Listed(
        tuple(_instance(row) for row in rows),
        datetime.fromisoformat(content["written_at"]),
        ever=bool(content["instances"] or content.get("last_seen_at")),
    )


def _instance(row: Mapping[str, Any]) -> Instance:
    metadata = {str(name): str(value) for name, value in row.get("metadata", {}).items()}
    scheme = "https" if metadata.get("protocol") == "https" else "http"
    return Instance(str(row["host"]), int(row["port"]), float(row["weight"]), metadata, scheme)


def _confirmed_at(content: Content) -> datetime | None:
    """When the agent last had Nacos' word that its lists are right."""
    text = content.get("confirmed_at")
    return datetime.fromisoformat(text) if text else None
