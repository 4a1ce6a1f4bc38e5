"""Where a request came from, as far as it can be known.

The address is a hint for risk control and operators; nothing is permitted because of it.
"""

from __future__ import annotations

from rest_framework.request import Request

LONGEST = 45


def client_ip(request: Request) -> str:
    """The person's address as the gateway saw it, "" when nobody said.

    The last entry of X-Forwarded-For, which the gateway added itself; earlier ones anybody wrote.
    """
    forwarded = request.META.get("HTTP_X_FORWARDED_FOR", "")
    return forwarded.rsplit(",", 1)[-1].strip()[:LONGEST]
