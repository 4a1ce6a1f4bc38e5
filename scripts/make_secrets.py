"""The secrets of a development run in containers: `make secrets` writes one file each to deploy/secrets.

What is there already is kept, so that a second run changes nothing; public halves are written anew from the
private ones. These are real random keys, but they lie on a developer's disk: production gets its own from
its own store, under the same file names (deploy/README.md).
"""

import base64
import json
import secrets
import sys
from collections.abc import Callable, Mapping
from pathlib import Path

from cryptography.fernet import Fernet
from cryptography.hazmat.primitives.asymmetric import ed25519, rsa
from cryptography.hazmat.primitives.serialization import (
    Encoding,
    NoEncryption,
    PrivateFormat,
    PublicFormat,
    load_pem_private_key,
)

from common.faults import Misconfigured, in_plain_words

FOLDER = Path(__file__).resolve().parent.parent / "deploy" / "secrets"
SERVICES = {"order": "OrderService", "payment": "PaymentService", "notification": "NotificationService"}
# The sandbox's own names for its keys (`cfmp-…`) are refused in production mode, whatever key they carry.
RS256_KEY, HS256_KEY = "development-rs256", "development-hs256"


def _text() -> str:
    # Letters and digits alone: APISIX carries Nacos' password inside a URL.
    return secrets.token_hex(24)


def _private_pem(key: rsa.RSAPrivateKey | ed25519.Ed25519PrivateKey) -> str:
    return key.private_bytes(Encoding.PEM, PrivateFormat.PKCS8, NoEncryption()).decode()


def _rsa() -> str:
    return _private_pem(rsa.generate_private_key(public_exponent=65537, key_size=2048))


def _ed25519() -> str:
    return _private_pem(ed25519.Ed25519PrivateKey.generate())


MAKERS: dict[str, Callable[[], str]] = {
    "mysql_root_password": _text,
    "mysql_password": _text,
    "nacos_password": _text,
    "nacos_identity": _text,
    "nacos_token": lambda: base64.b64encode(secrets.token_bytes(48)).decode(),
    "grafana_password": _text,
    "pii_keys": lambda: Fernet.generate_key().decode(),
    "pii_index_key": _text,
    "jwt_hs256_secret": _text,
    "sandbox_jwt_private_key": _rsa,
    "sandbox_alipay_private_key": _rsa,
    "alipay_private_key": _rsa,
    **{f"{name}_django_secret_key": _text for name in SERVICES},
    **{f"{name}_service_private_key": _ed25519 for name in SERVICES},
}


def derived(made: Mapping[str, str]) -> dict[str, str]:
    """What follows from the made ones: public keys, and the tables that hold them. Raises Misconfigured."""
    public = {name: _public(name, text) for name, text in made.items() if name.endswith("_private_key")}
    issuers = [
        {"key": RS256_KEY, "algorithm": "RS256", "public_key": public["sandbox_jwt_private_key"]},
        {"key": HS256_KEY, "algorithm": "HS256", "secret": made["jwt_hs256_secret"]},
    ]
    services = {service: [public[f"{name}_service_private_key"]] for name, service in SERVICES.items()}
    return {
        "jwt_keys": json.dumps(issuers),
        "jwt_rs256_public_key": public["sandbox_jwt_private_key"],
        "service_public_keys": json.dumps(services),
        "alipay_public_key": public["sandbox_alipay_private_key"],
        "sandbox_alipay_app_public_key": public["alipay_private_key"],
    }


def make(folder: Path = FOLDER) -> list[str]:
    """Write what is missing; the names of what was made. Only the owner can enter the folder.

    The files themselves may be read by everybody: a container mounts them one by one, for a user of its own.
    """
    folder.mkdir(parents=True, exist_ok=True)
    folder.chmod(0o700)
    found = {name: path.read_text() for name in MAKERS if (path := folder / name).exists()}
    # A file that a full disk left empty keeps nothing.
    kept = {name: text for name, text in found.items() if text.strip()}
    fresh = {name: maker() for name, maker in MAKERS.items() if name not in kept}
    for name, text in {**fresh, **derived({**kept, **fresh})}.items():
        _write(folder / name, text)
    return sorted(fresh)


def _write(path: Path, text: str) -> None:
    # In one step: a half-written key would be kept for good.
    draft = path.with_suffix(".new")
    draft.unlink(missing_ok=True)
    draft.write_text(text)
    draft.chmod(0o444)
    draft.replace(path)


def _public(name: str, private_pem: str) -> str:
    try:
        key = load_pem_private_key(private_pem.encode(), None)
    except ValueError:
        raise Misconfigured(f"{name} is no private key: mend the file, or delete it for a new one") from None
    return key.public_key().public_bytes(Encoding.PEM, PublicFormat.SubjectPublicKeyInfo).decode()


def main() -> int:
    """Make them where the command line says, or in deploy/secrets."""
    folder = Path(sys.argv[1]) if len(sys.argv) > 1 else FOLDER
    with in_plain_words():
        made = make(folder)
    print(f"{folder}: {len(made)} new, {len(MAKERS) - len(made)} kept.")
    return 0


if __name__ == "__main__":
    sys.exit(main())
