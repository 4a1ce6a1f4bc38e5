"""Every fault that can be armed, per target, with the words the control page shows."""

from collections.abc import Mapping

HTTP = {
    "delay": "answer late (seconds, when=before|after the effect)",
    "timeout": "hold the connection, then cut it without an answer (seconds, when)",
    "drop": "cut the connection at once (when)",
    "http_error": "answer an HTML error page (status, when)",
}
PRODUCT = {**HTTP, "pause": "wait between reading and writing the stock, so that updates get lost (seconds)"}
ALIPAY = {
    **HTTP,
    "unknown": "code 20000 isp.unknow-error (when)",
    "system_error": "40004 ACQ.SYSTEM_ERROR (when)",
    "balance_not_enough": "40004 ACQ.SELLER_BALANCE_NOT_ENOUGH, nothing is refunded",
    "business_error": "40004 with any sub_code (sub_code)",
    "slow_refund": "accepted with fund_change=N, decided later (seconds, outcome=success|fail)",
    "bad_sign": "the answer is signed by a stranger, after the effect",
    "unsigned": "the answer has no sign, after the effect",
    "truncate": "half of the body, after the effect",
    "empty": "an empty body, after the effect",
    "pretty": "indented JSON, sign first: legal, and hard on careless parsers",
}
NOTIFY = {
    "delay": "deliver later (seconds)",
    "drop": "lose this attempt; the schedule goes on",
    "lose": "never deliver this notification",
    "duplicate": "send it several times at once (times)",
    "reorder": "wait until a later notification of the same trade has gone out (seconds at most)",
    "forge": "signed by a stranger's key",
    "bad_sign": "a sign that is not even Base64",
    "tamper": "change a field (field=total_amount|seller_id|app_id|…, value; resign=true signs it validly)",
}
KINDS: Mapping[str, Mapping[str, str]] = {
    "user": HTTP,
    "product": PRODUCT,
    "alipay": ALIPAY,
    "notify": NOTIFY,
}
