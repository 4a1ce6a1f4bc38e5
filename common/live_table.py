"""The settings that may change while a service runs: what an operator may publish, and where it acts.

Room: plain. The environment gives each its first value like any other setting (`common.settings_table`);
code reads them from `common.live_settings`, never from `settings.CFMP`.
"""

from dataclasses import dataclass
from decimal import Decimal

from common.money import MAXIMUM
from common.setting_types import (
    NOTIFICATION,
    ORDER,
    PAYMENT,
    SUITE,
    amount,
    at_least,
    flag,
    one_of,
    rsa_private_pem,
    rsa_public_pems,
    seconds_between,
    secure_url,
    setting,
    some_of,
    url,
    whole,
)

NOTIFY_PATH = "/api/v1/payment/alipay/notify"
# Who writes one of these can have buyers pay him, or forge the word that they paid: documents may set them
# only where CONFIG_MAY_SET_ALIPAY says so.
ALIPAY_ACCOUNT = frozenset(
    {
        "alipay_app_id",
        "alipay_seller_id",
        "alipay_private_key",
        "alipay_public_key",
        "alipay_public_key_next",
        "alipay_gateway_url",
        "alipay_notify_url",
    }
)
DAY = 86400


@dataclass(frozen=True)
class LiveSettings:
    """The values in force at one moment. `dynamic` names the services that act on a setting."""

    log_level: str = setting(
        "run",
        "DEBUG, INFO, WARNING or ERROR",
        "INFO",
        read=one_of("DEBUG", "INFO", "WARNING", "ERROR"),
        dynamic=SUITE,
    )
    auth_verify: str = setting(
        "security",
        "local, or remote: ask UserService whether a token was revoked",
        "local",
        read=one_of("local", "remote"),
        dynamic=SUITE,
    )

    alipay_app_id: str = setting(
        "alipay", "Application id at Alipay", read=at_least(1), required_by=PAYMENT, dynamic=PAYMENT
    )
    alipay_seller_id: str = setting(
        "alipay",
        "Merchant id (2088…) that must be in every notification",
        read=at_least(1),
        required_by=PAYMENT,
        dynamic=PAYMENT,
    )
    alipay_private_key: str = setting(
        "alipay",
        "The application's RSA2 private key, PEM or bare base64",
        read=rsa_private_pem,
        secret=True,
        required_by=PAYMENT,
        dynamic=PAYMENT,
    )
    alipay_public_key: tuple[str, ...] = setting(
        "alipay",
        "Alipay's public key (not the application's), PEM or bare base64, one or more",
        (),
        read=rsa_public_pems,
        type=str,
        required_by=PAYMENT,
        dynamic=PAYMENT,
    )
    alipay_public_key_next: tuple[str, ...] = setting(
        "alipay",
        "Alipay's next public key during a rotation",
        (),
        read=rsa_public_pems,
        type=str,
        dynamic=PAYMENT,
    )
    alipay_gateway_url: str = setting(
        "alipay",
        "Alipay's gateway.do; https://openapi-sandbox.dl.alipaydev.com/gateway.do is its sandbox",
        "https://openapi.alipay.com/gateway.do",
        read=secure_url,
        dynamic=PAYMENT,
    )
    alipay_notify_url: str = setting(
        "alipay",
        f"Where Alipay notifies; default PUBLIC_BASE_URL + {NOTIFY_PATH}",
        read=url,
        dynamic=PAYMENT,
    )
    alipay_timeout_seconds: float = setting(
        "alipay",
        "Longest wait for Alipay's answer; then the result is unknown and is asked for",
        8.0,
        read=seconds_between(0.5, 30),
        type=float,
        dynamic=PAYMENT,
    )

    peer_timeout_seconds: float = setting(
        "peers",
        "Longest wait for one peer's answer",
        5.0,
        read=seconds_between(0.1, 30),
        type=float,
        dynamic=SUITE,
    )

    order_accepting: bool = setting(
        "behaviour",
        "false closes the shop: no new orders, the rest goes on",
        True,
        read=flag,
        type=bool,
        dynamic=ORDER,
    )
    order_max_lines: int = setting(
        "behaviour",
        "Most products in one order",
        50,
        read=whole(1, 50),
        type=int,
        dynamic=ORDER,
    )
    order_max_amount: Decimal = setting(  # noqa: RUF009  (ruff does not know that it makes a field)
        "behaviour", "Most that one order may cost", MAXIMUM, read=amount, type=Decimal, dynamic=ORDER
    )
    order_expire_minutes: int = setting(
        "behaviour",
        "Minutes until an unpaid order expires; for orders placed from now on",
        30,
        read=whole(1, 1440),
        type=int,
        dynamic=ORDER,
    )
    auto_complete_days: int = setting(
        "behaviour",
        "Days from delivery until an order that nobody confirmed completes; for deliveries from now on",
        7,
        read=whole(1, 90),
        type=int,
        dynamic=ORDER,
    )
    logistics_step_seconds: float = setting(
        "behaviour",
        "Pace of the simulated logistics, 0 turns it off; 2 in embedded mode",
        21600.0,
        read=seconds_between(0, 30 * DAY),
        type=float,
        dynamic=ORDER,
    )
    risk_failure_mode: str = setting(
        "behaviour",
        "When risk control is unreachable: open (pay) or closed (hold)",
        "open",
        read=one_of("open", "closed"),
        dynamic=PAYMENT,
    )
    payment_methods_off: tuple[str, ...] = setting(
        "behaviour",
        "Comma list of ways to pay that are not offered now: alipay, alipay_wap, alipay_qr",
        (),
        read=some_of("alipay", "alipay_wap", "alipay_qr"),
        type=tuple,
        dynamic=PAYMENT,
    )
    refund_auto_approve: str = setting(
        "behaviour",
        "Which wishes of buyers are agreed to at once: before_shipping, always or never",
        "before_shipping",
        read=one_of("before_shipping", "always", "never"),
        dynamic=PAYMENT,
    )
    notification_delivering: bool = setting(
        "behaviour",
        "false keeps messages in the queue until it is true again",
        True,
        read=flag,
        type=bool,
        dynamic=NOTIFICATION,
    )

    @property
    def alipay_public_keys(self) -> tuple[str, ...]:
        """Every key a notification may be signed with, the present one first."""
        return (*self.alipay_public_key, *self.alipay_public_key_next)
