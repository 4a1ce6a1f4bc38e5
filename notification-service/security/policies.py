"""The policies a new shop starts with. Operators switch and tune the rows; this table is only their beginning.

Room: plain data, read by the data migration. An ordinary purchase of 299.00 meets none of them; an amount of
50000.00 waits for a reviewer; 500000.00 is declined.
"""

from typing import Any

from security.states import Outcome, Severity

MINUTE, HOUR, DAY = 60, 3600, 86400
_O, _S = Outcome, Severity


def _policy(
    policy_id: int,
    kind: str,
    outcome: Outcome,
    score: int,
    severity: Severity,
    parameters: dict[str, Any],
    *texts: str,
) -> dict[str, Any]:
    name, name_en, description, description_en = texts
    return {
        "policy_id": policy_id,
        "kind": kind,
        "outcome": int(outcome),
        "score": score,
        "severity": str(severity),
        "parameters": parameters,
        "policy_name": name,
        "policy_name_en": name_en,
        "policy_description": description,
        "policy_description_en": description_en,
    }


DEFAULT_POLICIES: tuple[dict[str, Any], ...] = (
    _policy(
        1, "amount_at_least", _O.REVIEW, 30, _S.MEDIUM, {"amount": "20000.00"},
        "大额支付复核", "High amount", "单笔金额较大的支付事后复核", "A high payment goes on and is looked at",
    ),
    _policy(
        2, "amount_at_least", _O.BLOCK_AND_REVIEW, 40, _S.HIGH, {"amount": "50000.00"},
        "超大额支付拦截", "Very high amount", "单笔超大额支付需人工审核", "A very high payment waits for a reviewer",
    ),
    _policy(
        3, "amount_at_least", _O.DECLINE, 100, _S.CRITICAL, {"amount": "500000.00"},
        "金额上限", "Amount limit", "超过单笔上限的支付直接拒绝", "A payment above the limit is declined",
    ),
    _policy(
        4, "velocity_count", _O.REVIEW, 20, _S.MEDIUM, {"window_seconds": 10 * MINUTE, "limit": 20},
        "高频支付", "Burst of payments", "短时间内多次发起支付", "Many attempts within minutes",
    ),
    _policy(
        5, "velocity_count", _O.BLOCK_AND_REVIEW, 40, _S.HIGH, {"window_seconds": DAY, "limit": 200},
        "单日支付次数", "Payments in a day", "单日支付次数过多需人工审核", "Too many attempts within a day",
    ),
    _policy(
        6, "velocity_amount", _O.BLOCK_AND_REVIEW, 40, _S.HIGH, {"window_seconds": DAY, "amount": "1000000.00"},
        "单日累计金额", "Total of a day", "单日累计金额过大需人工审核", "A very high total within a day",
    ),
    _policy(
        7, "repeated_declines", _O.BLOCK_AND_REVIEW, 40, _S.HIGH, {"window_seconds": DAY, "limit": 3},
        "多次被拒", "Repeated declines", "近期多次被风控拒绝", "Several attempts were declined lately",
    ),
    _policy(
        8, "new_account", _O.REVIEW, 20, _S.MEDIUM, {"max_age_seconds": DAY, "amount": "2000.00"},
        "新账户支付", "New account", "新注册账户的较大金额支付", "A young account pays a higher amount",
    ),
    _policy(
        9, "new_account", _O.BLOCK_AND_REVIEW, 40, _S.HIGH, {"max_age_seconds": DAY, "amount": "10000.00"},
        "新账户大额支付", "New account, high amount", "新注册账户的大额支付需人工审核",
        "A young account pays a high amount",
    ),
    _policy(
        10, "unknown_account", _O.APPROVE, 10, _S.LOW, {"amount": "2000.00"},
        "账户信息未知", "Unknown account age", "无法确认账户注册时间", "UserService could not tell the account's age",
    ),
    _policy(
        11, "block_list", _O.DECLINE, 100, _S.CRITICAL, {"block": "user"},
        "用户黑名单", "Blocked user", "黑名单用户的支付直接拒绝", "A blocked user's payment is declined",
    ),
    _policy(
        12, "block_list", _O.DECLINE, 100, _S.CRITICAL, {"block": "address"},
        "地址黑名单", "Blocked address", "寄往黑名单地址的支付直接拒绝", "A payment to a blocked address is declined",
    ),
    _policy(
        13, "block_list", _O.BLOCK_AND_REVIEW, 40, _S.HIGH, {"block": "ip"},
        "IP 黑名单", "Blocked IP", "来自黑名单 IP 的支付需人工审核", "A payment from a blocked IP waits for review",
    ),
)  # fmt: skip
