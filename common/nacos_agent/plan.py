"""What this agent is to do, from the settings: register whom, at which address, watch whom.

Room: network. It reads the environment through `common.config`; finding the address asks the kernel only.
"""

import socket
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from common import clock
from common.config import PORTS, ConfigError, Settings, load_part, read_environment
from common.config_documents import documents_of
from common.nacos_client import Registration, Target
from common.ports import port_of
from common.setting_types import SUITE

_LOOPBACK = ("127.", "localhost", "::1")
WILDCARDS = frozenset({"0.0.0.0", "::", "[::]", "*"})
NEIGHBOURS = ("UserService", "ProductService", "RootService")
_NAMES = (
    "CFMP_MODE",
    "DISCOVERY",
    "NACOS_SERVER",
    "NACOS_NAMESPACE",
    "NACOS_USERNAME",
    "NACOS_PASSWORD",
    "SERVICE_RUN_DIR",
    "CONFIG_MAY_SET_ALIPAY",
    "SERVICE_HOST",
    "SERVICE_PORT",
    "SERVICE_ADVERTISE_HOST",
    "SERVICE_WEIGHT",
    "SERVICE_VERSION",
    "LOG_LEVEL",
    "LOG_FILE",
    "AGENT_METRICS_PORT",
)


@dataclass(frozen=True)
class Seat:
    """One instance to register, and where it says whether it is ready."""

    registration: Registration
    ready_url: str


@dataclass(frozen=True)
class Plan:
    """All of it. `settings` has only what the agent needs."""

    settings: Settings
    target: Target
    seats: tuple[Seat, ...]
    watched: tuple[str, ...]
    configs: tuple[str, ...] = ()


def make_plan(name: str, watched: Sequence[str] | None, *, subscribe_only: bool) -> Plan:
    """The plan of the service called `name` ("OrderService" …, "sandbox", or a gateway's name).

    `watched` None: every service but itself. Raises ConfigError with each problem.
    """
    env = read_environment()
    settings = load_part(name, _NAMES, env)
    if settings.discovery != "nacos":
        raise ConfigError(["DISCOVERY is not nacos: there is nothing for the agent to do"])
    seats = () if subscribe_only else _seats(settings, env)
    own = {seat.registration.service for seat in seats}
    return Plan(
        settings,
        Target(
            settings.nacos_server, settings.nacos_namespace, settings.nacos_username, settings.nacos_password
        ),
        seats,
        tuple(watched if watched is not None else (one for one in PORTS if one not in own)),
        documents_of(name) if name in SUITE else (),
    )


def _seats(settings: Settings, env: Mapping[str, str]) -> tuple[Seat, ...]:
    if settings.service == "sandbox":
        try:
            ports = {service: port_of(service, env) for service in NEIGHBOURS}
        except ValueError as wrong:
            raise ConfigError([str(wrong)]) from wrong
        host = env.get("SANDBOX_HOST") or "127.0.0.1"
        return tuple(_seat(settings, service, host, port, "/health") for service, port in ports.items())
    if not settings.service_port:
        raise ConfigError(["SERVICE_PORT is 0: the agent must be told the port that was picked"])
    return (_seat(settings, settings.service, settings.service_host, settings.service_port, "/readyz"),)


def _seat(settings: Settings, service: str, listens: str, port: int, path: str) -> Seat:
    host = settings.service_advertise_host or advertised(listens, settings.nacos_server)
    metadata = {
        "version": settings.service_version,
        "weight": f"{settings.service_weight:g}",
        "protocol": "http",
        "started_at": clock.rfc3339(clock.now().replace(microsecond=0)),
    }
    local = "127.0.0.1" if listens in WILDCARDS else listens
    ready_url = f"http://{f'[{local}]' if ':' in local else local}:{port}{path}"
    return Seat(Registration(service, host, port, settings.service_weight, metadata), ready_url)


def only_here(plan: Plan) -> list[str]:
    """The services that others will look for on their own machine, since we tell them a loopback address."""
    if all(server.startswith(_LOOPBACK) for server in plan.target.servers):
        return []
    return [one.registration.service for one in plan.seats if one.registration.host.startswith(_LOOPBACK)]


def advertised(listens: str, servers: Sequence[str]) -> str:
    """The address that others reach us at: the one listened on, else the interface that leads to Nacos.

    Raises ConfigError when the kernel knows no way there.
    """
    if listens not in WILDCARDS:
        return listens
    host, _, port = servers[0].rpartition(":")
    try:
        family, kind, _, _, address = socket.getaddrinfo(host, int(port), type=socket.SOCK_DGRAM)[0]
        with socket.socket(family, kind) as probe:
            # Nothing is sent: the kernel only chooses the route, and with it our address.
            probe.connect(address)
            return str(probe.getsockname()[0])
    except OSError as error:
        problem = f"SERVICE_ADVERTISE_HOST is missing, and no route leads to {servers[0]} ({error.strerror})"
        raise ConfigError([problem]) from None
