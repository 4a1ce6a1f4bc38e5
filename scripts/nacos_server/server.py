"""One Nacos server: its folder, its secrets, its process.

Its HTTP port listens on loopback alone. Nacos gives its gRPC ports (+1000, +1001) and its raft port (-1000)
no address to listen on; a log-in guards gRPC, and `make nacos` says so.
"""

import json
import os
import secrets
import signal
import subprocess
import time
from base64 import b64encode
from collections.abc import Callable, Mapping
from pathlib import Path

from scripts.nacos_server.console import Console, Refused, Unreachable
from scripts.nacos_server.jars import CannotStart, class_path, missing_tools
from scripts.stack import ports

USERNAME = "nacos"
FIRST_PORT = 8848
# HTTP, gRPC for clients, gRPC between servers, raft.
OFFSETS = {"Nacos": 0, "Nacos gRPC": 1000, "Nacos cluster gRPC": 1001, "Nacos raft": -1000}
_MEMORY = (
    "-Xms128m",
    "-Xmx512m",
    "-XX:+UseSerialGC",
    "-XX:TieredStopAtLevel=1",
    "-XX:+ExitOnOutOfMemoryError",
)
_FRESH_PASSWORD = "nacos"


class Server:
    """The server of one folder. `port` is kept there: Nacos's own data remembers it."""

    namespace = "cfmp-microservices"

    def __init__(self, home: Path, port: int | None = None) -> None:
        self.home = home.resolve()
        self._wanted_port = port

    @classmethod
    def of(cls, var: Path, environ: Mapping[str, str]) -> "Server":
        """The server of a var folder. Raises CannotStart for a CFMP_NACOS_PORT that is no port."""
        given = environ.get("CFMP_NACOS_PORT", "")
        if given and not (given.isascii() and given.isdigit() and 1024 < int(given) - 1000 < 63000):
            raise CannotStart(
                f"CFMP_NACOS_PORT={given}: a number from 2025 to 63999, for Nacos takes ports around it too"
            )
        return cls(var / "nacos", int(given) if given else None)

    @property
    def port(self) -> int:
        """The HTTP port; 0 before the first start."""
        kept = self.home / "port"
        text = kept.read_text() if kept.exists() else ""
        return int(text) if text.isdigit() else 0

    @property
    def address(self) -> str:
        """What NACOS_SERVER is."""
        return f"127.0.0.1:{self.port}"

    @property
    def pid(self) -> int | None:
        """The running process; None when it does not run."""
        try:
            pid = int((self.home / "pid").read_text())
            command = Path(f"/proc/{pid}/cmdline").read_bytes().split(b"\0")
        except (OSError, ValueError):
            return None
        return pid if f"-Dnacos.home={self.home}".encode() in command else None

    @property
    def password(self) -> str:
        """The operator's, made for this server."""
        return self._secrets()["password"]

    def environment(self) -> dict[str, str]:
        """The variables that make a service use it."""
        return {"DISCOVERY": "nacos", **self.access()}

    def access(self) -> dict[str, str]:
        """The variables that say where it is and who may log in."""
        return {
            "NACOS_SERVER": self.address,
            "NACOS_NAMESPACE": self.namespace,
            "NACOS_USERNAME": USERNAME,
            "NACOS_PASSWORD": self.password,
        }

    def console(self) -> Console:
        """The operator's view, logged in on first use."""
        return Console(f"http://{self.address}/nacos", USERNAME, self.password, self.namespace)

    def prepare(self) -> list[str]:
        """Ports, secrets and configuration; the command that runs the server. Raises CannotStart."""
        if missing := missing_tools():
            raise CannotStart(missing)
        jars = class_path()
        (self.home / "conf").mkdir(parents=True, exist_ok=True)
        # Nacos writes passwords' hashes and its callers' tokens into files that everybody may read.
        self.home.chmod(0o700)
        self._write_private("port", str(self._free_port()))
        self._write_private("conf/application.properties", self._properties())
        # Embedded services find the server by this file (common.embedded).
        self._write_private("access.json", json.dumps(self.access()))
        options = {"nacos.standalone": "true", "nacos.home": str(self.home), "user.home": str(self.home)}
        options["server.tomcat.basedir"] = str(self.home / "tomcat")
        options["derby.stream.error.file"] = str(self.home / "derby.log")
        given = [f"-D{name}={value}" for name, value in options.items()]
        where = f"--spring.config.additional-location=file:{self.home}/conf/"
        return ["java", *_MEMORY, *given, "-cp", jars, "com.alibaba.nacos.Nacos", where]

    def start(self, seconds: float = 120) -> None:
        """In the background; returns when an operator can log in. Raises CannotStart."""
        child = None if self.pid else self._spawn(self.prepare())
        self.settle(seconds, ended=lambda: child is not None and child.poll() is not None)

    def become(self) -> None:
        """Turn this process into the server: for a supervisor that watches it."""
        command = self.prepare()
        self._write_private("pid", str(os.getpid()))
        os.execvp(command[0], command)

    def settle(self, seconds: float, ended: Callable[[], bool]) -> None:
        """Wait until the operator can log in; give a fresh server its password and its namespace.

        Raises CannotStart when that takes too long, or when `ended` says that there is no server any more.
        """
        until = time.monotonic() + seconds
        while True:
            try:
                return self._make_ours()
            except (Refused, Unreachable) as problem:
                if time.monotonic() > until:
                    raise CannotStart(f"Nacos is not ready after {seconds:.0f} s: {problem}") from None
            if ended():
                raise CannotStart(f"Nacos ended while it started:\n{self._last_words()}")
            time.sleep(0.3)

    def stop(self, seconds: float = 30) -> bool:
        """Returns when the process is gone; False when none ran."""
        pid = self.pid
        if not pid:
            return False
        os.kill(pid, signal.SIGTERM)
        if not self._gone(pid, seconds):
            os.kill(pid, signal.SIGKILL)
            self._gone(pid, 10)
        return True

    def kill(self) -> None:
        """SIGKILL, and wait until it is gone."""
        if pid := self.pid:
            os.kill(pid, signal.SIGKILL)
            self._gone(pid, 10)

    def pause(self) -> None:
        """It keeps its connections and answers nothing, as an unreachable machine would."""
        os.kill(self.pid or 0, signal.SIGSTOP)

    def resume(self) -> None:
        """After `pause`."""
        os.kill(self.pid or 0, signal.SIGCONT)

    def _spawn(self, command: list[str]) -> subprocess.Popen[bytes]:
        with (self.home / "output.log").open("wb") as log:
            child = subprocess.Popen(
                command, stdin=subprocess.DEVNULL, stdout=log, stderr=log, start_new_session=True
            )
        self._write_private("pid", str(child.pid))
        return child

    def _make_ours(self) -> None:
        console = self.console()
        try:
            console.log_in()
        except Refused:
            fresh = Console(console.url, USERNAME, _FRESH_PASSWORD)
            fresh.log_in()
            fresh.change_password(self.password)
            console.log_in()
        console.create_namespace(self.namespace)

    def _free_port(self) -> int:
        if wanted := self._wanted_port or self.port:
            if taken := ports.taken(_block(wanted)):
                raise CannotStart(
                    "\n".join(taken) + f"\nEnd it, or forget this server and its port: rm -r {self.home}"
                )
            return wanted
        return next(port for port in range(FIRST_PORT, 65000, 2) if not ports.taken(_block(port)))

    def _secrets(self) -> dict[str, str]:
        path = self.home / "secrets.json"
        if not path.exists():
            self._write_private(path.name, json.dumps(_new_secrets()))
        found: dict[str, str] = json.loads(path.read_text())
        return found

    def _properties(self) -> str:
        kept = self._secrets()
        return f"""# Written by scripts/nacos; changes here are lost.
server.address=127.0.0.1
server.port={self.port}
server.servlet.contextPath=/nacos
server.tomcat.accesslog.enabled=false
nacos.inetutils.ip-address=127.0.0.1
# Its own figures, at /nacos/actuator/prometheus.
management.endpoints.web.exposure.include=prometheus
nacos.core.auth.system.type=nacos
nacos.core.auth.enabled=true
# A changed password or permission counts at once.
nacos.core.auth.caching.enabled=false
nacos.core.auth.enable.userAgentAuthWhite=false
nacos.core.auth.server.identity.key={kept["identity_key"]}
nacos.core.auth.server.identity.value={kept["identity_value"]}
nacos.core.auth.plugin.nacos.token.secret.key={kept["token_key"]}
"""

    def _write_private(self, name: str, text: str) -> None:
        path = self.home / name
        path.parent.mkdir(parents=True, exist_ok=True)
        draft = path.with_suffix(".new")  # others may read it at this moment, and must not meet half of it
        with os.fdopen(os.open(draft, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, 0o600), "w") as file:
            file.write(text)
        draft.replace(path)

    def _gone(self, pid: int, seconds: float) -> bool:
        until = time.monotonic() + seconds
        while self.pid == pid and not _is_zombie(pid):
            if time.monotonic() > until:
                return False
            time.sleep(0.1)
        return True

    def _last_words(self) -> str:
        """Its own reasons, without the stack traces they come in."""
        log = self.home / "output.log"
        lines = log.read_text(errors="replace").splitlines() if log.exists() else []
        reasons = [line[:300] for line in lines if line.startswith("Caused by:") or " ERROR " in line]
        return "\n".join([*reasons[-3:], *([f"All of it is in {log}"] if lines else [])])


def _block(port: int) -> dict[str, int]:
    return {name: port + offset for name, offset in OFFSETS.items()}


def _new_secrets() -> dict[str, str]:
    return {
        "password": secrets.token_urlsafe(18),
        "identity_key": f"identity-{secrets.token_hex(4)}",
        "identity_value": secrets.token_urlsafe(32),
        "token_key": b64encode(secrets.token_bytes(48)).decode(),
    }


def _is_zombie(pid: int) -> bool:
    try:
        return Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()[0] == "Z"
    except OSError:
        return True
