"""A network between agents and the server that a test may slow down, cut or make silent.

It stands for both of Nacos's ports: HTTP, and gRPC a thousand above it.
"""

import asyncio
import threading
from collections.abc import Coroutine, Iterator
from contextlib import contextmanager
from typing import Any

GRPC = 1000


class Network:
    """`port` stands for the server's HTTP port, `port + 1000` for its gRPC port. At first all is well."""

    def __init__(self, port: int, server_port: int) -> None:
        self.port = port
        self._server_port = server_port
        self._loop = asyncio.new_event_loop()
        self._thread = threading.Thread(target=self._loop.run_forever, daemon=True)
        self._open = asyncio.Event()
        self._delay = 0.0
        self._listeners: list[asyncio.Server] = []
        self._writers: set[asyncio.StreamWriter] = set()

    @property
    def address(self) -> str:
        return f"127.0.0.1:{self.port}"

    def start(self) -> None:
        self._thread.start()
        self._do(self._listen())

    def stop(self) -> None:
        self._do(self._end())
        self._loop.call_soon_threadsafe(self._loop.stop)
        self._thread.join(5)
        self._loop.close()

    def slow(self, seconds: float) -> None:
        """Whatever passes is late by so much."""
        self._delay = seconds

    def silence(self) -> None:
        """Connections stay and are taken, but nothing passes: an unreachable machine behind a firewall."""
        self._loop.call_soon_threadsafe(self._open.clear)

    def cut(self) -> None:
        """Connections end, new ones are refused: the machine is there, the server is not."""
        self._do(self._cut())

    def heal(self) -> None:
        """All is well again."""
        self._delay = 0.0
        self._do(self._listen())

    async def _listen(self) -> None:
        self._open.set()
        if not self._listeners:
            for offset in (0, GRPC):
                self._listeners.append(await self._listener(offset))

    async def _listener(self, offset: int) -> asyncio.Server:
        async def join(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
            await self._join(reader, writer, self._server_port + offset)

        return await asyncio.start_server(join, "127.0.0.1", self.port + offset)

    async def _cut(self) -> None:
        for listener in self._listeners:
            listener.close()
        self._listeners.clear()
        for writer in list(self._writers):
            writer.transport.abort()

    async def _end(self) -> None:
        self._open.set()
        await self._cut()
        # Their connections are gone, so they end by themselves.
        if others := asyncio.all_tasks() - {asyncio.current_task()}:
            await asyncio.wait(others, timeout=5)

    async def _join(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter, port: int) -> None:
        self._writers.add(writer)
        try:
            await self._open.wait()
            far_reader, far_writer = await asyncio.open_connection("127.0.0.1", port)
            self._writers.add(far_writer)
            await asyncio.gather(self._pump(reader, far_writer), self._pump(far_reader, writer))
        except OSError:
            writer.transport.abort()
        finally:
            self._writers.discard(writer)

    async def _pump(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        try:
            while data := await reader.read(65536):
                await self._open.wait()
                await asyncio.sleep(self._delay)
                writer.write(data)
                await writer.drain()
        except OSError:
            pass
        finally:
            writer.close()
            self._writers.discard(writer)

    def _do(self, work: Coroutine[Any, Any, None]) -> None:
        asyncio.run_coroutine_threadsafe(work, self._loop).result(10)


@contextmanager
def network(port: int, server_port: int) -> Iterator[Network]:
    """Open while the block runs."""
    made = Network(port, server_port)
    made.start()
    try:
        yield made
    finally:
        made.stop()
