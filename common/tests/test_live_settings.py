"""Settings that change while a service runs: who asks for them, and how a change gets there."""

import re
from dataclasses import fields

from common.config import ROOT
from common.live_settings import live, use_live
from common.live_table import LiveSettings
from common.setting_types import SUITE
from common.settings_table import SETTINGS

FOLDERS = ("common", "order-service", "payment-service", "notification-service")


def test_a_live_setting_is_asked_for_where_it_acts_and_never_read_frozen() -> None:
    names = "|".join(field.name for field in fields(LiveSettings))
    frozen = re.compile(rf"\bCFMP\.({names}|alipay_public_keys)\b")
    files = [
        file for folder in FOLDERS for file in (ROOT / folder).rglob("*.py") if "tests" not in file.parts
    ]

    assert len(files) > 100
    assert [str(file) for file in files if frozen.search(file.read_text())] == []


def test_every_live_setting_acts_somewhere_and_only_they_do() -> None:
    live_names = {field.name.upper() for field in fields(LiveSettings)}

    assert {row.name for row in SETTINGS if row.dynamic} == live_names
    assert all(row.dynamic <= SUITE for row in SETTINGS)


def test_a_value_put_in_force_is_taken_back() -> None:
    before = live()
    with use_live(order_expire_minutes=5):
        with use_live(log_level="ERROR"):
            assert (live().order_expire_minutes, live().log_level) == (5, "ERROR")
        assert live().log_level == before.log_level
    assert live() == before
