"""What we ask of Nacos: register, find, be told of changes; read and listen to configuration.

Room: network; imports the SDK (`v2.nacos`), so only the agent's process may import it. No cache, no files, no
opinion: what the server says is handed on as values, and what to believe is `common.nacos_agent`'s.
Every method is bounded in time and raises `NacosError` (see `common.nacos_login`).
"""

import json
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

from v2.nacos.config.model.config import ConfigListenContext
from v2.nacos.config.model.config_request import (
    ConfigBatchListenRequest,
    ConfigQueryRequest,
)
from v2.nacos.config.model.config_response import (
    ConfigChangeBatchListenResponse,
    ConfigQueryResponse,
)
from v2.nacos.naming.model.instance import Instance as SdkInstance
from v2.nacos.naming.model.naming_request import (
    InstanceRequest,
    ServiceQueryRequest,
    SubscribeServiceRequest,
)
from v2.nacos.naming.model.naming_response import (
    InstanceResponse,
    NotifySubscriberResponse,
    QueryServiceResponse,
    SubscribeServiceResponse,
)
from v2.nacos.naming.model.service import Service as SdkService

from common.nacos_connection import ASK_SECONDS, Connection, Handler
from common.nacos_login import (
    Login,
    NacosError,
    NacosForbidden,
    NacosRefused,
    NacosUnreachable,
    Target,
    http,
)

__all__ = [
    "Heard",
    "Listed",
    "NacosClient",
    "NacosError",
    "NacosForbidden",
    "NacosRefused",
    "NacosUnreachable",
    "Registration",
    "Target",
]

GROUP = "DEFAULT_GROUP"
CLUSTER = "DEFAULT"
PUBLIC = "public"
# Servers from 3.2 on have it no more: there the publisher is not known.
HISTORY_PATH = "/nacos/v1/cs/history"
_NO_SUCH_CONFIG = 300


@dataclass(frozen=True)
class Registration:
    """One instance as it is told to Nacos. `weight` is relative, 0 takes no traffic."""

    service: str
    host: str
    port: int
    weight: float = 1.0
    metadata: Mapping[str, str] = field(default_factory=dict, hash=False)


@dataclass(frozen=True)
class Listed:
    """One instance as Nacos lists it."""

    host: str
    port: int
    weight: float
    enabled: bool
    healthy: bool
    metadata: Mapping[str, str] = field(hash=False)


@dataclass(frozen=True)
class Heard:
    """What Nacos says of one service. `told_at` is the server's clock, in milliseconds."""

    service: str
    instances: tuple[Listed, ...]
    told_at: int


class NacosClient:
    """Two connections (Nacos keeps naming and configuration apart) and one login."""

    def __init__(
        self,
        target: Target,
        *,
        on_connected: Callable[[], None],
        on_instances: Callable[[Heard], None],
        on_config: Callable[[str], None],
    ) -> None:
        self._target = target
        self._login = Login(target)
        # The connections of an epoch know nothing of what was asked in an earlier one.
        self.epochs = {"naming": 0, "config": 0}

        def connected(module: str) -> Callable[[], None]:
            def told() -> None:
                self.epochs[module] += 1
                on_connected()

            return told

        self._naming = Connection("naming", target, self._login, connected("naming"))
        self._config = Connection("config", target, self._login, connected("config"))
        self._naming.answer(
            "NotifySubscriberRequest",
            Handler(NotifySubscriberResponse, lambda request: on_instances(_heard(request.serviceInfo))),
        )
        self._config.answer(
            "ConfigChangeNotifyRequest",
            Handler(NotifySubscriberResponse, lambda request: on_config(request.dataId)),
        )

    async def start(self) -> None:
        """Begin to connect; returns at once."""
        await self._naming.start()
        await self._config.start()

    async def close(self) -> None:
        """End both connections; Nacos forgets what was registered over them."""
        await self._naming.shutdown()
        await self._config.shutdown()

    @property
    def naming_connected(self) -> bool:
        return self._naming.is_running()

    @property
    def config_connected(self) -> bool:
        return self._config.is_running()

    @property
    def problem(self) -> str:
        """Why there is no connection, in the transport's words; empty when there is one."""
        return self._naming.problem

    @property
    def config_problem(self) -> str:
        """The same of the connection for configuration."""
        return self._config.problem

    def drop_naming(self) -> None:
        """Make a new connection: the surest way to be forgotten when deregistering gets no answer."""
        self._naming.drop()

    # --- naming ---------------------------------------------------------------------------------

    async def register(self, registration: Registration) -> None:
        await self._instance(registration, "registerInstance")

    async def deregister(self, registration: Registration, seconds: float) -> None:
        await self._instance(registration, "deregisterInstance", seconds)

    async def subscribe(self, service: str) -> Heard:
        """The present list; changes are told from now on, over this connection."""
        request = SubscribeServiceRequest(**self._of(service), subscribe=True, clusters="")
        return _heard_of(service, (await self._naming.ask(request, SubscribeServiceResponse)).serviceInfo)

    async def query(self, service: str) -> Heard:
        request = ServiceQueryRequest(**self._of(service), cluster="", healthOnly=False)
        return _heard_of(service, (await self._naming.ask(request, QueryServiceResponse)).serviceInfo)

    async def _instance(self, registration: Registration, kind: str, seconds: float = ASK_SECONDS) -> None:
        instance = SdkInstance(
            ip=registration.host,
            port=registration.port,
            weight=registration.weight,
            metadata=dict(registration.metadata),
            clusterName=CLUSTER,
        )
        request = InstanceRequest(**self._of(registration.service), type=kind, instance=instance)
        await self._naming.ask(request, InstanceResponse, seconds)

    def _of(self, service: str) -> dict[str, str]:
        return {"namespace": self._target.namespace or PUBLIC, "serviceName": service, "groupName": GROUP}

    # --- configuration --------------------------------------------------------------------------

    async def config(self, data_id: str) -> str | None:
        """The content; None when there is none (Nacos keeps no empty ones)."""
        try:
            found = await self._config.ask(ConfigQueryRequest(**self._named(data_id)), ConfigQueryResponse)
        except NacosRefused as refusal:
            if refusal.code == _NO_SUCH_CONFIG:
                return None
            raise
        return found.content or None

    async def changed_configs(self, known: Mapping[str, str]) -> list[str]:
        """Listen to `known` (dataId: md5, empty for "none") over this connection; which differ by now."""
        contexts = [ConfigListenContext(**self._named(name), md5=md5) for name, md5 in known.items()]
        request = ConfigBatchListenRequest(
            group="", dataId="", tenant="", listen=True, configListenContexts=contexts
        )
        answer = await self._config.ask(request, ConfigChangeBatchListenResponse)
        return [changed.dataId for changed in answer.changedConfigs]

    async def publisher(self, data_id: str) -> tuple[str, str]:
        """Who changed it last, and from which address; empty texts when this server does not tell."""
        headers = await self._http_headers()
        query = {**self._named(data_id), "search": "accurate", "pageNo": "1", "pageSize": "1"}
        status, body = await http(self._target.servers[0], "GET", HISTORY_PATH, headers=headers, params=query)
        return _publisher(body) if status == 200 else ("", "")

    async def _http_headers(self) -> dict[str, str]:
        signed: dict[str, str] = {}
        await self._login.sign(signed)
        return {"Authorization": f"Bearer {signed.get('accessToken', '')}"}

    def _named(self, data_id: str) -> dict[str, str]:
        # Configuration knows the public namespace by no name at all.
        tenant = "" if self._target.namespace == PUBLIC else self._target.namespace
        return {"dataId": data_id, "group": GROUP, "tenant": tenant}

    # --- the namespace --------------------------------------------------------------------------

    async def namespace_exists(self) -> bool | None:
        """Whether the console knows our namespace; None when this server does not tell."""
        if self._target.namespace in {"", PUBLIC}:
            return True
        headers = await self._http_headers()
        for path in ("/nacos/v1/console/namespaces", "/nacos/v2/console/namespace/list"):
            status, body = await http(self._target.servers[0], "GET", path, headers=headers)
            if status == 200:
                return f'"{self._target.namespace}"' in body.decode(errors="replace")
        return None


def _publisher(body: bytes) -> tuple[str, str]:
    try:
        last = json.loads(body)["pageItems"][0]
        return str(last["srcUser"] or ""), str(last["srcIp"] or "")
    except (ValueError, LookupError, TypeError):
        return "", ""


def _heard(info: SdkService) -> Heard:
    return Heard(info.name.rpartition("@@")[2], _listed(info.hosts), info.lastRefTime)


def _heard_of(service: str, info: SdkService | None) -> Heard:
    return Heard(service, (), 0) if info is None else Heard(service, _listed(info.hosts), info.lastRefTime)


def _listed(hosts: Sequence[Any]) -> tuple[Listed, ...]:
    found = (
        Listed(
            host.ip,
            host.port,
            host.weight,
            host.enabled,
            host.healthy,
            {str(name): str(value) for name, value in (host.metadata or {}).items()},
        )
        for host in hosts
    )
    return tuple(sorted(found, key=lambda one: (one.host, one.port)))
