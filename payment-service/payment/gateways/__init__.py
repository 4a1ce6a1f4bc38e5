"""Providers by payment method, built anew when their settings change. Tests put their own in with
`use_gateway`.
"""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from functools import lru_cache

from django.conf import settings

from common.live_settings import live
from payment.errors import MethodUnavailable
from payment.gateways.alipay import AlipayGateway
from payment.gateways.alipay_sdk import AlipayConfig, Certificates
from payment.gateways.base import Channel, PaymentGateway

CHANNELS = {"alipay": Channel.PAGE, "alipay_wap": Channel.WAP, "alipay_qr": Channel.QR}

_in_place: list[PaymentGateway] = []


def gateway_for(method: str) -> PaymentGateway:
    """The provider that handles `method`; MethodUnavailable when none does."""
    if method not in CHANNELS:
        raise MethodUnavailable(method=method)
    return _in_place[-1] if _in_place else _alipay(alipay_config())


@contextmanager
def use_gateway(gateway: PaymentGateway) -> Iterator[None]:
    """Answer with `gateway` instead, for the length of a test."""
    _in_place.append(gateway)
    try:
        yield
    finally:
        _in_place.remove(gateway)


def alipay_config() -> AlipayConfig:
    """The Alipay part of the settings; certificate mode when the three certificates are given."""
    given = live()
    return AlipayConfig(
        app_id=given.alipay_app_id,
        seller_id=given.alipay_seller_id,
        private_key=given.alipay_private_key,
        public_keys=given.alipay_public_keys,
        gateway_url=given.alipay_gateway_url,
        notify_url=given.alipay_notify_url,
        certificates=_certificates(),
        read_timeout=given.alipay_timeout_seconds,
        places=settings.CFMP.web_threads - 1,
    )


def _certificates() -> Certificates | None:
    given = settings.CFMP
    if not given.alipay_app_cert:
        return None
    return Certificates(app=given.alipay_app_cert, root=given.alipay_root_cert, alipay=given.alipay_certs)


# Two: a call under way keeps the one it has.
@lru_cache(maxsize=2)
def _alipay(config: AlipayConfig) -> AlipayGateway:
    return AlipayGateway(config)
