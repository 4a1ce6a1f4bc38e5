"""The texts themselves: whole in both languages, whatever an event leaves out."""

import pytest

from notification.messages import MESSAGES, RETIRED, render

FULL = {
    "order_id": "CFMP2026112112345678",
    "product_name": "Teapot",
    "total_amount": "299.00",
    "amount": "299.00",
    "refund_amount": "100.00",
    "refunded_amount": "100.00",
    "tracking_no": "SF1",
    "transaction_id": "2026112122001",
    "reason": "changed my mind",
}


@pytest.mark.parametrize("key", MESSAGES)
@pytest.mark.parametrize("language", ["zh", "en"])
@pytest.mark.parametrize("params", [FULL, {"order_id": FULL["order_id"]}], ids=["full", "thin"])
def test_every_text_is_a_sentence(key, language, params):
    title, content = render(key, params, language)

    assert 0 < len(title) <= 100
    assert content.strip() == content.strip(" ，,") and content
    assert content.rstrip()[-1] in "。."
    assert "{" not in content and "  " not in content and " ," not in content and " ." not in content
    assert "，，" not in content and "。。" not in content
    chinese = any("\u4e00" <= sign <= "\u9fff" for sign in title + content)
    assert chinese == (language == "zh")


@pytest.mark.parametrize("key", MESSAGES)
def test_the_full_text_says_everything_it_can(key):
    _, content = render(key, FULL, "zh")

    for name in MESSAGES[key].zh.parameters():
        assert FULL[name] in content


def test_the_two_languages_are_two_texts():
    for key, message in MESSAGES.items():
        assert message.zh.title != message.en.title, key


def test_a_retired_key_still_reads():
    assert render("order.renamed.buyer", {"order_id": "N1"}, "en") == (
        "Notification",
        RETIRED.render({"order_id": "N1"}, "en")[1],
    )
    assert render("order.renamed.buyer", {}, "zh") == ("通知", "")
