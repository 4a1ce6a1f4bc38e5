"""DISCOVERY=nacos: the registry that the stack's programs meet in, and whether all of them have met.

It is a server of the stack's own under var/nacos, unless NACOS_SERVER names another or `make nacos` runs.
"""

import importlib.util
import sys

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
    """Who does not know whom yet, among services, workers and sandbox; empty when all have met."""
    if not layout.NACOS:
        return []
    return [
        f"{place.name} does not know {service}"
        for place in layout.agents()
        for service in _peers(place.name)
        if not _known(SnapshotFolder.of(place), service)
    ]


def _peers(name: str) -> list[str]:
    own = ["UserService", "ProductService", "RootService"]
    if name != "sandbox":
        own = [f"{name.capitalize()}Service"]
    return [service for service in PORTS if service not in own]


def _known(folder: SnapshotFolder, service: str) -> bool:
    found = read_snapshot(folder.service(service))
    return bool(found and any(row["enabled"] and row["healthy"] for row in found["instances"]))
