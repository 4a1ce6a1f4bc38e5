"""A slow Alipay may not have every thread: the last one is for its notices and everybody else."""

from __future__ import annotations

from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace
from pathlib import Path
from threading import Barrier, Event
from typing import Any

import pytest
from django.conf import settings

import common
from common.testing.provider import FakeAlipay
from payment.errors import ProviderUnknown
from payment.gateways import alipay_config
from payment.gateways.alipay import AlipayGateway
from payment.gateways.base import TradeState
from payment.tests.conftest import config_of


def test_who_finds_every_place_taken_has_no_answer_and_does_not_wait() -> None:
    alipay = FakeAlipay()
    config = replace(config_of(alipay), places=3, patience=0.0)
    waiting, answer = Barrier(config.places + 1), Event()

    def slow(*call: Any) -> bytes:
        waiting.wait(timeout=10)
        assert answer.wait(timeout=10)
        return alipay.send(*call)

    gateway = AlipayGateway(config, send=slow)
    with ThreadPoolExecutor(config.places) as others:
        asked = [others.submit(gateway.query, "t") for _ in range(config.places)]
        waiting.wait(timeout=10)

        with pytest.raises(ProviderUnknown):
            gateway.query("t")
        answer.set()

        assert [one.result().state for one in asked] == [TradeState.NOT_EXIST] * config.places


def test_a_server_process_has_a_thread_more_than_alipay_may_have() -> None:
    server = (Path(common.__file__).parent / "gunicorn.py").read_text()

    assert "\nthreads = _settings.web_threads\n" in server
    assert alipay_config().places == settings.CFMP.web_threads - 1
