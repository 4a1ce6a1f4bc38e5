"""Follows the documents of the configuration centre, and hands each content to whoever judges it.

Room: network. Listening and asking are one: what Nacos has is compared by MD5 with what was handed on, over
each new connection and every few seconds, so a push that got lost is only late.
"""

from collections.abc import Callable, Sequence

from common.config_store import Publication, md5_of
from common.log import get_logger
from common.nacos_client import NacosClient, NacosError

log = get_logger(__name__)

# Takes (dataId, content, by whom), None when Nacos has none. What it thinks of it is its own business.
Receive = Callable[[str, str | None, Publication], object]


class Configs:
    """The documents called `data_ids`, as one connection after the other tells them."""

    def __init__(self, client: NacosClient, data_ids: Sequence[str], receive: Receive) -> None:
        self._client = client
        self._receive = receive
        self._handed_on: dict[str, str | None] = dict.fromkeys(data_ids)

    async def settle(self) -> None:
        """Listen, and hand on what is not handed on yet. Raises NacosError."""
        if not self._handed_on:
            return
        known = {data_id: md5 or "" for data_id, md5 in self._handed_on.items()}
        changed = set(await self._client.changed_configs(known))
        never = {data_id for data_id, md5 in self._handed_on.items() if md5 is None}
        for data_id in sorted(changed & known.keys() | never):
            await self._hand_on(data_id)

    async def _hand_on(self, data_id: str) -> None:
        content = await self._client.config(data_id)
        by = await self._publication(data_id)
        try:
            self._receive(data_id, content, by)
        except Exception as error:
            # Its judge failed (a full disk, say): the same content is offered again next time.
            log.error("config_not_taken", data_id=data_id, error=type(error).__name__)
            return
        self._handed_on[data_id] = md5_of(content) if content else ""

    async def _publication(self, data_id: str) -> Publication:
        """Nice to know: a content is handed on also when Nacos does not say who published it."""
        try:
            return Publication(*await self._client.publisher(data_id))
        except NacosError as error:
            log.warning("config_publisher_unknown", data_id=data_id, error=type(error).__name__)
            return Publication()
