"""Keeps Envoy's endpoint files in step: `python -m apisix.embedded.endpoints --from DIR --to DIR`.

Reads the snapshots that a Nacos agent writes (`<run dir>/nacos/services/<Service>.json`), those of several
agents too: the newest of a service counts. An empty list is an answer of the registry and empties the file
(503); a snapshot that is missing or cannot be read is none, and what was known stays.
"""

import argparse
import json
import signal
import socket
import sys
import time
from collections.abc import Iterable, Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any

from prometheus_client import Gauge, start_http_server

from common.snapshots import read_snapshot, write_snapshot

LOOK_EVERY_SECONDS = 0.5

# Nacos weighs by fractions, Envoy by whole numbers.
_PARTS_OF_ONE = 100
_ASSIGNMENT = "type.googleapis.com/envoy.config.endpoint.v3.ClusterLoadAssignment"

Stamp = tuple[int, int, int]

LOOKED = Gauge("endpoints_look_timestamp_seconds", "When the snapshots were last looked at.")
LISTED = Gauge(
    "endpoints_listed", "Instances of a service that take requests, as the agents heard.", ["peer"]
)
STUCK = Gauge("endpoints_unwritten", "Services whose file could not be written.")


def write_first(folder: Path, services: Iterable[str]) -> None:
    """A file for each service, so that Envoy can start; the last good list of an earlier run stays."""
    folder.mkdir(parents=True, exist_ok=True)
    for service in services:
        if not (folder / f"{service}.json").exists():
            write_snapshot(folder / f"{service}.json", assignment(service, []))


def assignment(service: str, instances: Iterable[Mapping[str, Any]]) -> dict[str, Any]:
    """What Envoy reads of one service: enabled, healthy instances that weigh something."""
    endpoints = [entry for instance in instances if _takes_requests(instance) for entry in _entry(instance)]
    # In one order, so that the file changes only when the list does.
    endpoints.sort(key=json.dumps)
    resource = {
        "@type": _ASSIGNMENT,
        "cluster_name": service,
        "endpoints": [{"lb_endpoints": endpoints}] if endpoints else [],
    }
    return {"resources": [resource]}


def _takes_requests(instance: Mapping[str, Any]) -> bool:
    return bool(instance.get("enabled", True) and instance.get("healthy", True) and instance["weight"] > 0)


def _entry(instance: Mapping[str, Any]) -> Iterator[dict[str, Any]]:
    address = _ip(instance["host"])
    if address:
        place = {"socket_address": {"address": address, "port_value": int(instance["port"])}}
        weight = max(1, round(instance["weight"] * _PARTS_OF_ONE))
        yield {"endpoint": {"address": place}, "load_balancing_weight": weight}


def _ip(host: str) -> str | None:
    """Endpoint files hold addresses only; an instance whose name nobody knows cannot be reached anyway.

    One that Envoy cannot read would cost the whole file, and with it every other instance.
    """
    try:
        if "%" in host:
            raise ValueError("names an interface of another machine")
        return str(socket.getaddrinfo(host, None, type=socket.SOCK_STREAM)[0][4][0])
    except (OSError, ValueError) as error:
        _say("host_unknown", host=host, error=str(error))
        return None


class Keeper:
    """Carries changed snapshots from `sources` over to `folder`; `look` once is one round."""

    def __init__(self, sources: Sequence[Path], folder: Path) -> None:
        self._sources = sources
        self._folder = folder
        self._seen: dict[Path, Stamp] = {}
        self._stuck: set[str] = set()

    def look(self) -> list[str]:
        """The services whose endpoints changed."""
        touched = sorted({path.name for path in self._changed()})
        changed = [name.removesuffix(".json") for name in touched if self._carry(name)]
        LOOKED.set_to_current_time()
        STUCK.set(len(self._stuck))
        return changed

    def _changed(self) -> Iterator[Path]:
        for path in (path for source in self._sources for path in source.glob("*.json")):
            try:
                about = path.stat()
            except FileNotFoundError:
                continue
            stamp = (about.st_ino, about.st_mtime_ns, about.st_size)
            if self._seen.get(path) != stamp:
                self._seen[path] = stamp
                yield path

    def _carry(self, name: str) -> bool:
        service = name.removesuffix(".json")
        known = [snapshot for source in self._sources if (snapshot := _read(source / name, service))]
        if not known:
            return False
        target, (_, fresh) = self._folder / name, max(known, key=lambda snapshot: snapshot[0])
        LISTED.labels(service).set(_count(fresh))
        if read_snapshot(target) == fresh:
            return False
        try:
            # Moved into the folder whole, which is what Envoy watches for.
            write_snapshot(target, fresh)
        except OSError as error:
            self._try_again(name, error)
            return False
        self._stuck.discard(name)
        _say("endpoints_changed", of=service)
        return True

    def _try_again(self, name: str, error: OSError) -> None:
        """In the next round, as if it had changed; others have their turn, and one line says it."""
        for source in self._sources:
            self._seen.pop(source / name, None)
        if name not in self._stuck:
            cure = "free the disk or mend the folder's rights; until then the gateway goes by the last list"
            _say("endpoints_not_written", of=name.removesuffix(".json"), error=str(error), cure=cure)
        self._stuck.add(name)


def _count(fresh: Mapping[str, Any]) -> int:
    (resource,) = fresh["resources"]
    return sum(len(group["lb_endpoints"]) for group in resource["endpoints"])


def _read(path: Path, service: str) -> tuple[str, dict[str, Any]] | None:
    """When the snapshot was written, and what Envoy reads of it."""
    try:
        snapshot = json.loads(path.read_text(encoding="utf-8"))
        if snapshot["service"] != service:
            raise ValueError(f"this is a snapshot of {snapshot['service']}")
        return snapshot["written_at"], assignment(service, snapshot["instances"])
    except FileNotFoundError:
        return None
    except (OSError, ValueError, KeyError, TypeError) as error:
        _say("snapshot_unreadable", path=str(path), error=f"{type(error).__name__}: {error}")
        return None


def _say(event: str, **about: object) -> None:
    print(json.dumps({"service": "gateway", "event": event, **about}), flush=True)


def main() -> int:
    """Runs until it is told to stop."""
    parser = argparse.ArgumentParser(prog="python -m apisix.embedded.endpoints", description=__doc__)
    parser.add_argument("--from", dest="sources", type=Path, action="append", required=True, metavar="DIR")
    parser.add_argument("--to", dest="folder", type=Path, required=True, metavar="DIR")
    parser.add_argument("--metrics-port", type=int, default=0, help="of /metrics on loopback; 0 for none")
    given = parser.parse_args()
    try:
        given.folder.mkdir(parents=True, exist_ok=True)
        if given.metrics_port:
            start_http_server(given.metrics_port, "127.0.0.1")
    except OSError as error:
        what = error.filename or f"port {given.metrics_port}"
        parser.error(f"{what} cannot be used: {error.strerror}")
    signal.signal(signal.SIGTERM, lambda number, frame: sys.exit(0))
    keeper = Keeper(given.sources, given.folder)
    while True:
        keeper.look()
        time.sleep(LOOK_EVERY_SECONDS)


if __name__ == "__main__":
    sys.exit(main())
