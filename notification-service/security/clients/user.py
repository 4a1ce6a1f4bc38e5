"""UserService, as risk control needs it: how old is this account."""

from collections.abc import Iterable
from datetime import UTC, datetime
from uuid import UUID

from django.utils.dateparse import parse_datetime

from common.errors import PeerError
from common.log import get_logger
from common.service_client import service_client

# A payment waits for this answer; without it the rules still speak.
TIMEOUT_SECONDS = 0.5
# The published service documents none of them; each is seen in some issuer.
FIELDS = ("created_at", "date_joined", "register_time")

log = get_logger(__name__)


def account_opened_at(user_uuid: UUID) -> datetime | None:
    """When the account was opened.

    None when UserService does not know it, does not say it or does not answer.
    """
    try:
        answer = service_client.get("UserService", f"/api/v1/user/{user_uuid}/", timeout=TIMEOUT_SECONDS)
    except PeerError as error:
        log.warning("risk_account_age_unknown", user_uuid=str(user_uuid), reason=error.name)
        return None
    data = answer.data if isinstance(answer.data, dict) else {}
    person = data["data"] if isinstance(data.get("data"), dict) else data
    return _first_time(person.get(name) for name in FIELDS)


def _first_time(texts: Iterable[object]) -> datetime | None:
    for text in texts:
        try:
            at = parse_datetime(text) if isinstance(text, str) else None
        except ValueError:
            at = None
        if at is not None:
            return at if at.tzinfo else at.replace(tzinfo=UTC)
    return None
