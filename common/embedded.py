"""What an embedded run makes up for itself: keys, secrets and loopback addresses, kept under `var/secrets`.

Room: plain. Nothing made here opens anything outside one machine: `common.config` refuses these
values in production. What a service gets here is what it may know; only the sandbox gets the
outside world's private keys.
"""

import fcntl
import json
import os
import secrets
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from functools import lru_cache
from pathlib import Path
from types import MappingProxyType

from cryptography.fernet import Fernet
from cryptography.hazmat.primitives.asymmetric import ed25519, rsa
from cryptography.hazmat.primitives.serialization import (
    Encoding,
    NoEncryption,
    PrivateFormat,
    PublicFormat,
    load_pem_private_key,
)

from common.faults import Misconfigured
from common.ports import url_of
from common.whole_files import write_whole

# Marks made-up text secrets, so that production can refuse one that was copied out of `var/`.
MARK = "embedded-"
FILE = "embedded.json"
JWT_KEY = "cfmp-sandbox"
JWT_HS256_KEY = "cfmp-hs256"
SERVICES = (
    "OrderService",
    "PaymentService",
    "NotificationService",
    "UserService",
    "ProductService",
    "RootService",
)

_HOSTS = {"ALLOWED_HOSTS": "127.0.0.1,localhost,[::1],testserver"}
_PACE = {"LOGISTICS_STEP_SECONDS": "2", "DRAIN_SECONDS": "0"}
_ALIPAY = {
    "ALIPAY_APP_ID": "9021000100000001",
    "ALIPAY_SELLER_ID": "2088000000000001",
    "CONFIG_MAY_SET_ALIPAY": "true",
}


def embedded_environment(
    var_dir: Path | str, service: str, env: Mapping[str, str] = MappingProxyType({})
) -> dict[str, str]:
    """The variables of an embedded run of `service` ("OrderService" … or "sandbox").

    Made once for all services of `var_dir`, under a file lock, in a file only its owner reads. `env` may give
    other ports than the documented ones; raises ValueError when one of them is none,
    and Misconfigured when that file cannot be read or made.
    """
    kept = _kept_or_told(Path(var_dir) / "secrets")
    shared = {**_addresses(env), **_HOSTS, **_PACE, **_ALIPAY, **_public_tables(kept)}
    if service == "sandbox":
        return {**shared, **_outside_world(kept)}
    return {**shared, **_own_secrets(kept, service)}


def _kept_or_told(folder: Path) -> dict[str, str]:
    try:
        return _kept(folder)
    except OSError as fault:
        raise Misconfigured(f"CFMP_VAR_DIR: {fault.filename} cannot be used ({fault.strerror})") from fault
    except ValueError as fault:
        raise Misconfigured(f"CFMP_VAR_DIR: {folder / FILE} is damaged: move it away") from fault


def registry_access(var_dir: Path | str) -> dict[str, str]:
    """How to reach the Nacos of `var_dir`, as `scripts/nacos` noted it; nothing where there never was one."""
    try:
        found: dict[str, str] = json.loads((Path(var_dir) / "nacos" / "access.json").read_text())
    except (OSError, ValueError):
        return {}
    return found


def service_private_key(var_dir: Path | str, service: str) -> str:
    """The made-up key of one service: tests and the sandbox sign as that service with it."""
    return _kept(Path(var_dir) / "secrets")[f"service:{service}"]


def _addresses(env: Mapping[str, str]) -> dict[str, str]:
    peers = {f"{name.removesuffix('Service').upper()}_SERVICE_URL": url_of(name, env) for name in SERVICES}
    gateways = {
        "ALIPAY_GATEWAY_URL": f"{url_of('Alipay', env)}/gateway.do",
        "PUBLIC_BASE_URL": url_of("gateway", env),
    }
    return {**peers, **gateways}


def _public_tables(kept: Mapping[str, str]) -> dict[str, str]:
    services = {name: [_public(kept[f"service:{name}"])] for name in SERVICES}
    users = [
        {"key": JWT_KEY, "algorithm": "RS256", "public_key": _public(kept["jwt"])},
        {"key": JWT_HS256_KEY, "algorithm": "HS256", "secret": kept["jwt_hs256"]},
    ]
    return {"SERVICE_PUBLIC_KEYS": json.dumps(services), "JWT_KEYS": json.dumps(users)}


def _own_secrets(kept: Mapping[str, str], service: str) -> dict[str, str]:
    own = {
        "DJANGO_SECRET_KEY": kept["django"],
        "PII_KEYS": kept["pii"],
        "PII_INDEX_KEY": kept["pii_index"],
        "ALIPAY_PRIVATE_KEY": kept["alipay_app"],
        "ALIPAY_PUBLIC_KEY": _public(kept["alipay"]),
    }
    if service in SERVICES:
        own["SERVICE_PRIVATE_KEY"] = kept[f"service:{service}"]
    return own


def _outside_world(kept: Mapping[str, str]) -> dict[str, str]:
    return {
        "DJANGO_SECRET_KEY": kept["django"],
        "SANDBOX_JWT_PRIVATE_KEY": kept["jwt"],
        "SANDBOX_JWT_HS256_SECRET": kept["jwt_hs256"],
        "SANDBOX_ALIPAY_PRIVATE_KEY": kept["alipay"],
        "SANDBOX_ALIPAY_APP_PUBLIC_KEY": _public(kept["alipay_app"]),
    }


def _rsa() -> str:
    return _private_pem(rsa.generate_private_key(public_exponent=65537, key_size=2048))


def _ed25519() -> str:
    return _private_pem(ed25519.Ed25519PrivateKey.generate())


def _text() -> str:
    return MARK + secrets.token_urlsafe(48)


_MAKERS: dict[str, Callable[[], str]] = {
    "django": _text,
    "pii": lambda: Fernet.generate_key().decode(),
    "pii_index": _text,
    "jwt": _rsa,
    "jwt_hs256": _text,
    "alipay": _rsa,
    "alipay_app": _rsa,
    **{f"service:{name}": _ed25519 for name in SERVICES},
}


def _kept(folder: Path) -> dict[str, str]:
    path = folder / FILE
    kept = _read(path)
    if _MAKERS.keys() <= kept.keys():
        return kept
    with _locked(folder):
        # Someone else may have made them while we waited. A later version adds only what is missing.
        kept = _read(path)
        made = {name: make() for name, make in _MAKERS.items() if name not in kept}
        if made:
            kept = {**kept, **made}
            write_whole(path, json.dumps(kept, indent=1), 0o600)
        return kept


def _read(path: Path) -> dict[str, str]:
    try:
        return json.loads(path.read_text())
    except FileNotFoundError:
        return {}


@contextmanager
def _locked(folder: Path) -> Iterator[None]:
    folder.mkdir(mode=0o700, parents=True, exist_ok=True)
    descriptor = os.open(folder / ".lock", os.O_RDWR | os.O_CREAT, 0o600)
    try:
        fcntl.flock(descriptor, fcntl.LOCK_EX)
        yield
    finally:
        os.close(descriptor)


def _private_pem(key: rsa.RSAPrivateKey | ed25519.Ed25519PrivateKey) -> str:
    return key.private_bytes(Encoding.PEM, PrivateFormat.PKCS8, NoEncryption()).decode()


@lru_cache(maxsize=64)
def _public(private_pem: str) -> str:
    # We made the key ourselves, so its (slow) validation is skipped.
    key = load_pem_private_key(private_pem.encode(), None, unsafe_skip_rsa_key_validation=True)
    return key.public_key().public_bytes(Encoding.PEM, PublicFormat.SubjectPublicKeyInfo).decode()
