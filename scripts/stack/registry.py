"""DISCOVERY=nacos: the registry that the stack's programs meet in, and whether all of them have met.

It is a server of the stack's own under var/nacos, unless NACOS_SERVER names another or `make nacos` runs.
"""

import importlib.util
import sys
from pathlib import Path

from common.config import PORTS
from common.snapshots import SnapshotFolder, read_snapshot
from scripts.nacos_server.jars import CannotStart
from scripts.nacos_server.server import Server
from scripts.stack import layout
from scripts.stack.layout import Program


def join() -> Server | None:
    """Our server, with all that the others need to find it; None when it is another's. Raises CannotStart."""
    if not layout.NACOS or layout.ENVIRONMENT.get("NACOS_SERVER"):
        return None
    if importlib.util.find_spec("v2") is None:
        raise CannotStart("DISCOVERY=nacos needs more packages: scripts/install nacos")
    server = Server.of(layout.VAR, layout.ENVIRONMENT)
    if not server.pid:
        server.prepare()
    return server


def program(server: Server | None) -> list[Program]:
    """What runs it; nothing when it is not ours, or runs already."""
    if server is None or server.pid:
        return []
    command = (sys.executable, "-m", "scripts.nacos_server", "run")
    place = {"CFMP_VAR_DIR": str(layout.VAR)}
    return [Program("nacos", command, environment=place, early=True)]


def strangers() -> list[str]:
    """A sentence for each service, worker and sandbox that does not know all others yet."""
    if not layout.NACOS:
        return []
    unknown = {place.name: _unknown(place) for place in layout.agents()}
    return [f"{name} does not know {', '.join(peers)}" for name, peers in unknown.items() if peers]


def complaints() -> list[str]:
    """What the agents say is wrong, each thing once."""
    agents = layout.agents() if layout.NACOS else []
    said = [(read_snapshot(SnapshotFolder.of(place).agent) or {}).get("problem") for place in agents]
    return list(dict.fromkeys(text for text in said if text))


def _unknown(place: Path) -> list[str]:
    folder = SnapshotFolder.of(place)
    return [service for service in _peers(place.name) if not _known(folder, service)]


def _peers(name: str) -> list[str]:
    own = ["UserService", "ProductService", "RootService"]
    if name != "sandbox":
        own = [f"{name.capitalize()}Service"]
    return [service for service in PORTS if service not in own]


def _known(folder: SnapshotFolder, service: str) -> bool:
    found = read_snapshot(folder.service(service))
    return bool(found and any(row["enabled"] and row["healthy"] for row in found["instances"]))
