"""The table of settings: one field, one variable, one row of docs/settings.md and .env.example.

Room: plain. Those that may change while a service runs are `common.live_table`, logs, metrics and
traces `common.telemetry_table`. This only says what there is;
reading the environment and judging it is `common.config`, which also hands these names on
(`from common.config import Settings`).
"""

from collections.abc import Mapping
from dataclasses import dataclass, field, fields, replace
from pathlib import Path

from common import ports
from common.live_table import LiveSettings
from common.setting_types import (
    SUITE,
    Reader,
    Setting,
    at_least,
    certificate_chain,
    certificates,
    comma_list,
    ed25519_private_pem,
    fernet_keys,
    flag,
    host_ports,
    jwt_keys,
    one_of,
    seconds,
    service_public_keys,
    url,
    urls,
    webhook_secrets,
    weight,
    whole,
)
from common.setting_types import setting as _setting
from common.telemetry_table import TelemetrySettings

ROOT = Path(__file__).resolve().parent.parent
_SECTIONS = ("run", "security", "alipay", "peers", "behaviour", "telemetry")


@dataclass(frozen=True)
class Database:
    """Where a service keeps its rows. sqlite: `name` is the file; mysql: `socket` wins over host and port."""

    engine: str
    name: str
    user: str = ""
    password: str = field(default="", repr=False)
    host: str = ""
    port: int = 0
    socket: str = ""


@dataclass(frozen=True)
class Settings(LiveSettings, TelemetrySettings):
    """Everything a service was told when it started. A field is its variable in lower case; the last ones
    are worked out. What may change while it runs is inherited: read that from `common.live_settings`.
    """

    cfmp_mode: str = _setting(
        "run",
        "embedded (one machine, loopback only) or production",
        "embedded",
        read=one_of("embedded", "production"),
    )
    cfmp_var_dir: str = _setting(
        "run",
        "Where an embedded run keeps secrets, databases, sockets and logs; default var/ of the repository",
    )
    service_run_dir: str = _setting(
        "run",
        "Where one running instance keeps its socket, drain flag and figures; default CFMP_VAR_DIR/run. "
        "A second instance of a service on one machine needs another",
    )
    config_dir: str = _setting(
        "run",
        "Folder with cfmp-common.yaml and <Service>.yaml for DISCOVERY=static; else they come from Nacos",
    )
    service_host: str = _setting("run", "Address to listen on", "127.0.0.1")
    service_port: int = _setting(
        "run",
        "Port of this process alone, 0 picks a free one; else the service has its own below",
        None,
        read=whole(0, 65535),
        type=int,
    )
    allowed_hosts: tuple[str, ...] = _setting(
        "run",
        "Comma list of Host names that are answered",
        (),
        read=comma_list,
        type=tuple,
        required_by=SUITE,
    )
    web_concurrency: int = _setting(
        "run", "Web processes of one instance, up to one per core", 1, read=whole(1, 128), type=int
    )
    web_threads: int = _setting(
        "run",
        "Requests one web process works on at once; a peer that hangs can hold all of them but one",
        4,
        read=whole(2, 64),
        type=int,
    )
    worker_idle_seconds: float = _setting(
        "run", "How long an idle worker waits before it looks again", 1.0, read=seconds, type=float
    )
    lease_seconds: int = _setting(
        "run",
        "How long a worker has to itself what it took; then another takes it over",
        30,
        read=whole(1, 600),
        type=int,
    )
    drain_seconds: float = _setting(
        "run",
        "How long a stopping instance goes on answering while /readyz tells the gateway to look elsewhere; "
        "longer than the gateway takes to notice. 0 in embedded mode",
        8.0,
        read=seconds,
        type=float,
    )
    public_base_url: str = _setting(
        "run", "Address of the gateway as the outside sees it", read=url, required_by=SUITE
    )

    django_secret_key: str = _setting(
        "security",
        "Signs admin sessions; own for each service",
        read=at_least(32),
        secret=True,
        required_by=SUITE,
    )
    pii_keys: tuple[str, ...] = _setting(
        "security",
        "Comma list of Fernet keys; the first encrypts, all decrypt",
        (),
        read=fernet_keys,
        type=tuple,
        secret=True,
        required_by=SUITE,
    )
    pii_index_key: str = _setting(
        "security",
        "HMAC key of the blind indexes, the same in every service; cannot be changed without re-indexing",
        read=at_least(32),
        secret=True,
        required_by=SUITE,
    )
    service_private_key: str = _setting(
        "security",
        "Ed25519 key (PEM) that signs this service's calls",
        read=ed25519_private_pem,
        secret=True,
        required_by=SUITE,
    )
    service_public_keys: Mapping[str, tuple[str, ...]] = _setting(
        "security",
        'JSON {"OrderService": [PEM, …]}, one or two keys each',
        None,
        read=service_public_keys,
        type=dict,
        required_by=SUITE,
    )
    jwt_keys: tuple[Mapping[str, str], ...] = _setting(
        "security",
        'JSON list of {"key", "algorithm", "public_key" or "secret"} of the token issuers',
        (),
        read=jwt_keys,
        type=list,
        secret=True,
        required_by=SUITE,
    )
    jwt_key_claim: str = _setting("security", "Claim that names the key of a user token", "key")

    alipay_app_cert: str = _setting(
        "alipay", "Certificate mode: the application's certificate (PEM)", read=certificate_chain
    )
    alipay_certs: tuple[str, ...] = _setting(
        "alipay",
        "Certificate mode: Alipay's public certificates (PEM), one or more",
        (),
        read=certificates,
        type=str,
    )
    alipay_root_cert: str = _setting(
        "alipay", "Certificate mode: Alipay's root certificates (PEM)", read=certificate_chain
    )
    return_url_allow: tuple[str, ...] = _setting(
        "alipay",
        "Comma list of origins or prefixes a client may be sent back to; default PUBLIC_BASE_URL",
        (),
        read=comma_list,
        type=tuple,
    )
    notify_url_allow: tuple[str, ...] = _setting(
        "alipay",
        "Comma list of origins or prefixes a client's notifyUrl may have, https in production; none: refused",
        (),
        read=urls,
        type=tuple,
    )
    webhook_secret: tuple[str, ...] = _setting(
        "alipay",
        "Makes each client's webhook secret: whsec_ and base64; two with a comma while it is changed",
        (),
        read=webhook_secrets,
        type=str,
        secret=True,
    )
    config_may_set_alipay: bool = _setting(
        "alipay",
        "true lets PaymentService.yaml change whom buyers pay and whose word is believed; on when embedded",
        False,
        read=flag,
        type=bool,
    )

    discovery: str = _setting(
        "peers", "How peers are found: static (URLs below) or nacos", "static", read=one_of("static", "nacos")
    )
    order_service_url: tuple[str, ...] = _setting(
        "peers", "OrderService when DISCOVERY=static; a comma list for several", (), read=urls, type=str
    )
    payment_service_url: tuple[str, ...] = _setting(
        "peers", "PaymentService when DISCOVERY=static", (), read=urls, type=str
    )
    notification_service_url: tuple[str, ...] = _setting(
        "peers", "NotificationService when DISCOVERY=static", (), read=urls, type=str
    )
    user_service_url: tuple[str, ...] = _setting(
        "peers", "UserService when DISCOVERY=static", (), read=urls, type=str
    )
    product_service_url: tuple[str, ...] = _setting(
        "peers", "ProductService when DISCOVERY=static", (), read=urls, type=str
    )
    root_service_url: tuple[str, ...] = _setting(
        "peers", "RootService when DISCOVERY=static", (), read=urls, type=str
    )
    nacos_server: tuple[str, ...] = _setting(
        "peers",
        "host:port of Nacos when DISCOVERY=nacos; comma list for a cluster (gRPC is at port + 1000)",
        (),
        read=host_ports,
        type=str,
    )
    nacos_namespace: str = _setting(
        "peers", "Namespace id in Nacos; public for the one that always exists", "cfmp-microservices"
    )
    nacos_username: str = _setting("peers", "User at Nacos")
    nacos_password: str = _setting("peers", "Password at Nacos", secret=True)
    service_advertise_host: str = _setting(
        "peers", "Address that peers call us at; default SERVICE_HOST, or the interface that leads to Nacos"
    )
    service_weight: float = _setting(
        "peers", "Share of the traffic to ask for in Nacos, 0 to 100", 1.0, read=weight, type=float
    )
    service_version: str = _setting("peers", "Version told to Nacos as metadata", "0.1.0")

    product_stock_api: str = _setting(
        "behaviour",
        "ProductService's dialect for giving stock back: update or restore",
        "update",
        read=one_of("update", "restore"),
    )

    service: str = ""
    root: Path = ROOT
    var_dir: Path = ROOT / "var"
    database: Database = Database("sqlite", "")
    service_urls: Mapping[str, str] = field(default_factory=dict)

    @property
    def run_dir(self) -> Path:
        """Where this instance keeps sockets, its drain flag and what the registry said."""
        return Path(self.service_run_dir).resolve() if self.service_run_dir else self.var_dir / "run"

    @property
    def is_embedded(self) -> bool:
        return self.cfmp_mode == "embedded"

    @property
    def slug(self) -> str:
        """The service's short name: "order" of OrderService."""
        return self.service.removesuffix("Service").lower()

    @property
    def log_path(self) -> Path | None:
        """LOG_FILE, or `logs/order-service.log` of a service run from its folder, or None."""
        if self.log_file:
            return None if self.log_file == "off" else Path(self.log_file)
        here, folder = Path.cwd(), f"{self.slug}-service"
        return here / "logs" / f"{folder}.log" if here.name == folder else None


# A service's own variable wins over the shared one, part by part.
DATABASE_OWNERS = {
    "OrderService": "ORDER",
    "PaymentService": "PAYMENT",
    "NotificationService": "NOTIFICATION",
}
_DATABASE_PARTS: dict[str, tuple[str, Reader]] = {
    "ENGINE": ("sqlite or mysql (MySQL 8, MariaDB 10.6 or later)", one_of("sqlite", "mysql")),
    "NAME": ("Database name; for sqlite the file, by default one per service", str),
    "USER": ("Database user", str),
    "PASSWORD": ("Database password", str),
    "HOST": ("Database host", str),
    "PORT": ("Database port", whole(1, 65535)),
    "SOCKET": ("Unix socket of the database; wins over host and port", str),
}


def _from_fields() -> tuple[Setting, ...]:
    rows = ((one.name, one.metadata["setting"]) for one in fields(Settings) if "setting" in one.metadata)
    named = [replace(row, name=name.upper()) for name, row in rows]
    return tuple(sorted(named, key=lambda row: _SECTIONS.index(row.section)))


def _database_row(prefix: str, part: str) -> Setting:
    meaning, read = _DATABASE_PARTS[part]
    help = meaning if prefix == "CFMP" else f"For this service instead of CFMP_DB_{part}"
    kind = int if part == "PORT" else str
    return Setting(f"{prefix}_DB_{part}", kind, "", part == "PASSWORD", help, "database", read=read)


def _port_row(part: str) -> Setting:
    variable, documented = ports.TABLE[part]
    help = f"Port of the {part}" if part[0].islower() else f"Port of {part}"
    return Setting(variable, int, documented, False, help, "ports", read=whole(1, 65535))


# The fields that one variable gives; the rows below are worked out of several.
FIELDS = frozenset(one.name for one in fields(Settings) if "setting" in one.metadata)
SETTINGS: tuple[Setting, ...] = (
    *_from_fields(),
    *(_port_row(part) for part in ports.TABLE),
    *(
        _database_row(prefix, part)
        for prefix in ("CFMP", *DATABASE_OWNERS.values())
        for part in _DATABASE_PARTS
    ),
)
