"""Who we are to Nacos: the login, its token, and what can be wrong with an answer.

Room: network; part of `common.nacos_client`, used by the agent's process only. The SDK's own login puts the
password in a URL, writes the token to its log, waits without end and keeps a token that Nacos refuses.
"""

import asyncio
import json
import time
from collections.abc import Mapping, MutableMapping
from dataclasses import dataclass, field
from typing import Any

import aiohttp

HTTP_SECONDS = 3.0
REFUSED_LOGIN_SECONDS = 3.0
NO_RIGHT = 403
# The second one is of Nacos 3.2 and later, which have no other.
LOGIN_PATHS = ("/nacos/v1/auth/users/login", "/nacos/v3/auth/user/login")


class NacosError(Exception):
    """Nacos did not do what was asked."""


class NacosUnreachable(NacosError):
    """No (whole) answer: it may have been done or not."""


class NacosRefused(NacosError):
    """An answer that says no. `code` is Nacos' own."""

    def __init__(self, code: int, message: str) -> None:
        self.code = code
        super().__init__(f"{message} ({code})")


class NacosForbidden(NacosRefused):
    """The user, the password or the user's rights are not good enough."""


@dataclass(frozen=True)
class Target:
    """Which Nacos, which namespace, as whom. `servers` are host:port of HTTP; gRPC is at port + 1000."""

    servers: tuple[str, ...]
    namespace: str
    username: str = ""
    password: str = field(default="", repr=False)


class Login:
    """The token of one user: asked for by form, never in a URL; kept; asked anew when Nacos refuses it."""

    def __init__(self, target: Target) -> None:
        self._target = target
        self._token = ""
        self._fresh_until = self._expires_at = 0.0
        self._refusal: tuple[float, NacosForbidden] | None = None
        self._lock = asyncio.Lock()

    async def sign(self, headers: MutableMapping[str, str]) -> None:
        """Put the token into `headers`; nothing when there is no user. Raises NacosError."""
        if self._target.username:
            headers["accessToken"] = await self._current()

    def forget(self) -> None:
        """The token was refused: ask for another one next time."""
        self._fresh_until = self._expires_at = 0.0

    async def _current(self) -> str:
        async with self._lock:
            if time.monotonic() < self._fresh_until:
                return self._token
            self._raise_recent_refusal()
            try:
                self._keep(await self._ask())
            except NacosUnreachable:
                # Renewing is begun early: until it is really over the old token does.
                if time.monotonic() >= self._expires_at:
                    raise
                self._fresh_until = time.monotonic() + HTTP_SECONDS
            return self._token

    def _keep(self, answer: Mapping[str, Any]) -> None:
        self._token = str(answer["accessToken"])
        lifetime = float(answer.get("tokenTtl") or 18000)
        self._expires_at = time.monotonic() + lifetime
        self._fresh_until = self._expires_at - lifetime * 0.2

    def _raise_recent_refusal(self) -> None:
        # Nacos locks out who guesses passwords; a wrong one is not sent with every call.
        if self._refusal and time.monotonic() - self._refusal[0] < REFUSED_LOGIN_SECONDS:
            raise self._refusal[1]

    async def _ask(self) -> Mapping[str, Any]:
        problem: NacosError = NacosUnreachable("no server to log in at")
        for server in self._target.servers:
            try:
                return await self._ask_at(server)
            except NacosForbidden as refusal:
                self._refusal = (time.monotonic(), refusal)
                raise
            except NacosError as error:
                problem = error
        raise problem

    async def _ask_at(self, server: str) -> Mapping[str, Any]:
        form = {"username": self._target.username, "password": self._target.password}
        for path in LOGIN_PATHS:
            status, body = await http(server, "POST", path, data=form)
            if status == 404:
                continue
            if status >= 500:
                raise NacosUnreachable(f"the login answers {status}")
            if status != 200:
                raise NacosForbidden(NO_RIGHT, "login refused")
            answer = _object(body)
            if answer.get("accessToken"):
                return answer
            raise NacosUnreachable("the login's answer has no token")
        raise NacosRefused(404, "this server has no login")


async def http(server: str, method: str, path: str, **options: Any) -> tuple[int, bytes]:
    """One bounded HTTP exchange with `server` (host:port). Raises NacosUnreachable.

    Status 0 stands for none: to a wrong password Nacos 2.3 answers a line without a proper one.
    """
    try:
        async with (
            aiohttp.ClientSession(timeout=aiohttp.ClientTimeout(total=HTTP_SECONDS)) as session,
            session.request(method, f"http://{server}{path}", allow_redirects=False, **options) as answer,
        ):
            return answer.status, await answer.read()
    except aiohttp.ClientResponseError:
        return 0, b""
    except (aiohttp.ClientError, TimeoutError, OSError) as error:
        raise NacosUnreachable(f"HTTP at {server}: {type(error).__name__}") from None


def _object(body: bytes) -> Mapping[str, Any]:
    try:
        found = json.loads(body)
    except ValueError:
        return {}
    return found if isinstance(found, dict) else {}
