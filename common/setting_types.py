"""How one setting is written down and read from text.

Room: plain. The rows are `common.live_table` and `common.settings_table`; every look at the environment is
`common.config`.
A reader takes the text of a variable and returns its value, or raises ValueError with a sentence
that never repeats the value: it may be a secret.
"""

import base64
import binascii
import json
import re
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from decimal import Decimal
from typing import Any
from urllib.parse import urlsplit

from cryptography.exceptions import UnsupportedAlgorithm
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey, Ed25519PublicKey
from cryptography.hazmat.primitives.asymmetric.rsa import RSAPrivateKey, RSAPublicKey
from cryptography.hazmat.primitives.serialization import load_pem_private_key, load_pem_public_key
from cryptography.x509 import load_pem_x509_certificates

from common.errors import InvalidAmount
from common.money import MAXIMUM, parse_amount

Reader = Callable[[str], Any]
SUITE = frozenset({"OrderService", "PaymentService", "NotificationService"})
ORDER = frozenset({"OrderService"})
PAYMENT = frozenset({"PaymentService"})
NOTIFICATION = frozenset({"NotificationService"})
_NOBODY: frozenset[str] = frozenset()
# Nacos takes no other port for gRPC than this far above the one for HTTP.
GRPC_OFFSET = 1000
ALGORITHMS = ("RS256", "RS384", "RS512", "ES256", "EdDSA", "HS256", "HS384", "HS512")


@dataclass(frozen=True)
class Setting:
    """One row of the table. `required_by` names the services that cannot run without it in production,
    `dynamic` those in which the configuration centre may change it while they run.
    """

    name: str
    type: type
    default: Any
    secret: bool
    help: str
    section: str
    required_by: frozenset[str] = _NOBODY
    read: Reader = field(default=str, repr=False)
    dynamic: frozenset[str] = _NOBODY


def setting(
    section: str,
    help: str,
    default: Any = "",
    *,
    read: Reader = str,
    type: type = str,
    secret: bool = False,
    required_by: frozenset[str] = _NOBODY,
    dynamic: frozenset[str] = _NOBODY,
) -> Any:
    """The dataclass field that is one row; its name is the variable's in lower case."""
    row = Setting("", type, default, secret, help, section, required_by, read, dynamic)
    return field(default=default, repr=not secret, metadata={"setting": row})


def whole(least: int, most: int) -> Reader:
    def read(text: str) -> int:
        if not re.fullmatch(r"[0-9]{1,12}", text) or not least <= int(text) <= most:
            raise ValueError(f"must be a whole number from {least} to {most}")
        return int(text)

    return read


def seconds(text: str) -> float:
    if not re.fullmatch(r"[0-9]{1,9}(\.[0-9]{1,3})?", text):
        raise ValueError("must be seconds as a plain number")
    return float(text)


def seconds_between(least: float, most: float) -> Reader:
    def read(text: str) -> float:
        number = seconds(text)
        if not least <= number <= most:
            raise ValueError(f"must be seconds from {least:g} to {most:g}")
        return number

    return read


def flag(text: str) -> bool:
    if text not in {"true", "false"}:
        raise ValueError("must be true or false")
    return text == "true"


def amount(text: str) -> Decimal:
    try:
        return parse_amount(text)
    except InvalidAmount:
        raise ValueError(f"must be an amount from 0.01 to {MAXIMUM}, at most two places") from None


def some_of(*choices: str) -> Reader:
    """A comma list of known words; empty is none of them."""

    def read(text: str) -> tuple[str, ...]:
        words = comma_list(text)
        if not set(words) <= set(choices):
            raise ValueError(f"must be a comma list of {', '.join(choices)}")
        return words

    return read


def share(text: str) -> str:
    """A part of a whole, kept as it was written."""
    if not re.fullmatch(r"0(\.[0-9]{1,6})?|1(\.0{1,6})?", text):
        raise ValueError("must be a share from 0 to 1")
    return text


def one_of(*choices: str) -> Reader:
    def read(text: str) -> str:
        if text not in choices:
            raise ValueError(f"must be one of {', '.join(choices)}")
        return text

    return read


def comma_list(text: str) -> tuple[str, ...]:
    return tuple(part.strip() for part in text.split(",") if part.strip())


def url(text: str) -> str:
    try:
        parts = urlsplit(text)
        good = parts.scheme in {"http", "https"} and bool(parts.hostname) and parts.port != 0
    except ValueError:
        good = False
    if not good:
        raise ValueError("must be an absolute http(s) URL")
    return text.rstrip("/")


# This machine, or a neighbour in a network of our own: one name without a dot.
_NEAR = re.compile(r"[a-z][a-z0-9-]*|.+\.localhost|127(\.[0-9]{1,3}){3}|::1")


def secure_url(text: str) -> str:
    """Money goes there: nobody on the way may read or change what is said. A sandbox is near."""
    address = url(text)
    if not address.startswith("https:") and not _NEAR.fullmatch(urlsplit(address).hostname or ""):
        raise ValueError("must be https; plain http is for a sandbox on this machine or in its network")
    return address


def urls(text: str) -> tuple[str, ...]:
    return tuple(url(part) for part in comma_list(text))


def host_ports(text: str) -> tuple[str, ...]:
    parts = comma_list(text)
    if not parts or not all(re.fullmatch(r"[A-Za-z0-9._-]+:[0-9]{1,5}", part) for part in parts):
        raise ValueError("must be host:port, or a comma list of them, without http://")
    if not all(0 < int(part.rpartition(":")[2]) <= 65535 - GRPC_OFFSET for part in parts):
        raise ValueError(
            f"must have ports from 1 to {65535 - GRPC_OFFSET}: gRPC is at the port + {GRPC_OFFSET}"
        )
    return parts


def weight(text: str) -> float:
    if not re.fullmatch(r"[0-9]{1,3}(\.[0-9]{1,3})?", text) or float(text) > 100:
        raise ValueError("must be a plain number from 0 to 100")
    return float(text)


def at_least(length: int) -> Reader:
    def read(text: str) -> str:
        if len(text) < length:
            raise ValueError(f"must have at least {length} characters")
        return text

    return read


def webhook_secrets(text: str) -> tuple[str, ...]:
    """One, or two while the first is being changed; the form is the Standard Webhooks specification's."""
    secrets = comma_list(text)
    if not 1 <= len(secrets) <= 2 or not all(map(_is_webhook_secret, secrets)):
        raise ValueError("must be one or two of whsec_ and 24 to 64 bytes in base64, comma between")
    return secrets


def fernet_keys(text: str) -> tuple[str, ...]:
    keys = comma_list(text)
    if not keys or not all(_is_fernet(key) for key in keys):
        raise ValueError("must be a comma list of Fernet keys (44 characters of URL-safe base64 each)")
    return keys


def ed25519_private_pem(text: str) -> str:
    pem = _pem(text, "PRIVATE KEY")
    if not isinstance(_loaded(load_pem_private_key, pem, None), Ed25519PrivateKey):
        raise ValueError("must be an Ed25519 private key in PEM")
    return pem


def rsa_private_pem(text: str) -> str:
    """A PEM, or the bare base64 that Alipay's key tool prints (PKCS#8 or PKCS#1)."""
    for label in ("PRIVATE KEY", "RSA PRIVATE KEY"):
        pem = _pem(text, label)
        if isinstance(_loaded(load_pem_private_key, pem, None), RSAPrivateKey):
            return pem
    raise ValueError("must be an RSA private key, PEM or bare base64")


def rsa_public_pems(text: str) -> tuple[str, ...]:
    """One or more public keys: PEMs one after another, or bare base64 separated by commas or newlines."""
    if "-----BEGIN" in text:
        found = re.findall(r"-----BEGIN [^-]+-----.+?-----END [^-]+-----", _lines(text), re.DOTALL)
        pems = tuple(f"{pem}\n" for pem in found)
    else:
        pems = tuple(_pem(part, "PUBLIC KEY") for part in re.split(r"[,\n]", _lines(text)) if part.strip())
    if not pems or not all(isinstance(_loaded(load_pem_public_key, pem), RSAPublicKey) for pem in pems):
        raise ValueError("must be RSA public keys, PEM or bare base64")
    return pems


def certificates(text: str) -> tuple[str, ...]:
    """PEM certificates one after another; the text of each is kept as it is."""
    found = re.findall(r"-----BEGIN CERTIFICATE-----.+?-----END CERTIFICATE-----", _lines(text), re.DOTALL)
    if not found or any(_loaded(load_pem_x509_certificates, pem) is None for pem in found):
        raise ValueError("must be certificates in PEM")
    return tuple(f"{pem}\n" for pem in found)


def certificate_chain(text: str) -> str:
    return "".join(certificates(text))


def service_public_keys(text: str) -> Mapping[str, tuple[str, ...]]:
    """`{"OrderService": [PEM, …]}`: one or two keys each, so that a key can be changed without a gap."""
    table = _json(text)
    if not isinstance(table, dict) or not table:
        raise ValueError('must be a JSON object {"OrderService": [PEM, …]}')
    return {name: _public_keys(name, keys) for name, keys in table.items()}


def _public_keys(service: str, keys: Any) -> tuple[str, ...]:
    if not isinstance(keys, list) or not 1 <= len(keys) <= 2:
        raise ValueError(f"{service} must have one or two public keys")
    for key in keys:
        if not isinstance(key, str) or not isinstance(_loaded(load_pem_public_key, key), Ed25519PublicKey):
            raise ValueError(f"{service} has a key that is not an Ed25519 public key in PEM")
    return tuple(keys)


def jwt_keys(text: str) -> tuple[Mapping[str, str], ...]:
    """`[{"key", "algorithm", "public_key" | "secret"}]`: each key has one algorithm, for good."""
    rows = _json(text)
    if not isinstance(rows, list) or not rows:
        raise ValueError('must be a JSON list of {"key", "algorithm", "public_key" or "secret"}')
    for number, row in enumerate(rows, start=1):
        if not isinstance(row, dict) or (problem := _jwt_problem(row)):
            raise ValueError(f"entry {number}: {problem if isinstance(row, dict) else 'must be an object'}")
    if len({row["key"] for row in rows}) != len(rows):
        raise ValueError("two entries have the same key")
    return tuple(rows)


def _jwt_problem(row: Mapping[str, Any]) -> str:
    if not isinstance(row.get("key"), str) or not row["key"]:
        return "key is missing"
    if row.get("algorithm") not in ALGORITHMS:
        return f"algorithm must be one of {', '.join(ALGORITHMS)}"
    material = "secret" if row["algorithm"].startswith("HS") else "public_key"
    if set(row) != {"key", "algorithm", material} or not isinstance(row[material], str):
        return f"{row['algorithm']} takes exactly key, algorithm and {material}"
    if material == "secret":
        # RFC 7518 §3.2: an HMAC key is at least as long as the hash.
        return "" if len(row["secret"].encode()) >= 32 else "secret must have at least 32 bytes"
    return "" if _loaded(load_pem_public_key, row["public_key"]) is not None else "public_key must be a PEM"


def _is_fernet(key: str) -> bool:
    try:
        return len(key) == 44 and len(base64.urlsafe_b64decode(key)) == 32
    except (ValueError, binascii.Error):
        return False


def _is_webhook_secret(text: str) -> bool:
    try:
        key = base64.b64decode(text.removeprefix("whsec_"), validate=True)
    except (ValueError, binascii.Error):
        return False
    return text.startswith("whsec_") and 24 <= len(key) <= 64


def _json(text: str) -> Any:
    try:
        return json.loads(text)
    except (ValueError, RecursionError):
        raise ValueError("must be JSON") from None


def _lines(text: str) -> str:
    # A .env file and most consoles keep one line, so the two characters \n stand for a newline.
    return text.replace("\\n", "\n").strip()


def _pem(text: str, label: str) -> str:
    body = _lines(text)
    if "-----BEGIN" in body:
        return f"{body}\n"
    folded = re.sub(r"(.{64})", r"\1\n", re.sub(r"\s", "", body)).strip()
    return f"-----BEGIN {label}-----\n{folded}\n-----END {label}-----\n"


def _loaded(load: Callable[..., Any], pem: str, *rest: Any) -> Any:
    try:
        return load(pem.encode(), *rest)
    except (ValueError, TypeError, UnsupportedAlgorithm):
        return None
