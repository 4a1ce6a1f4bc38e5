"""The block list's entries, written down like every other switch."""

from datetime import datetime

from common import tracing
from common.transactions import transactional
from security.models import BlockEntry, PolicyChange


@transactional
def block_put(*, kind: str, value: str, reason: str, expires_at: datetime | None, actor: str) -> BlockEntry:
    """Block a user, address or IP, or change how long and why it is blocked."""
    entry, _ = BlockEntry.objects.update_or_create(
        kind=kind,
        value=BlockEntry.spelled(kind, value),
        defaults={"reason": reason, "expires_at": expires_at, "created_by": actor},
    )
    _write_down({}, {"blocked": _named(entry), "reason": reason}, actor)
    return entry


@transactional
def block_lift(*, entry_id: int, actor: str) -> bool:
    """Take an entry off the list; False when it is off already."""
    entry = BlockEntry.objects.filter(pk=entry_id).first()
    if entry is None or not BlockEntry.objects.filter(pk=entry_id).delete()[0]:
        return False
    _write_down({"blocked": _named(entry), "reason": entry.reason}, {}, actor)
    return True


def _named(entry: BlockEntry) -> str:
    return f"{entry.kind} {entry.value}"


def _write_down(before: dict[str, str], after: dict[str, str], actor: str) -> None:
    request_id = tracing.current().request_id
    PolicyChange.objects.create(before=before, after=after, actor=actor, request_id=request_id)
