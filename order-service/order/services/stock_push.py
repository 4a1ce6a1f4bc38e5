"""The local halves of sending a stock delta: intent before the call, decision after it.
`sagas/stock_push.py` calls.

`in_flight` is not 0 exactly while one push is INTENDED; whatever is decided, the unit sum of the product
stays true.
"""

from datetime import timedelta
from uuid import UUID

from django.db.models import F

from common import clock
from common.log import get_logger
from common.transactions import transactional
from order.models import ProductStock, StockPush
from order.states import PushState, StockState

log = get_logger(__name__)


class StockNotResolvable(Exception):
    """The operator's word does not fit what there is; the text says what would."""


@transactional
def push_intend(*, product_uuid: UUID, stock_seen: int, version: int) -> StockPush | None:
    """Take all that is unsent into one push and store it with the stock just read; None when there is
    nothing.

    `version` is the row's from before the reading: another sender's push in between makes it worthless.
    """
    free = ProductStock.objects.filter(
        product_uuid=product_uuid, version=version, in_flight=0, state=StockState.OK
    )
    row = free.first()
    if row is None or row.unsent == 0:
        return None
    taken = free.filter(unsent=row.unsent).update(
        remote_stock=stock_seen,
        in_flight=row.unsent,
        unsent=0,
        version=F("version") + 1,
        updated_at=clock.now(),
    )
    if not taken:
        return None
    return StockPush.objects.create(product_uuid=product_uuid, delta=row.unsent, stock_seen=stock_seen)


@transactional
def push_applied(*, push: StockPush, stock_now: int) -> None:
    """The neighbour has taken the delta."""
    if _decide(push, PushState.APPLIED):
        _land(push, remote_stock=stock_now)


@transactional
def push_not_applied(*, push: StockPush, retry_in: timedelta, note: str) -> None:
    """The neighbour has not taken the delta: it is unsent again, to be tried after `retry_in`."""
    if _decide(push, PushState.NOT_APPLIED, note):
        _land(push, unsent=F("unsent") + push.delta, push_after=clock.now() + retry_in)


@transactional
def push_refused(*, push: StockPush, note: str) -> None:
    """The neighbour has fewer units than we sold (somebody else sold them): nothing moved, an operator
    decides.
    """
    if _decide(push, PushState.NOT_APPLIED, note):
        _land(push, unsent=F("unsent") + push.delta, state=StockState.UNKNOWN)
        log.error("stock_parked", product=str(push.product_uuid), delta=push.delta, reason=note)


@transactional
def push_undecided(*, push: StockPush, note: str) -> None:
    """Reading cannot tell whether the delta was taken: parked as it is, with the delta still in flight."""
    parked = ProductStock.objects.filter(product_uuid=push.product_uuid, state=StockState.OK)
    if parked.update(state=StockState.UNKNOWN, version=F("version") + 1, updated_at=clock.now()):
        StockPush.objects.filter(pk=push.pk).update(note=note[:255])
        log.error("stock_parked", product=str(push.product_uuid), delta=push.delta, reason=note)


def push_later(*, product_uuid: UUID, pause: timedelta) -> None:
    """Nothing can be said now: look again after `pause`."""
    ProductStock.objects.filter(product_uuid=product_uuid).update(push_after=clock.now() + pause)


@transactional
def stock_resolve(*, product_uuid: UUID, stock_now: int, applied: bool | None) -> None:
    """An operator's word on a parked product: whether its open push was taken, and what the stock is now.

    `applied` is None when no push is open. Raises StockNotResolvable, which says why, when the product is
    not parked or the answer does not fit what is open.
    """
    row = ProductStock.objects.filter(product_uuid=product_uuid, state=StockState.UNKNOWN).first()
    push = StockPush.objects.filter(product_uuid=product_uuid, state=PushState.INTENDED).first()
    if row is None:
        raise StockNotResolvable("the product is not parked; without arguments the parked ones are listed")
    if push is not None and applied is None:
        raise StockNotResolvable("a push is open: say --applied or --not-applied")
    if push is None and applied is not None:
        raise StockNotResolvable("no push is open: leave --applied and --not-applied out")
    if push is not None:
        state = PushState.APPLIED if applied else PushState.NOT_APPLIED
        _decide(push, state, "decided by an operator")
    values = {} if applied or push is None else {"unsent": F("unsent") + push.delta}
    values |= {"remote_stock": stock_now, "state": StockState.OK, "in_flight": 0, "push_after": clock.now()}
    ProductStock.objects.filter(pk=row.pk).update(**values, version=F("version") + 1, updated_at=clock.now())


def _decide(push: StockPush, state: PushState, note: str = "") -> bool:
    intended = StockPush.objects.filter(pk=push.pk, state=PushState.INTENDED)
    return intended.update(state=state, note=(note or push.note)[:255], decided_at=clock.now()) == 1


def _land(push: StockPush, **values: object) -> None:
    ProductStock.objects.filter(product_uuid=push.product_uuid).update(
        **values, in_flight=0, version=F("version") + 1, updated_at=clock.now()
    )
