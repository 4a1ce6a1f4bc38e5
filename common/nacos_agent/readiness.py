"""Is the instance ready for traffic? Asked of the instance itself, every second, over loopback.

Room: network. A clear no (another status, nobody listening) counts at once; a probe without an answer counts
the third time, since a busy machine may be late.
"""

import asyncio
from collections.abc import Callable

import aiohttp

EVERY_SECONDS = 1.0
PROBE_SECONDS = 1.0
PATIENCE = 3


class Readiness:
    """The present answer of one instance; `changed` is called when it is another one."""

    def __init__(self, url: str, changed: Callable[[], None]) -> None:
        self._url = url
        self._changed = changed
        self._late = 0
        self.ready = False

    async def watch(self) -> None:
        """Ask until cancelled."""
        timeout = aiohttp.ClientTimeout(total=PROBE_SECONDS)
        # A connection of its own for each probe: one kept open would break when a worker is replaced.
        connector = aiohttp.TCPConnector(force_close=True)
        async with aiohttp.ClientSession(timeout=timeout, connector=connector) as session:
            while True:
                self._judge(await self._ask(session))
                await asyncio.sleep(EVERY_SECONDS)

    def _judge(self, answer: bool | None) -> None:
        self._late = self._late + 1 if answer is None else 0
        ready = self.ready and self._late < PATIENCE if answer is None else answer
        if ready != self.ready:
            self.ready = ready
            self._changed()

    async def _ask(self, session: aiohttp.ClientSession) -> bool | None:
        """None when no answer came in time."""
        try:
            async with session.get(self._url, allow_redirects=False) as answer:
                return answer.status == 200
        except aiohttp.ClientConnectorError:
            return False
        except (TimeoutError, aiohttp.ClientError, OSError):
            return None
