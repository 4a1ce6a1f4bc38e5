"""Finds the models that a service made concrete from our abstract ones (outbox, inbox, idempotency,
saga, lease).

The names come from `settings.CFMP_MODELS` ("order.OrderOutbox" …). Nothing here knows what the models mean.
"""

from typing import Any

from django.apps import apps
from django.conf import settings
from django.core.exceptions import ImproperlyConfigured


def concrete(part: str) -> Any:
    """Return the service's model for `part`; raise ImproperlyConfigured when the service has none."""
    try:
        return apps.get_model(settings.CFMP_MODELS[part])
    except KeyError:
        raise ImproperlyConfigured(f"CFMP_MODELS names no {part!r} model.") from None


def has_part(part: str) -> bool:
    """True when the service keeps a model for `part`: not every service needs sagas."""
    return part in settings.CFMP_MODELS
