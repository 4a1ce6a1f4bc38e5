"""What the sandbox is configured with. An allow-list: a variable not named here is never shown."""

import os
from dataclasses import asdict

from django.conf import settings

SUITE_VARIABLES = (
    "CFMP_MODE",
    "CFMP_DB_ENGINE",
    "DISCOVERY",
    "AUTH_VERIFY",
    "JWT_KEY_CLAIM",
    "LOG_LEVEL",
    "ORDER_EXPIRE_MINUTES",
    "LOGISTICS_STEP_SECONDS",
    "RISK_FAILURE_MODE",
    "ALIPAY_GATEWAY_URL",
    "RETURN_URL_ALLOW",
    "NOTIFY_URL_ALLOW",
)
OWN_FIELDS = (
    "host",
    "stock_api",
    "jwt_issuer",
    "token_hours",
    "alipay_app_id",
    "alipay_seller_id",
    "notify_scale",
    "notify_first_delay",
    "timestamp_skew_seconds",
    "pay_link_hours",
    "refund_spacing_seconds",
    "refund_window_days",
    "fee_rate",
    "bill_same_day",
    "event_log",
)


def configuration() -> dict[str, dict[str, str]]:
    env = settings.SANDBOX
    given = {name: os.environ[name] for name in SUITE_VARIABLES if os.environ.get(name)}
    return {
        "sandbox": {name: str(getattr(env, name)) for name in OWN_FIELDS},
        "ports": {name: str(port) for name, port in asdict(env.ports).items()},
        "addresses": dict(env.peers),
        "environment": given,
    }
