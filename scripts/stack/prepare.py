"""Before anything starts: folders, migrated databases, and the configurations of Envoy and supervisor."""

import json
import os
import shlex
import subprocess
import sys
from collections.abc import Sequence
from pathlib import Path
from urllib.parse import urlsplit

from apisix.check import problems
from apisix.embedded.bootstrap import Listen, translate
from apisix.embedded.endpoints import write_first
from apisix.table import WITHOUT_REGISTRY, Table, TableError, load_config
from apisix.table import load as load_table
from common import config
from common.faults import Misconfigured
from common.instance.listening import LONGEST_SOCKET_PATH
from scripts.stack import layout
from scripts.stack.layout import Program

# Beside their port these listen on a unix socket under var/run.
_OURS = ("OrderService", "PaymentService", "NotificationService")


class CannotStart(Exception):
    """The stack cannot start; the text says why and what to do."""


def prepare(early: Sequence[Program] = ()) -> None:
    """Make everything that the programs need, and those that start before them. Raises CannotStart."""
    for folder in (layout.RUN, layout.LOG, layout.DATABASES):
        folder.mkdir(parents=True, exist_ok=True)
    if len(str(layout.RUN / "notification" / "notification.sock")) > LONGEST_SOCKET_PATH:
        raise CannotStart(f"{layout.RUN} is too long for a unix socket: set CFMP_VAR_DIR to a shorter path")
    _write_private(layout.ENVOY_CONF, json.dumps(envoy_config(), indent=1))
    _write_private(layout.SUPERVISOR_CONF, supervisor_conf([*early, *layout.programs()]))
    _migrate()


def envoy_config() -> dict[str, object]:
    """The route table, checked and translated for this machine's sockets and ports."""
    try:
        return _translated(config.load("OrderService"))
    except (Misconfigured, TableError) as wrong:
        raise CannotStart(str(wrong)) from wrong


def _translated(settings: config.Settings) -> dict[str, object]:
    table = load_table(environ={**_token_keys(settings), **layout.ENVIRONMENT})
    if found := problems(table, load_config(environ={**WITHOUT_REGISTRY, **layout.ENVIRONMENT})):
        raise CannotStart("apisix.yaml: " + "; ".join(found))
    port = layout.service_ports()
    listen = Listen("127.0.0.1", port["gateway"], port["gateway's metrics"], layout.ENVOY_ADMIN)
    return translate(
        table,
        addresses=_addresses(settings),
        listen=listen,
        endpoints=_first_endpoints(table) if settings.discovery == "nacos" else None,
        collector=layout.ENVIRONMENT.get("OTEL_COLLECTOR", ""),
    )


def _addresses(settings: config.Settings) -> dict[str, str]:
    """One instance of ours answers on its unix socket; several, and the neighbours, where their URLs say."""
    found = {}
    for name, urls in settings.service_urls.items():
        ours = name in _OURS and len(urls) <= 1
        socket = f"unix:{layout.RUN / name.removesuffix('Service').lower()}.sock"
        found[name] = socket if ours else ",".join(urlsplit(url).netloc for url in urls)
    return found


def _first_endpoints(table: Table) -> Path:
    write_first(layout.ENDPOINTS, [item.service for item in table.upstreams.values() if item.service])
    return layout.ENDPOINTS


def _token_keys(settings: config.Settings) -> dict[str, str]:
    """The issuers' keys under the names that the route table uses; empty where there is none."""
    found = {f"JWT_{name}": "" for name in ("RS256_KEY", "RS256_PUBLIC_KEY", "HS256_KEY", "HS256_SECRET")}
    found["JWT_KEY_CLAIM"] = settings.jwt_key_claim
    for key in settings.jwt_keys:
        name = _free_name(key["algorithm"], found)
        found[f"{name}_KEY"] = key["key"]
        material = "SECRET" if key["algorithm"].startswith("HS") else "PUBLIC_KEY"
        found[f"{name}_{material}"] = key[material.lower()]
    return found


def _free_name(algorithm: str, taken: dict[str, str]) -> str:
    """While keys change, the table has room for a next key of each algorithm."""
    if f"JWT_{algorithm}_KEY" not in taken:
        raise CannotStart(f"JWT_KEYS has a key for {algorithm}; the gateway takes RS256 and HS256")
    for name in (f"JWT_{algorithm}", f"JWT_{algorithm}_NEXT"):
        if not taken.get(f"{name}_KEY"):
            return name
    raise CannotStart(f"JWT_KEYS has three {algorithm} keys; the gateway takes two: drop the oldest")


def supervisor_conf(programs: list[Program]) -> str:
    """supervisord's configuration. Logs rotate at 10 MB."""
    user = "user=root\n" if os.getuid() == 0 else ""
    head = f"""; Written by `make run`; changes here are lost.
[supervisord]
{user}pidfile={layout.SUPERVISOR_PID}
logfile={layout.LOG}/supervisord.log
logfile_maxbytes=10MB
logfile_backups=1
directory={config.ROOT}
identifier=cfmp
nocleanup=true
environment=PYTHONUNBUFFERED="1"

[unix_http_server]
file={layout.SUPERVISOR_SOCKET}
chmod=0700

[rpcinterface:supervisor]
supervisor.rpcinterface_factory = supervisor.rpcinterface:make_main_rpcinterface

[supervisorctl]
serverurl=unix://{layout.SUPERVISOR_SOCKET}
"""
    # One group: supervisor stops a group's programs at once, but groups one after the other, the first last.
    together = ",".join(program.name for program in programs if not program.early)
    group = f"[group:cfmp]\nprograms={together}\n"
    return "\n".join([head, group, *(_section(program) for program in programs)])


def _section(program: Program) -> str:
    given = ",".join(f'{name}="{value}"' for name, value in program.environment.items())
    # Supervisor expands % signs, also those of a folder's name.
    texts = (given, shlex.join(program.command), str(program.directory))
    environment, command, directory = (text.replace("%", "%%") for text in texts)
    return f"""[program:{program.name}]
command={command}
directory={directory}
environment={environment}
priority={1 if program.early else 999}
autorestart=true
startsecs=1
startretries=10
stopsignal=TERM
stopwaitsecs={program.grace}
killasgroup=true
redirect_stderr=true
stdout_logfile={layout.LOG}/{program.name}.log
stdout_logfile_maxbytes=10MB
stdout_logfile_backups=2
"""


def _migrate() -> None:
    """All projects side by side; each says what went wrong in its own words."""
    command = [sys.executable, "manage.py", "migrate", "--no-input", "--verbosity", "0"]
    running = {
        name: subprocess.Popen(
            command, cwd=folder, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True
        )
        for name, folder in layout.folders().items()
    }
    outputs = {name: process.communicate()[0] for name, process in running.items()}
    # What several say alike is told once.
    said: dict[str, list[str]] = {}
    for name, process in running.items():
        if process.returncode:
            said.setdefault(outputs[name], []).append(name)
    if said:
        texts = (f"{', '.join(names)}: migrate failed\n{text}" for text, names in said.items())
        raise CannotStart("\n".join(texts))


def _write_private(path: Path, text: str) -> None:
    # Envoy's configuration holds the HS256 secret.
    descriptor = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, 0o600)
    with os.fdopen(descriptor, "w") as file:
        file.write(text)
