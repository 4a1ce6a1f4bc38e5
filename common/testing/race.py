"""Many callers in the same moment, each a thread with its own database connection.

For race tests (`django_db(transaction=True)`): show the race with the guard off first, then closed.
"""

import threading
from collections.abc import Callable, Sequence
from typing import Any

from django.db import connections


def race(workers: Sequence[Callable[[], Any]]) -> list[Any]:
    """Start `workers` together and wait for all: what each returned, or the exception it raised, in order."""
    results: list[Any] = [None] * len(workers)
    barrier = threading.Barrier(len(workers))

    def run(index: int) -> None:
        try:
            barrier.wait()
            results[index] = workers[index]()
        except Exception as error:
            results[index] = error
        finally:
            connections.close_all()

    threads = [threading.Thread(target=run, args=(index,)) for index in range(len(workers))]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    return results
