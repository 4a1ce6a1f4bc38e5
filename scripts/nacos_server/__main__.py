"""The verbs of scripts/nacos."""

import os
import subprocess
import sys
from pathlib import Path

from scripts.nacos_server import jars
from scripts.nacos_server.jars import ROOT, CannotStart
from scripts.nacos_server.server import OFFSETS, USERNAME, Server


def server() -> Server:
    """The server of this machine's var folder."""
    return Server.of(Path(os.environ.get("CFMP_VAR_DIR") or ROOT / "var"), os.environ)


def install() -> None:
    """Java and Maven from Debian as root, then the jars."""
    if (
        jars.missing_tools()
        and subprocess.run([ROOT / "scripts/packages", "default-jre-headless", "maven"]).returncode
    ):
        raise CannotStart(jars.missing_tools())
    jars.install()


def start() -> None:
    """Returns when an operator can log in."""
    ours = server()
    ours.start()
    print(f"Nacos answers at http://{ours.address}/nacos/#/login (name space {ours.namespace}).")
    print(f"  log in as   {USERNAME}, password {ours.password}")
    print("  services    with DISCOVERY=nacos use it; any other program by `scripts/nacos env`")
    print("  stop        scripts/nacos stop")
    others = ", ".join(str(ours.port + offset) for offset in OFFSETS.values() if offset)
    print(f"Nacos lets its gRPC and raft ports ({others}) listen on every interface.")


def stop() -> None:
    """Returns when it is gone."""
    print("Stopped." if server().stop() else "Nothing was running.")


def env() -> None:
    """The variables that point a service at it."""
    for name, value in server().environment().items():
        print(f"{name}={value}")


def run() -> None:
    """Become the server, for a supervisor."""
    server().become()


VERBS = {"install": install, "start": start, "stop": stop, "env": env, "run": run}


def main() -> int:
    """The exit status of the verb on the command line."""
    if len(sys.argv) != 2 or sys.argv[1] not in VERBS:
        print("usage: scripts/nacos install|start|stop|env", file=sys.stderr)
        return 2
    try:
        VERBS[sys.argv[1]]()
    except CannotStart as problem:
        print(problem, file=sys.stderr)
        return 1
    return 0


if __name__ == "__main__":
    sys.exit(main())
