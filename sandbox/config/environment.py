"""The sandbox's variables, read once and typed. Keys come from `common.embedded`, the rest has defaults.

The sandbox plays other companies (a user database, a shop's stock, Alipay), so it refuses production
mode: a stack that takes real money must not be able to reach a cashier whose pay button is free.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import TypeVar

from common.config import read_environment
from common.embedded import embedded_environment
from common.faults import Misconfigured
from common.ports import port_of

N = TypeVar("N", int, float)
ROOT = Path(__file__).resolve().parent.parent.parent


@dataclass(frozen=True)
class Ports:
    user: int
    product: int
    root: int
    shop: int
    alipay: int


@dataclass(frozen=True)
class Environment:
    var_dir: Path
    host: str
    allowed_hosts: tuple[str, ...]
    ports: Ports
    jwt_private_key: str
    jwt_key: str
    jwt_hs256_secret: str
    jwt_hs256_key: str
    jwt_issuer: str
    token_hours: int
    stock_api: str
    alipay_app_id: str
    alipay_seller_id: str
    alipay_private_key: str
    alipay_app_public_key: str
    notify_scale: float
    notify_first_delay: float
    timestamp_skew_seconds: int
    pay_link_hours: int
    refund_spacing_seconds: float
    refund_window_days: int
    fee_rate: str
    bill_same_day: bool
    event_log: bool
    peers: Mapping[str, str]


PEERS = {
    "OrderService": "ORDER_SERVICE_URL",
    "PaymentService": "PAYMENT_SERVICE_URL",
    "NotificationService": "NOTIFICATION_SERVICE_URL",
    "Gateway": "PUBLIC_BASE_URL",
}

KEYS = (
    "SANDBOX_JWT_PRIVATE_KEY",
    "SANDBOX_JWT_HS256_SECRET",
    "SANDBOX_ALIPAY_PRIVATE_KEY",
    "SANDBOX_ALIPAY_APP_PUBLIC_KEY",
)


def load(given: Mapping[str, str] | None = None) -> Environment:
    """From the process's environment and the root `.env` when nothing is `given`.

    Raises Misconfigured in production mode, or when a value does not parse."""
    given = read_environment() if given is None else given
    if given.get("CFMP_MODE", "embedded") != "embedded":
        raise Misconfigured(
            "The sandbox pretends to be Alipay, users and stock: it runs only with CFMP_MODE=embedded."
        )
    var_dir = Path(given.get("CFMP_VAR_DIR") or ROOT / "var")
    env = {**_made_up(var_dir, given), **_from_files(given), **given}
    try:
        return _parsed(env, var_dir)
    except KeyError as missing:
        raise Misconfigured(f"The sandbox needs {missing.args[0]}.") from missing


def _from_files(given: Mapping[str, str]) -> Mapping[str, str]:
    """Keys may come as files, as everywhere in the suite: `SANDBOX_JWT_PRIVATE_KEY_FILE=/run/secrets/…`."""
    paths = {name: given[f"{name}_FILE"] for name in KEYS if given.get(f"{name}_FILE")}
    try:
        return {name: Path(path).read_text().strip() for name, path in paths.items()}
    except OSError as unreadable:
        raise Misconfigured(f"A key file of the sandbox cannot be read: {unreadable}") from unreadable


def _made_up(var_dir: Path, given: Mapping[str, str]) -> Mapping[str, str]:
    try:
        return embedded_environment(var_dir, "sandbox", given)
    except ValueError as wrong:
        raise Misconfigured(str(wrong)) from wrong


def _parsed(env: Mapping[str, str], var_dir: Path) -> Environment:
    return Environment(
        var_dir=var_dir,
        host=env.get("SANDBOX_HOST", "127.0.0.1"),
        allowed_hosts=tuple(name for name in env.get("SANDBOX_ALLOWED_HOSTS", "").split(",") if name),
        ports=_ports(env),
        jwt_private_key=env["SANDBOX_JWT_PRIVATE_KEY"],
        jwt_key=env.get("SANDBOX_JWT_KEY", "cfmp-sandbox"),
        jwt_hs256_secret=env["SANDBOX_JWT_HS256_SECRET"],
        jwt_hs256_key=env.get("SANDBOX_JWT_HS256_KEY", "cfmp-hs256"),
        jwt_issuer=env.get("SANDBOX_JWT_ISSUER", "sandbox"),
        token_hours=_number(int, env, "SANDBOX_TOKEN_HOURS", "12"),
        stock_api=env.get("PRODUCT_STOCK_API", "update"),
        alipay_app_id=env["ALIPAY_APP_ID"],
        alipay_seller_id=env["ALIPAY_SELLER_ID"],
        alipay_private_key=env["SANDBOX_ALIPAY_PRIVATE_KEY"],
        alipay_app_public_key=env["SANDBOX_ALIPAY_APP_PUBLIC_KEY"],
        notify_scale=_number(float, env, "SANDBOX_NOTIFY_SCALE", "0.01"),
        notify_first_delay=_number(float, env, "SANDBOX_NOTIFY_FIRST_DELAY", "0"),
        timestamp_skew_seconds=_number(int, env, "SANDBOX_TIMESTAMP_SKEW_SECONDS", "600"),
        pay_link_hours=_number(int, env, "SANDBOX_PAY_LINK_HOURS", "24"),
        refund_spacing_seconds=_number(float, env, "SANDBOX_REFUND_SPACING_SECONDS", "0"),
        refund_window_days=_number(int, env, "SANDBOX_REFUND_WINDOW_DAYS", "365"),
        fee_rate=env.get("SANDBOX_FEE_RATE", "0.006"),
        bill_same_day=env.get("SANDBOX_BILL_SAME_DAY", "0") == "1",
        event_log=env.get("SANDBOX_EVENT_LOG", "1") == "1",
        peers={name: env[variable] for name, variable in PEERS.items()},
    )


def _number(kind: type[N], env: Mapping[str, str], name: str, default: str) -> N:
    try:
        return kind(env.get(name) or default)
    except ValueError:
        raise Misconfigured(f"{name} must be a number") from None


def _ports(env: Mapping[str, str]) -> Ports:
    return Ports(
        user=port_of("UserService", env),
        product=port_of("ProductService", env),
        root=port_of("RootService", env),
        shop=port_of("shop page", env),
        alipay=port_of("Alipay", env),
    )
