"""What this service has heard of an order, for risk control, which keeps no orders of its own."""

from collections.abc import Collection
from decimal import Decimal, InvalidOperation
from uuid import UUID

from notification.models import Notification


def order_amount_heard(*, user_uuid: UUID, order_uuid: UUID) -> Decimal | None:
    """The total of an order this person was told to have placed.

    None when no such order is known as theirs.
    """
    told = Notification.objects.filter(
        user_uuid=user_uuid, related_id=str(order_uuid), template_key="order.created.buyer"
    )
    params = told.values_list("params", flat=True).first()
    if params is None:
        return None
    try:
        return Decimal(params.get("total_amount", "0.00"))
    except InvalidOperation:
        return Decimal("0.00")


def payments_over(*, order_uuids: Collection[UUID]) -> set[str]:
    """UUIDs of payments for these orders that were told to have failed or closed.

    Nothing can come of them.
    """
    told = Notification.objects.filter(
        related_id__in=[str(order_uuid) for order_uuid in order_uuids],
        template_key__in=("payment.failed.buyer", "payment.closed.buyer"),
    )
    return {str(links.get("payment_uuid")) for links in told.values_list("related_data", flat=True)}
