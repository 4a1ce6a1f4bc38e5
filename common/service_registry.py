"""What a registry of running services answers: the instances of one service.

Room: network. An interface and a value; the sources are `common.discovery` (static) and the Nacos
snapshot that comes with the registry. Choosing among instances is `common.discovery`'s.
"""

from abc import ABC, abstractmethod
from collections.abc import Mapping
from dataclasses import dataclass, field
from urllib.parse import urlsplit


@dataclass(frozen=True)
class Instance:
    """One running process of a service. `weight` is relative; 0 takes no traffic."""

    host: str
    port: int
    weight: float = 1.0
    metadata: Mapping[str, str] = field(default_factory=dict, hash=False)
    scheme: str = "http"
    base_path: str = ""

    @property
    def url(self) -> str:
        """`http://host:port`, without a slash at the end; IPv6 hosts in brackets."""
        host = f"[{self.host}]" if ":" in self.host else self.host
        return f"{self.scheme}://{host}:{self.port}{self.base_path}"

    @classmethod
    def from_url(cls, url: str) -> "Instance":
        """Read `http://host:port[/prefix]`. Raises ValueError when it is no absolute http(s) URL."""
        parts = urlsplit(url)
        if parts.scheme not in {"http", "https"} or not parts.hostname:
            raise ValueError("an instance needs an absolute http(s) URL")
        port = parts.port or (443 if parts.scheme == "https" else 80)
        return cls(parts.hostname, port, scheme=parts.scheme, base_path=parts.path.rstrip("/"))


class ServiceRegistry(ABC):
    """Where services are found by name."""

    @abstractmethod
    def instances(self, service: str) -> list[Instance]:
        """The healthy, enabled instances of `service`; empty when it is unknown or down."""
