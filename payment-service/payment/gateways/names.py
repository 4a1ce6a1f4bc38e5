"""Host names looked up in bounded time: the system's own look-up has no limit and cannot be ended.

It goes on in a thread of its own, one for each name however often it is asked meanwhile.
"""

from __future__ import annotations

import socket
import threading
from collections.abc import Callable
from concurrent.futures import Future

Addresses = list[str]
Key = tuple[str, int]


def addresses_of(host: str, port: int) -> Addresses:
    """The host's addresses as the system knows them. OSError when there are none."""
    found = socket.getaddrinfo(host, port, type=socket.SOCK_STREAM)
    return list(dict.fromkeys(str(address[0]) for *_, address in found))


class Names:
    """Asks `look_up`. Nothing is kept: a name may lead elsewhere the next time."""

    def __init__(self, look_up: Callable[[str, int], Addresses] = addresses_of) -> None:
        self._look_up = look_up
        self._asked: dict[Key, Future[Addresses]] = {}
        self._lock = threading.Lock()

    def addresses(self, host: str, port: int, seconds: float) -> Addresses:
        """Raises TimeoutError when there is no answer in `seconds`, else what the look-up raises."""
        return self._asking((host, port)).result(seconds)

    def _asking(self, key: Key) -> Future[Addresses]:
        with self._lock:
            if running := self._asked.get(key):
                return running
            answer: Future[Addresses] = Future()
            # A daemon: a process that ends does not wait for DNS.
            threading.Thread(target=self._ask, args=(key, answer), name="look-up", daemon=True).start()
            self._asked[key] = answer
            return answer

    def _ask(self, key: Key, answer: Future[Addresses]) -> None:
        try:
            found = self._look_up(*key)
        except Exception as problem:
            self._forget(key)
            answer.set_exception(problem)
        else:
            self._forget(key)
            answer.set_result(found)

    def _forget(self, key: Key) -> None:
        with self._lock:
            del self._asked[key]
