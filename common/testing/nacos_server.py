"""A Nacos server for tests: its gRPC protocol and the little HTTP a client needs, as strict as the real one.

Ephemeral instances live as long as the connection that registered them; disabled ones are not listed; every
request needs a token; a restart forgets instances and keeps configuration. `NacosServer` is the operator's
side: console, faults and what it saw. It keeps the rules of the real server that our agent depends on; the
suite in `common.testing.nacos_suite` runs against both.
"""

import json
import queue
import secrets
import socket
import threading
import time
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import suppress
from dataclasses import dataclass, field
from hashlib import md5
from typing import Any

import grpc
from google.protobuf.any_pb2 import Any as Packed
from v2.nacos.transport.grpcauto import nacos_grpc_service_pb2_grpc as wire
from v2.nacos.transport.grpcauto.nacos_grpc_service_pb2 import Metadata, Payload

from common.testing.nacos_http import NacosHttp

GROUP = "DEFAULT_GROUP"
UNREGISTERED, FORBIDDEN, NO_HANDLER, NO_SUCH_CONFIG = 301, 403, 302, 300
PUSH_DELAY_SECONDS = 0.05

Body = dict[str, Any]
ServiceKey = tuple[str, str]


@dataclass
class Peer:
    """One client connection: what it registered, watches and listens to, and its half-open stream."""

    name: str
    module: str = ""
    outgoing: "queue.Queue[Payload | None]" = field(default_factory=queue.Queue)
    instances: dict[ServiceKey, Body] = field(default_factory=dict)
    watches: set[ServiceKey] = field(default_factory=set)
    listens: set[tuple[str, str]] = field(default_factory=set)


class Refusal(Exception):
    def __init__(self, code: int, message: str) -> None:
        self.code, self.message = code, message


class NacosServer(wire.RequestServicer, wire.BiRequestStreamServicer):
    """Starts with `start()`. `address` is what NACOS_SERVER takes."""

    def __init__(
        self,
        *,
        username: str = "nacos",
        password: str = "Fake-Nacos-9",
        namespace: str = "cfmp-microservices",
    ):
        self.username, self.password, self.namespace = username, password, namespace
        self.namespaces = {"public", namespace}
        self.port = _free_port()
        self.configs: dict[tuple[str, str], str] = {}
        self.history: dict[tuple[str, str], list[Body]] = {}
        self.overrides: dict[tuple[str, str, int], Body] = {}
        self.peers: dict[str, Peer] = {}
        self.tokens: dict[str, float] = {}
        self.token_seconds = 18000.0
        self.heard: list[str] = []
        self.acknowledged: list[str] = []
        self.answer_after = 0.0
        self.loses_pushes = False
        self.clock_offset = 0.0
        self.http = NacosHttp(self)
        self._lock = threading.RLock()
        self._grpc: grpc.Server | None = None

    # --- operator -------------------------------------------------------------------------------

    @property
    def address(self) -> str:
        return f"127.0.0.1:{self.port}"

    def start(self) -> "NacosServer":
        """Begin on the same ports as before, knowing no instance."""
        self.peers.clear()
        self._grpc = grpc.server(ThreadPoolExecutor(64), options=[("grpc.so_reuseport", 0)])
        wire.add_RequestServicer_to_server(self, self._grpc)
        wire.add_BiRequestStreamServicer_to_server(self, self._grpc)
        self._grpc.add_insecure_port(f"127.0.0.1:{self.port + 1000}")
        self._grpc.start()
        self.http.start(self.port)
        return self

    def stop(self) -> None:
        """Gone at once, as killed."""
        self.http.stop()
        self.end_streams()
        if self._grpc is not None:
            self._grpc.stop(None).wait(5)
            self._grpc = None

    def restart(self, *, away_seconds: float = 0.0) -> None:
        self.stop()
        time.sleep(away_seconds)
        self.start()

    def console(self, service: str, host: str, port: int, **changes: Any) -> None:
        """What an operator sets on the console for one instance: enabled, weight."""
        with self._lock:
            self.overrides.setdefault((service, host, port), {}).update(changes)
        self._push((self.namespace, service))

    def registered(self, service: str) -> list[tuple[str, int, float]]:
        """(host, port, weight) of all instances, disabled ones too."""
        hosts = self._hosts((self.namespace, service), enabled_only=False)
        return sorted((one["ip"], one["port"], one["weight"]) for one in hosts)

    def metadata(self, service: str) -> list[Body]:
        return [one["metadata"] for one in self._hosts((self.namespace, service), enabled_only=False)]

    def publish(self, data_id: str, content: str) -> None:
        self._set_config((self.namespace, data_id), content)

    def remove(self, data_id: str) -> None:
        self._set_config((self.namespace, data_id), "")

    # --- faults ---------------------------------------------------------------------------------

    def end_streams(self) -> None:
        """End every stream without an error and without closing the connection below."""
        for peer in list(self.peers.values()):
            peer.outgoing.put(None)

    def forget_connections(self) -> None:
        """Know nobody any more, while the connections stay open."""
        with self._lock:
            self.peers.clear()

    def forget_instances(self) -> None:
        """Lose what was registered, silently, while connections and subscriptions stay."""
        with self._lock:
            for peer in self.peers.values():
                peer.instances.clear()

    def send_away(self) -> None:
        """Ask every client to connect anew, as a server does that drains."""
        for peer in list(self.peers.values()):
            self._tell(peer, "ConnectResetRequest", {"serverIp": "127.0.0.1", "serverPort": str(self.port)})

    def revoke_tokens(self) -> None:
        self.tokens.clear()

    # --- gRPC -----------------------------------------------------------------------------------

    def request(self, request: Payload, context: grpc.ServicerContext) -> Payload:
        kind = request.metadata.type
        self.heard.append(kind)
        time.sleep(self.answer_after)
        try:
            if kind == "ServerCheckRequest":
                return _payload(
                    "ServerCheckResponse", connectionId=context.peer(), supportAbilityNegotiation=True
                )
            peer = self._peer(context.peer())
            if kind == "HealthCheckRequest":
                return _payload("HealthCheckResponse")
            self._authorise(request.metadata.headers.get("accessToken", ""))
            return self._handler(kind)(peer, json.loads(request.body.value))
        except Refusal as refusal:
            return _payload("ErrorResponse", resultCode=500, errorCode=refusal.code, message=refusal.message)

    def requestBiStream(
        self, incoming: Iterator[Payload], context: grpc.ServicerContext
    ) -> Iterator[Payload]:
        setup = next(incoming, None)
        if setup is None or setup.metadata.type != "ConnectionSetupRequest":
            return
        peer = Peer(context.peer(), json.loads(setup.body.value)["labels"].get("module", ""))
        self.peers[peer.name] = peer
        context.add_callback(lambda: self._gone(peer))
        threading.Thread(target=self._listen, args=(incoming,), daemon=True).start()
        yield _payload("SetupAckRequest", requestId="1", abilityTable={})
        while (message := peer.outgoing.get()) is not None:
            yield message

    def _listen(self, incoming: Iterator[Payload]) -> None:
        with suppress(grpc.RpcError, Exception):
            for message in incoming:
                self.acknowledged.append(message.metadata.type)

    def _gone(self, peer: Peer) -> None:
        peer.outgoing.put(None)
        with self._lock:
            if self.peers.get(peer.name) is peer:
                del self.peers[peer.name]
        for key in list(peer.instances):
            self._push(key)

    def _peer(self, name: str) -> Peer:
        peer = self.peers.get(name)
        if peer is None:
            raise Refusal(UNREGISTERED, "Connection is unregistered.")
        return peer

    def _authorise(self, token: str) -> None:
        if self.tokens.get(token, 0.0) < time.monotonic():
            raise Refusal(FORBIDDEN, "token invalid!" if token else "user not found!")

    def _handler(self, kind: str) -> Callable[[Peer, Body], Payload]:
        table: dict[str, Callable[[Peer, Body], Payload]] = {
            "InstanceRequest": self._instance,
            "SubscribeServiceRequest": self._subscribe,
            "ServiceQueryRequest": self._query,
            "ConfigQueryRequest": self._config_query,
            "ConfigBatchListenRequest": self._config_listen,
        }
        if kind not in table:
            raise Refusal(NO_HANDLER, f"RequestHandler Not Found: {kind}")
        return table[kind]

    # --- naming ---------------------------------------------------------------------------------

    def _instance(self, peer: Peer, body: Body) -> Payload:
        if peer.module != "naming":
            # The real one binds instances to connections of the naming module only.
            raise Refusal(500, "client is not a naming client")
        key = (body["namespace"], body["serviceName"])
        with self._lock:
            if body["type"] == "registerInstance":
                peer.instances[key] = body["instance"]
            else:
                peer.instances.pop(key, None)
        self._push(key)
        return _payload("InstanceResponse", type=body["type"])

    def _subscribe(self, peer: Peer, body: Body) -> Payload:
        key = (body["namespace"], body["serviceName"])
        (peer.watches.add if body["subscribe"] else peer.watches.discard)(key)
        return _payload("SubscribeServiceResponse", serviceInfo=self._info(key))

    def _query(self, peer: Peer, body: Body) -> Payload:
        return _payload(
            "QueryServiceResponse", serviceInfo=self._info((body["namespace"], body["serviceName"]))
        )

    def _info(self, key: ServiceKey) -> Body:
        told_at = int((time.time() + self.clock_offset) * 1000)
        hosts = self._hosts(key, enabled_only=True)
        return {"name": key[1], "groupName": GROUP, "clusters": "", "hosts": hosts, "lastRefTime": told_at}

    def _hosts(self, key: ServiceKey, *, enabled_only: bool) -> list[Body]:
        with self._lock:
            found = [peer.instances[key] for peer in self.peers.values() if key in peer.instances]
        hosts = {(one["ip"], one["port"]): self._overridden(key[1], one) for one in found}
        return [one for one in hosts.values() if one["enabled"] or not enabled_only]

    def _overridden(self, service: str, instance: Body) -> Body:
        return {**instance, **self.overrides.get((service, instance["ip"], instance["port"]), {})}

    def _push(self, key: ServiceKey) -> None:
        if not self.loses_pushes:
            threading.Timer(PUSH_DELAY_SECONDS, self._push_now, [key]).start()

    def _push_now(self, key: ServiceKey) -> None:
        for peer in list(self.peers.values()):
            if key in peer.watches:
                self._tell(peer, "NotifySubscriberRequest", {"serviceInfo": self._info(key)})

    @staticmethod
    def _tell(peer: Peer, kind: str, body: Body) -> None:
        peer.outgoing.put(_payload(kind, **body, requestId=secrets.token_hex(4)))

    # --- configuration --------------------------------------------------------------------------

    def _config_query(self, peer: Peer, body: Body) -> Payload:
        content = self.configs.get((body["tenant"], body["dataId"]))
        if content is None:
            facts = {"resultCode": 500, "errorCode": NO_SUCH_CONFIG, "message": "config data not exist"}
            return _payload("ConfigQueryResponse", **facts)
        return _payload("ConfigQueryResponse", content=content, md5=_md5(content), lastModified=0)

    def _config_listen(self, peer: Peer, body: Body) -> Payload:
        asked = {(one["tenant"], one["dataId"]): one["md5"] for one in body["configListenContexts"]}
        peer.listens |= asked.keys()
        changed = [key for key, known in asked.items() if known != _md5(self.configs.get(key, ""))]
        rows = [{"tenant": tenant, "dataId": data_id, "group": GROUP} for tenant, data_id in changed]
        return _payload("ConfigChangeBatchListenResponse", changedConfigs=rows)

    def _set_config(self, key: tuple[str, str], content: str) -> None:
        kind = "D" if not content else "U" if key in self.configs else "I"
        row = {"srcUser": self.username, "srcIp": "127.0.0.1", "opType": f"{kind:<10}", "content": None}
        self.history.setdefault(key, []).append(row)
        if content:
            self.configs[key] = content
        else:
            self.configs.pop(key, None)
        body = {"tenant": key[0], "dataId": key[1], "group": GROUP}
        for peer in list(self.peers.values()):
            if key in peer.listens and not self.loses_pushes:
                self._tell(peer, "ConfigChangeNotifyRequest", body)


def _payload(kind: str, **body: Any) -> Payload:
    good = {"resultCode": 200, "errorCode": 0, "success": body.get("resultCode", 200) == 200}
    packed = Packed(value=json.dumps({**good, **body}).encode())
    return Payload(metadata=Metadata(type=kind, clientIp="127.0.0.1"), body=packed)


def _md5(content: str) -> str:
    return md5(content.encode(), usedforsecurity=False).hexdigest() if content else ""


def _free_port() -> int:
    """One that is free together with the port 1000 above it."""
    while True:
        with socket.socket() as http, socket.socket() as rpc:
            http.bind(("127.0.0.1", 0))
            port = http.getsockname()[1]
            with suppress(OSError, OverflowError):
                rpc.bind(("127.0.0.1", port + 1000))
                return int(port)
