"""Stands in for the Nacos agent beside a launcher: `python -m common.tests.agent_twin web`.

It keeps the agent's contract (agent.json, SIGUSR1, SIGTERM) without a registry, and writes down what happened
to it in `agent.log`. TWIN=deaf hears no signal; TWIN=ill ends at once, TWIN=misfit too, with the status that
says that its settings cannot be used.
"""

import os
import signal
import sys
import time
from urllib.error import URLError
from urllib.request import urlopen

from common import config
from common.instance.run_dir import RunDir
from common.snapshots import SnapshotFolder, write_snapshot

settings = config.load("OrderService", {**os.environ, "DISCOVERY": "static"})
place = RunDir(settings.run_dir, "order")
ENDINGS = {"ill": 3, "misfit": 2}
registered: list[str] = []
gone: list[int] = []


def note(text: str) -> None:
    with (place.path / "agent.log").open("a") as log:
        log.write(f"{text}\n")


def status(path: str) -> int:
    try:
        with urlopen(f"http://127.0.0.1:{settings.service_port}{path}", timeout=5) as answer:
            return int(answer.status)
    except URLError as error:
        return int(getattr(error, "code", 0))


def publish() -> None:
    write_snapshot(SnapshotFolder.of(place.path).agent, {"pid": os.getpid(), "registered": registered})


def deregister(number: int, frame: object) -> None:
    gone.append(number)
    registered.clear()
    note(f"deregistered while /readyz says {status('/readyz')} and /livez says {status('/livez')}")
    publish()


def end(number: int, frame: object) -> None:
    note(f"told to end while /livez says {status('/livez')}")
    sys.exit(0)


def main() -> None:
    note(f"started for {sys.argv[1]} at port {settings.service_port}")
    if os.environ.get("TWIN") in ENDINGS:
        sys.exit(ENDINGS[os.environ["TWIN"]])
    deaf = os.environ.get("TWIN") == "deaf"
    signal.signal(signal.SIGUSR1, signal.SIG_IGN if deaf else deregister)
    signal.signal(signal.SIGTERM, signal.SIG_IGN if deaf else end)
    while not gone and status("/readyz") != 200:
        time.sleep(0.05)
    if not gone:
        registered.append("OrderService")
    publish()
    # Said last: who waits for it sends a signal, whose handler would publish in the middle of publishing.
    if not gone:
        note("registered")
    while True:
        time.sleep(0.1)


if __name__ == "__main__":
    main()
