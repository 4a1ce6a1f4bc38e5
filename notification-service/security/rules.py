"""The rules of risk control: pure functions of facts and a policy's parameters.

Room: plain. A policy row names a kind from KINDS, its parameters and what a hit leads to; operators switch
rows. To add a kind: write its check, add it to KINDS, add a row by a data migration. Amounts are CNY, times
seconds.
"""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import timedelta
from decimal import Decimal, InvalidOperation
from typing import Any

from security.states import BlockKind, Outcome, SecurityLevel, Severity

HIGHEST_SCORE = 100
# From which score on the sum of hits alone asks for (review, hold, decline).
SCORE_BOUNDS: dict[SecurityLevel, tuple[int, int, int]] = {
    SecurityLevel.LOW: (60, 90, 101),
    SecurityLevel.MEDIUM: (50, 80, 101),
    SecurityLevel.HIGH: (30, 60, 95),
}


@dataclass(frozen=True, slots=True)
class Attempts:
    """What the same user tried before, within one window."""

    count: int = 0
    # Of attempts that were not stopped by us: declined money does not add up.
    amount: Decimal = Decimal(0)
    declined: int = 0


@dataclass(frozen=True, slots=True)
class Facts:
    """Everything the rules may know of one attempt to pay."""

    amount: Decimal
    # None: UserService could not say.
    account_age: timedelta | None = None
    blocked: frozenset[BlockKind] = frozenset()
    # By window, in seconds.
    attempts: Mapping[int, Attempts] = field(default_factory=dict)
    # The strongest outcome any earlier attempt for this order still stands under.
    standing: Outcome = Outcome.NOT_EVALUATED


@dataclass(frozen=True, slots=True)
class Rule:
    """One enabled policy row, as the rules see it."""

    policy_id: int
    kind: str
    parameters: Mapping[str, Any]
    outcome: Outcome
    score: int
    severity: Severity


@dataclass(frozen=True, slots=True)
class Hit:
    """One rule that spoke: `code` is stable, the sentences are for people and name no threshold."""

    policy_id: int
    code: str
    outcome: Outcome
    score: int
    severity: Severity


@dataclass(frozen=True, slots=True)
class Verdict:
    outcome: Outcome
    score: int
    hits: tuple[Hit, ...]


Check = Callable[[Facts, Mapping[str, Any]], bool]


@dataclass(frozen=True, slots=True)
class Kind:
    """One way to suspect.

    `parameters` names what a row must carry: "amount", "seconds", "count" or "block".
    """

    check: Check
    parameters: Mapping[str, str]
    zh: str
    en: str
    # The field of Attempts it looks at; empty: none, so nobody has to count for it.
    counts: str = ""


def _amount_at_least(facts: Facts, given: Mapping[str, Any]) -> bool:
    return facts.amount >= Decimal(given["amount"])


def _velocity_count(facts: Facts, given: Mapping[str, Any]) -> bool:
    return _attempts(facts, given).count + 1 > given["limit"]


def _velocity_amount(facts: Facts, given: Mapping[str, Any]) -> bool:
    return _attempts(facts, given).amount + facts.amount >= Decimal(given["amount"])


def _repeated_declines(facts: Facts, given: Mapping[str, Any]) -> bool:
    return _attempts(facts, given).declined >= given["limit"]


def _new_account(facts: Facts, given: Mapping[str, Any]) -> bool:
    young = facts.account_age is not None and facts.account_age < timedelta(seconds=given["max_age_seconds"])
    return young and facts.amount >= Decimal(given["amount"])


def _unknown_account(facts: Facts, given: Mapping[str, Any]) -> bool:
    return facts.account_age is None and facts.amount >= Decimal(given["amount"])


def _block_list(facts: Facts, given: Mapping[str, Any]) -> bool:
    return BlockKind(given["block"]) in facts.blocked


def _attempts(facts: Facts, given: Mapping[str, Any]) -> Attempts:
    return facts.attempts.get(given["window_seconds"], Attempts())


_WINDOW = {"window_seconds": "seconds"}

KINDS: dict[str, Kind] = {
    "amount_at_least": Kind(
        _amount_at_least, {"amount": "amount"}, "支付金额较大", "The amount is unusually high"
    ),
    "velocity_count": Kind(
        _velocity_count,
        {**_WINDOW, "limit": "count"},
        "短时间内支付次数过多",
        "Many payments in a short time",
        "count",
    ),
    "velocity_amount": Kind(
        _velocity_amount,
        {**_WINDOW, "amount": "amount"},
        "短时间内累计金额过大",
        "A high total in a short time",
        "amount",
    ),
    "repeated_declines": Kind(
        _repeated_declines,
        {**_WINDOW, "limit": "count"},
        "近期多次支付被拒",
        "Several payments were declined lately",
        "declined",
    ),
    "new_account": Kind(
        _new_account,
        {"max_age_seconds": "seconds", "amount": "amount"},
        "新注册账户的较大金额支付",
        "A young account pays a higher amount",
    ),
    "unknown_account": Kind(
        _unknown_account,
        {"amount": "amount"},
        "无法确认账户注册时间",
        "The account's age could not be confirmed",
    ),
    "block_list": Kind(_block_list, {"block": "block"}, "命中黑名单", "On a block list"),
}
# Not a policy and not to be switched off: an order that is held or refused cannot be paid by simply trying
# again.
STANDING = "order_already_restricted"
SENTENCES: dict[str, tuple[str, str]] = {
    **{name: (kind.zh, kind.en) for name, kind in KINDS.items()},
    STANDING: ("该订单此前的支付已被风控限制", "An earlier payment for this order was restricted"),
}


def judge(facts: Facts, rules: Sequence[Rule], level: SecurityLevel) -> Verdict:
    """The strongest of what each hit asks for and what their summed score asks for; never weaker than before.

    Without any rule the outcome is NOT_EVALUATED (unless an earlier restriction stands): skipped is not
    approved.
    """
    hits = tuple(_hit(rule) for rule in rules if KINDS[rule.kind].check(facts, rule.parameters))
    hits += _standing(facts)
    score = min(HIGHEST_SCORE, sum(hit.score for hit in hits))
    floor = Outcome.APPROVE if rules else Outcome.NOT_EVALUATED
    outcome = max([floor, outcome_of_score(score, level), *(hit.outcome for hit in hits)])
    return Verdict(outcome, score, hits)


def _hit(rule: Rule) -> Hit:
    return Hit(rule.policy_id, rule.kind, rule.outcome, rule.score, rule.severity)


def _standing(facts: Facts) -> tuple[Hit, ...]:
    if facts.standing < Outcome.BLOCK_AND_REVIEW:
        return ()
    return (Hit(0, STANDING, facts.standing, 40, Severity.HIGH),)


def outcome_of_score(score: int, level: SecurityLevel) -> Outcome:
    """What the summed score alone asks for."""
    review, hold, decline = SCORE_BOUNDS[level]
    if score >= decline:
        return Outcome.DECLINE
    if score >= hold:
        return Outcome.BLOCK_AND_REVIEW
    return Outcome.REVIEW if score >= review else Outcome.NOT_EVALUATED


def tallies_of(rules: Sequence[Rule]) -> list[tuple[int, str]]:
    """What has to be counted for `rules`: (window in seconds, field of Attempts)."""
    counting = (rule for rule in rules if KINDS[rule.kind].counts)
    return sorted({(rule.parameters["window_seconds"], KINDS[rule.kind].counts) for rule in counting})


def parameter_problems(kind: str, parameters: Mapping[str, Any]) -> dict[str, list[str]]:
    """What is wrong with a row's parameters; empty when it is sound. For admin forms and the update API."""
    if kind not in KINDS:
        return {"kind": [", ".join(KINDS)]}
    wanted = KINDS[kind].parameters
    problems = {name: ["unknown"] for name in parameters if name not in wanted}
    for name, form in wanted.items():
        if not _sound(form, parameters.get(name)):
            problems[name] = [form]
    return problems


def _sound(form: str, value: Any) -> bool:
    if form == "amount":
        return _sound_amount(value)
    if form == "block":
        return value in set(BlockKind)
    most = 90 * 24 * 3600 if form == "seconds" else 1_000_000
    return type(value) is int and 0 < value <= most


def _sound_amount(value: Any) -> bool:
    try:
        amount = Decimal(value) if isinstance(value, str) else None
    except InvalidOperation:
        return False
    return amount is not None and amount.is_finite() and 0 <= amount < Decimal(10) ** 10
