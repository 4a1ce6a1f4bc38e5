"""What this service has heard of an order, for risk control, which keeps no orders of its own."""

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
