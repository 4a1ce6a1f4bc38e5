"""Reads `apisix.yaml` as APISIX does: variables replaced in the text, plugin configs merged into routes.

Judging the table is `check.py`'s work, making Envoy speak it is `embedded`'s.
"""

import hashlib
import os
import re
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import yaml

TABLE = Path(__file__).with_name("apisix.yaml")
CONFIG = Path(__file__).with_name("config.yaml")

# The one Lua block. Whoever changes it changes `embedded` (identity.lua, filters.py) too, then this hash.
IDENTITY_LUA_SHA256 = "73ccc768b7ad0193feeae440a7c875347be49d84d61e69a42aa92f6018bb938d"

_VARIABLE = re.compile(r"\$\{\{\s*(\w+)\s*(?::=(.*?))?\}\}")
_AT_USE = "$ENV://"

# For reading the files where no token is verified and no registry asked: the checker, a test of the routes.
WITHOUT_KEYS = {"JWT_HS256_SECRET": "unset", "JWT_RS256_PUBLIC_KEY": ""}
WITHOUT_REGISTRY = {"NACOS_SERVER": "127.0.0.1:8848", "NACOS_PASSWORD": "unset"}

Plugins = dict[str, dict[str, Any]]


class TableError(Exception):
    """The file is no route table that APISIX would load whole."""


@dataclass(frozen=True)
class Route:
    """One route: every one of `methods` on every one of `uris` goes to `upstream`, through `plugins`."""

    id: str
    uris: tuple[str, ...]
    methods: tuple[str, ...]
    priority: int
    upstream: str | None
    plugins: Plugins
    enabled: bool
    labels: Mapping[str, str]


@dataclass(frozen=True)
class HealthCheck:
    """How a gateway asks an instance whether it wants requests. Seconds, and answers in a row."""

    path: str
    timeout: float
    interval: float
    interval_when_unhealthy: float
    successes: int
    failures: int


@dataclass(frozen=True)
class Node:
    """A fixed place of an upstream."""

    host: str
    port: int
    weight: int


@dataclass(frozen=True)
class Upstream:
    """Where requests go: a registered service, or fixed nodes. Timeouts in seconds."""

    id: str
    service: str | None
    nodes: tuple[Node, ...]
    connect_timeout: float
    read_timeout: float
    idle_timeout: float
    retries: int
    check: HealthCheck | None


@dataclass(frozen=True)
class Consumer:
    """An issuer of user tokens: the value of the key claim, one algorithm, its key material."""

    username: str
    key: str
    algorithm: str
    material: str


@dataclass(frozen=True)
class Table:
    """The whole route table; `document` is the same as it was written, for those who judge every key."""

    routes: tuple[Route, ...]
    upstreams: Mapping[str, Upstream]
    consumers: tuple[Consumer, ...]
    global_plugins: Plugins
    service_name: str
    document: Mapping[str, Any]


def load(path: Path = TABLE, environ: Mapping[str, str] = os.environ) -> Table:
    """The table at `path`, or TableError with what is missing."""
    text = path.read_text(encoding="utf-8")
    if "#END" not in text[-10:]:
        raise TableError(f"{path.name}: #END must end the file, or APISIX keeps the old one")
    document = _parsed(_substitute(text, environ))
    configs = {config["id"]: config["plugins"] for config in document.get("plugin_configs", ())}
    return Table(
        routes=tuple(_route(entry, configs) for entry in document["routes"]),
        upstreams={entry["id"]: _upstream(entry) for entry in document["upstreams"]},
        consumers=tuple(_consumers(document["consumers"], environ)),
        global_plugins=_merged(rule["plugins"] for rule in document["global_rules"]),
        service_name=_service_name(document.get("plugin_metadata", ())),
        document=document,
    )


def load_config(path: Path = CONFIG, environ: Mapping[str, str] = os.environ) -> dict[str, Any]:
    """APISIX's own configuration at `path`, or TableError with what is missing."""
    return _parsed(_substitute(path.read_text(encoding="utf-8"), environ))


def _parsed(text: str) -> dict[str, Any]:
    # libyaml where it is there: the same rules, ten times as fast.
    loader = getattr(yaml, "CSafeLoader", yaml.SafeLoader)
    document: dict[str, Any] = yaml.load(text, loader)
    return document


def lua_of(plugin: Mapping[str, Any]) -> Iterator[str]:
    """The hash of each Lua function of a serverless plugin."""
    for function in plugin.get("functions", ()):
        yield hashlib.sha256(function.encode()).hexdigest()


def _substitute(text: str, environ: Mapping[str, str]) -> str:
    def value(match: re.Match[str]) -> str:
        name, default = match.group(1), match.group(2)
        found = environ.get(name, default)
        if found is None:
            raise TableError(f"{name} is not set, and the table gives no default")
        return found

    lines = (
        line if line.lstrip().startswith("#") else _VARIABLE.sub(value, line) for line in text.split("\n")
    )
    return "\n".join(lines)


def _route(entry: Mapping[str, Any], configs: Mapping[str, Plugins]) -> Route:
    shared = configs[entry["plugin_config_id"]] if "plugin_config_id" in entry else {}
    return Route(
        id=entry["id"],
        uris=tuple(entry["uris"]),
        methods=tuple(entry.get("methods", ())),
        priority=entry.get("priority", 0),
        upstream=entry.get("upstream_id"),
        plugins={**shared, **entry.get("plugins", {})},
        enabled=entry.get("status", 1) == 1,
        labels=entry.get("labels", {}),
    )


def _upstream(entry: Mapping[str, Any]) -> Upstream:
    return Upstream(
        id=entry["id"],
        service=entry.get("service_name"),
        nodes=tuple(Node(node["host"], node["port"], node["weight"]) for node in entry.get("nodes", ())),
        connect_timeout=entry["timeout"]["connect"],
        read_timeout=entry["timeout"]["read"],
        idle_timeout=entry["keepalive_pool"]["idle_timeout"],
        retries=entry["retries"],
        check=_check(entry["checks"]["active"]) if "checks" in entry else None,
    )


def _check(active: Mapping[str, Any]) -> HealthCheck:
    healthy, unhealthy = active["healthy"], active["unhealthy"]
    return HealthCheck(
        path=active["http_path"],
        timeout=active["timeout"],
        interval=healthy["interval"],
        interval_when_unhealthy=unhealthy["interval"],
        successes=healthy["successes"],
        failures=min(unhealthy[kind] for kind in ("http_failures", "tcp_failures", "timeouts")),
    )


def _consumers(entries: list[dict[str, Any]], environ: Mapping[str, str]) -> Iterator[Consumer]:
    for entry in entries:
        auth = entry.get("plugins", {}).get("jwt-auth")
        # The anonymous consumer of optional-user routes, and a next key that nobody has named.
        if auth is None or not auth["key"]:
            continue
        material = auth["secret"] if auth["algorithm"].startswith("HS") else auth["public_key"]
        if material.startswith(_AT_USE):
            material = environ.get(material.removeprefix(_AT_USE), "")
        yield Consumer(entry["username"], auth["key"], auth["algorithm"], material)


def _service_name(metadata: Iterable[Mapping[str, Any]]) -> str:
    """What the gateway calls itself in traces."""
    for entry in metadata:
        if entry["id"] == "opentelemetry":
            return str(entry.get("resource", {}).get("service.name", ""))
    return ""


def _merged(groups: Iterator[Plugins]) -> Plugins:
    merged: Plugins = {}
    for group in groups:
        if twice := merged.keys() & group.keys():
            raise TableError(f"global rules name {', '.join(sorted(twice))} twice")
        merged.update(group)
    return merged
