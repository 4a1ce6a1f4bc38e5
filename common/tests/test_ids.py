"""Identities: unique across threads, ordered by time, exact in JavaScript."""

import time
from concurrent.futures import ThreadPoolExecutor

from common.ids import new_id, new_uuid


def test_ids_are_exact_in_javascript_and_grow() -> None:
    ids = [new_id() for _ in range(5000)]

    assert ids == sorted(set(ids))
    assert 0 < ids[0] < ids[-1] < 2**53


def test_ids_follow_time() -> None:
    first = new_id()
    time.sleep(0.003)

    assert (new_id() >> 12) > (first >> 12)


def test_threads_never_share_an_id() -> None:
    with ThreadPoolExecutor(8) as pool:
        batches = list(pool.map(lambda _: [new_id() for _ in range(2000)], range(8)))

    ids = [one for batch in batches for one in batch]
    assert len(set(ids)) == len(ids)


def test_uuids_are_version_7_and_grow_with_time() -> None:
    first = new_uuid()
    time.sleep(0.002)
    second = new_uuid()

    assert first.version == second.version == 7
    assert first < second
