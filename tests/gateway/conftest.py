"""The gateway under test, its stubs and its issuer."""

import dataclasses
import os
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

import pytest

from apisix.table import Table, load
from tests.gateway.caller import Answer, call
from tests.gateway.envoy import envoy
from tests.gateway.stubs import Arrival, Stubs, serving
from tests.gateway.tokens import Issuer, bearer, new_private_key

EXTERNAL = os.environ.get("GATEWAY_URL")


@dataclass(frozen=True)
class Gateway:
    """One running gateway; `stubs` is None when it is not ours."""

    url: str
    stubs: Stubs | None
    log: Path | None = None
    apisix: bool = False

    def call(
        self,
        method: str,
        path: str,
        *,
        token: str | None = None,
        headers: dict[str, str] | None = None,
        body: bytes | None = None,
    ) -> Answer:
        return call(
            self.url, method, path, headers={**(bearer(token) if token else {}), **(headers or {})}, body=body
        )

    def arrivals(self) -> list[Arrival]:
        """What reached the services since the test began."""
        if self.stubs is None:
            pytest.skip("GATEWAY_URL names a gateway without stubs behind it")
        return self.stubs.arrivals

    def last(self) -> Arrival:
        return self.arrivals()[-1]

    def refused(self, answer: Answer, *names: str) -> None:
        """`answer` says one of `names`, with the id of the request; APISIX says less (its README)."""
        if self.apisix:
            known = (*names, "AuthenticationRequired")
            assert not answer.text.startswith('{"code"') or answer.json["name"] in known
            return
        assert answer.headers["content-type"].startswith("application/json")
        assert answer.json["name"] in names
        # What is refused before it is understood has no id yet, in neither place.
        assert answer.json["request_id"] == answer.headers.get("x-request-id")


@pytest.fixture(scope="session")
def issuer() -> Issuer:
    """Holds the keys that the gateway trusts; for GATEWAY_URL they are given in the environment."""
    if EXTERNAL:
        return Issuer(os.environ["SANDBOX_JWT_PRIVATE_KEY"], os.environ["SANDBOX_JWT_HS256_SECRET"])
    return Issuer(new_private_key(), "a-secret-of-the-gateway-suite-only" * 2)


@pytest.fixture(scope="session")
def alice(issuer: Issuer) -> str:
    return issuer.rs256()


@pytest.fixture(scope="session")
def running(issuer: Issuer, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Gateway]:
    if EXTERNAL:
        server = call(EXTERNAL, "GET", "/no/such/path").headers.get("server", "")
        yield Gateway(EXTERNAL, None, apisix=server.startswith("APISIX"))
        return
    with _gateway(issuer, tmp_path_factory.mktemp("gateway"), {}, lambda table: table) as gateway:
        yield gateway


@pytest.fixture
def gateway(running: Gateway) -> Gateway:
    if running.stubs is not None:
        running.stubs.arrivals.clear()
    return running


@pytest.fixture(scope="session")
def tight(issuer: Issuer, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Gateway]:
    """A gateway of the suite's own with small limits, short timeouts and one service gone."""
    if EXTERNAL:
        pytest.skip("limits and timeouts are shown on a gateway that the suite starts itself")
    environ = {"GATEWAY_USER_REQUESTS": "5", "GATEWAY_LOGIN_REQUESTS": "4"}
    with _gateway(
        issuer, tmp_path_factory.mktemp("tight"), environ, _impatient, gone="NotificationService"
    ) as gateway:
        yield gateway


def _impatient(table: Table) -> Table:
    short = {name: dataclasses.replace(item, read_timeout=0.5) for name, item in table.upstreams.items()}
    return dataclasses.replace(table, upstreams=short)


@contextmanager
def _gateway(
    issuer: Issuer, folder: Path, environ: dict[str, str], change: Callable[[Table], Table], gone: str = ""
) -> Iterator[Gateway]:
    table = change(load(environ={**issuer.keys(), **environ}))
    with serving(folder) as stubs:
        addresses = {**stubs.addresses, **({gone: f"unix:{folder / 'nobody.sock'}"} if gone else {})}
        with envoy(table, folder, addresses=addresses) as running:
            yield Gateway(running.url, stubs, running.log)
